"""A follower's part of a round. Pure: `step(state, event, now)` gives the state and what to do.

Models and updates are named by digest; whoever drives this keeps their bytes, computes, and reports as events.
"""

from msgspec.structs import replace

from tag.limits import WINDOW_CHUNKS
from worker.protocol import fetching, unhurried, uploading
from worker.protocol import follower_io as io
from worker.protocol.follower_state import Follower, Upload
from worker.protocol.messages import NO_TERM, State, Term, Want, members
from worker.protocol.patience import LONGEST_S, STALLED_S, Patience
from worker.wire import chunk_count

RIDE_S = 0.1
"""Seconds that an evaluation waits to go with the update; training is seldom that short."""

Step = tuple[Follower, list[io.Action]]


def step(follower: Follower, event: io.Event, now: float) -> Step:
    """The follower after an event, and what it does."""
    follower, actions = _take(follower, event, now)
    for advance in (_advance_presence, fetching.advance, _advance_task, _advance_evaluation, uploading.advance):
        follower, more = advance(follower, now)
        actions += more
    return follower, actions


def _take(follower: Follower, event: io.Event, now: float) -> Step:
    actions: list[io.Action] = []
    match event:
        case io.Up():
            follower = replace(follower, said=NO_TERM, fetching=None, stalled=now, patience=Patience())
            follower = replace(follower, upload=uploading.reconnected(follower))
            actions = [_here(follower)]
        case io.Prepared(initial):
            follower = replace(follower, ready=True, held=(initial,))
            actions = [_here(follower)]
        case io.StateHeard(sender, state):
            follower, actions = _hear(follower, sender, state, now)
        case io.Turned(run, number):
            follower, actions = _turned(follower, run, number)
        case io.Offered(manifest):
            follower, actions = fetching.offered(follower, manifest, now)
        case io.Came() | io.Spoiled():
            follower, actions = fetching.received(follower, event, now)
        case io.Holding():
            follower, actions = fetching.held(follower, event)
        case io.Evaluated() | io.Trained() | io.Stopped():
            follower = _computed(follower, event, now)
        case io.Wanted(sender, want):
            actions = _supply(follower, sender, want)
        case io.Tick():
            pass
    return follower, actions


def _here(follower: Follower) -> io.SayHere:
    newest = follower.held[-1] if follower.held and follower.held[-1].run else None
    return io.SayHere(follower.term, newest)


def _key(state: State) -> tuple[int, Term, int]:
    return state.run, state.term, state.round


def _hear(follower: Follower, sender: str, state: State, now: float) -> Step:
    """Follow the greatest (run, term, round); one below the highest term is told so by presence."""
    if state.term < follower.term:
        return replace(follower, said=NO_TERM), []
    if follower.state is not None and state.term == follower.state.term and _key(state) < _key(follower.state):
        return follower, []
    fresh = follower.state is None or (state.term, state.model) != (follower.state.term, follower.state.model)
    upload, stalled = uploading.heard(follower, state, now), follower.stalled
    if fresh:
        stalled = now - LONGEST_S if follower.paired else now
    return replace(follower, term=state.term, leader=sender, state=state, upload=upload, stalled=stalled), []


def _turned(follower: Follower, run: int, number: int) -> Step:
    """Forget a leader's term and state, which are its own; what is held is kept, and so is an update to be sent."""
    follower, actions = uploading.turned(follower, run, number)
    return replace(follower, term=NO_TERM, said=NO_TERM, leader="", state=None, fetching=None), actions


def _computed(follower: Follower, event: io.Evaluated | io.Trained | io.Stopped, now: float) -> Follower:
    follower = replace(follower, task=None)
    if isinstance(event, io.Evaluated):
        model = event.evaluation.model
        wait = RIDE_S if follower.state is not None and follower.state.phase == "round" else 0.0
        evaluations = {**follower.evaluations, model: event.evaluation}
        return replace(follower, evaluations=evaluations, told=(model, follower.term, now + wait - STALLED_S))
    if isinstance(event, io.Trained):
        manifest = event.manifest
        state = follower.state
        known = state is not None and follower.dataset in members(state.selected, state.evaluated)
        evaluations = dict(follower.evaluations)
        if manifest.evaluation is not None:
            evaluations = {**evaluations, manifest.base: manifest.evaluation}
        evaluation = None if known else evaluations.get(manifest.base)
        told = (manifest.base, follower.term, now)
        upload = Upload(replace(manifest, evaluation=evaluation))
        patience = follower.patience.anew()
        return replace(follower, evaluations=evaluations, upload=upload, told=told, patience=patience)
    return follower


def _supply(follower: Follower, sender: str, want: Want) -> list[io.Action]:
    for held in follower.held:
        if held.digest == want.digest:
            count = chunk_count(held.size)
            return [io.SendModel(sender, held, want.have, min(count, want.have + WINDOW_CHUNKS))]
    return []


def _advance_presence(follower: Follower, _now: float) -> Step:
    """Answer a leader of a new term, so that it knows what is held here."""
    if follower.said == follower.term or not follower.ready or follower.term == NO_TERM:
        return follower, []
    return replace(follower, said=follower.term), [_here(follower)]


def _advance_task(follower: Follower, _now: float) -> Step:
    """Begin what the state asks for; stop what it no longer does."""
    wanted = _wanted(follower)
    if follower.task is not None:
        stale = follower.task.kind == "train" and not _still_wanted(follower, follower.task)
        return follower, ([io.Stop()] if stale else [])
    if wanted is None:
        return follower, []
    # Who passes on writes the next sum where the last one was.
    upload = None if follower.passes else follower.upload
    return replace(follower, task=wanted, upload=upload), [io.Compute(wanted)]


def _wanted(follower: Follower) -> io.Task | None:
    digest, state = follower.needed, follower.state
    if not digest or state is None:
        return None
    if not follower.holds(digest):
        return unhurried.late_task(follower)
    if digest not in follower.evaluations and not (follower.passes and state.phase == "round"):
        return io.Task("evaluate", digest, state.run, state.round)
    counted = follower.dataset in members(state.selected, state.received)
    if state.phase == "evaluation" or uploading.fits(follower) or counted:
        return None
    delta = unhurried.unhurried(state)
    if delta and not unhurried.may_begin(state, follower.dataset):
        return None
    return io.Task("train", digest, state.run, state.round, state.term, delta)


def _still_wanted(follower: Follower, task: io.Task) -> bool:
    state = follower.state
    if state is None or state.phase != "round":
        return False
    if task.delta:
        return unhurried.goes_on(state, follower.dataset, task)
    return (state.run, state.round, state.model) == (task.run, task.round, task.digest)


def _advance_evaluation(follower: Follower, now: float) -> Step:
    """Send the evaluation of the current model until the beat names it."""
    digest, state = follower.needed, follower.state
    evaluation = follower.evaluations.get(digest)
    if evaluation is None or state is None or follower.dataset in members(state.selected, state.evaluated):
        return follower, []
    told_digest, told_term, at = follower.told
    if (told_digest, told_term) == (digest, follower.term) and now - at < STALLED_S:
        return follower, []
    return replace(follower, told=(digest, follower.term, now)), [io.SendEvaluation(follower.leader, evaluation)]
