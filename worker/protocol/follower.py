"""A follower's part of a round. Pure: `step(state, event, now)` gives the state and what to do.

Models and updates are named by digest; whoever drives this keeps their bytes, computes, and reports as events.
"""

from msgspec.structs import replace

from tag.limits import WINDOW_CHUNKS, model_window
from worker.protocol import follower_io as io
from worker.protocol import unhurried
from worker.protocol.follower_state import Fetching, Follower, Upload
from worker.protocol.messages import (
    NO_TERM,
    ModelManifest,
    State,
    Term,
    Want,
    members,
)
from worker.protocol.patience import LONGEST_S, STALLED_S, Patience
from worker.protocol.slots import first_window
from worker.protocol.streams import confirms
from worker.wire import chunk_count

RIDE_S = 0.1
"""Seconds that an evaluation waits to go with the update; training is seldom that short."""

Step = tuple[Follower, list[io.Action]]


def step(follower: Follower, event: io.Event, now: float) -> Step:
    """The follower after an event, and what it does."""
    follower, actions = _take(follower, event, now)
    for advance in (_advance_presence, _advance_fetching, _advance_task, _advance_evaluation, _advance_upload):
        follower, more = advance(follower, now)
        actions += more
    return follower, actions


def _take(follower: Follower, event: io.Event, now: float) -> Step:
    actions: list[io.Action] = []
    match event:
        case io.Up():
            follower = replace(follower, said=NO_TERM, fetching=None, stalled=now, patience=Patience())
            actions = [_here(follower)]
        case io.Prepared(initial):
            follower = replace(follower, ready=True, held=(initial,))
            actions = [_here(follower)]
        case io.StateHeard(sender, state):
            follower, actions = _hear(follower, sender, state, now)
        case io.Turned(run, number):
            follower, actions = _turned(follower, run, number)
        case io.Offered(manifest):
            follower, actions = _offered(follower, manifest, now)
        case io.Came() | io.Spoiled() | io.Holding():
            follower, actions = _received(follower, event, now)
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
    upload = follower.upload
    if upload is not None and (follower.state is None or state.term != follower.state.term):
        upload = replace(upload, sent=0, confirmed=0, done=False, at=now)
    elif upload is not None and follower.state is not None and _takes(state) != _takes(follower.state):
        # The way to the leader is in use by others.
        upload = replace(upload, at=now)
    stalled = follower.stalled
    if fresh:
        stalled = now - LONGEST_S if follower.paired else now
    return replace(follower, term=state.term, leader=sender, state=state, upload=upload, stalled=stalled), []


def _takes(state: State) -> object:
    """What a leader has of the updates under way."""
    return state.slots, state.received


def _turned(follower: Follower, run: int, number: int) -> Step:
    """Forget a leader's term and state, which are its own; what is held is kept, and so is an update to be sent."""
    upload = follower.upload
    actions: list[io.Action] = []
    if upload is not None and not upload.done and (run, number) > (upload.manifest.run, upload.manifest.round):
        # Its round is over, so the former leader has counted it, though its word on that may come too late.
        manifest = upload.manifest
        if upload.sent == chunk_count(manifest.size):
            actions.append(io.Confirmed(manifest.run, manifest.round))
        upload = replace(upload, done=True)
    return replace(follower, term=NO_TERM, said=NO_TERM, leader="", state=None, fetching=None, upload=upload), actions


def _offered(follower: Follower, manifest: ModelManifest, now: float) -> Step:
    if manifest.term < follower.term or follower.holds(manifest.digest):
        return follower, []
    if follower.fetching is not None and follower.fetching.digest == manifest.digest:
        return follower, []
    fetching = Fetching(manifest.digest, chunk_count(manifest.size), 0, now, now)
    return replace(follower, fetching=fetching, stalled=now), [io.Fetch(manifest)]


def _received(follower: Follower, event: io.Came | io.Spoiled | io.Holding, now: float) -> Step:
    if isinstance(event, io.Holding):
        # The initial model and the two newest rounds' models are kept, to supply them when all aggregators forgot;
        # for who passes on, those below keep them.
        held = (event.held,) if follower.passes else (*follower.held[:1], *follower.held[1:][-1:], event.held)
        state = follower.state
        late = "" if state is None or event.held.digest == state.model else event.held.digest
        follower = replace(follower, held=held, fetching=None, late=late)
        kept = frozenset(h.digest for h in held)
        evaluations = {digest: e for digest, e in follower.evaluations.items() if digest in kept}
        return replace(follower, evaluations=evaluations), [io.Forget(kept)]
    fetching = follower.fetching
    if fetching is None or fetching.digest != event.digest:
        return follower, []
    if isinstance(event, io.Spoiled):
        return replace(follower, fetching=None, stalled=now), []
    patience = follower.patience.moved(now - fetching.at)
    window = model_window(len(follower.state.selected)) if follower.state is not None else WINDOW_CHUNKS
    due = confirms(fetching.have, event.have, count=fetching.count, window=window)
    # Half a window may take long, and whoever is silent is left behind.
    due = due or (now - fetching.told >= STALLED_S and fetching.have < event.have < fetching.count)
    told = now if due else fetching.told
    fetching = replace(fetching, have=event.have, at=now, told=told)
    follower = replace(follower, fetching=fetching, stalled=now, patience=patience)
    if follower.leader and due:
        return follower, [io.SendWant(follower.leader, Want(follower.term, fetching.digest, event.have))]
    return follower, []


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
        return replace(follower, evaluations=evaluations, upload=upload, told=told)
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


def _needed(follower: Follower) -> str:
    """The digest of the model that the current phase needs here; empty if none."""
    state = follower.state
    if state is None or not follower.ready or state.phase not in ("round", "evaluation"):
        return ""
    return state.model if follower.dataset in state.selected else ""


def _advance_fetching(follower: Follower, now: float) -> Step:
    """Ask for a model that is needed and does not come."""
    digest = _needed(follower)
    if not digest or follower.holds(digest) or now - follower.stalled < follower.patience.seconds:
        return follower, []
    fetching = follower.fetching
    have = fetching.have if fetching is not None and fetching.digest == digest else 0
    want = Want(follower.term, digest, have, ask=True)
    return replace(follower, stalled=now, patience=follower.patience.in_vain()), [io.SendWant(follower.leader, want)]


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
    digest, state = _needed(follower), follower.state
    if not digest or state is None:
        return None
    if not follower.holds(digest):
        return unhurried.late_task(follower)
    if digest not in follower.evaluations and not (follower.passes and state.phase == "round"):
        return io.Task("evaluate", digest, state.run, state.round)
    counted = follower.dataset in members(state.selected, state.received)
    if state.phase == "evaluation" or _upload_fits(follower) or counted:
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


def _upload_fits(follower: Follower) -> bool:
    """Whether the last update could be counted: it is of the current round and of its base, or of a version of late."""
    state, upload = follower.state, follower.upload
    if state is None or upload is None or state.phase != "round":
        return False
    manifest = upload.manifest
    if unhurried.unhurried(state):
        return unhurried.fits(state, follower.dataset, manifest)
    return (manifest.run, manifest.round, manifest.base) == (state.run, state.round, state.model)


def _advance_evaluation(follower: Follower, now: float) -> Step:
    """Send the evaluation of the current model until the beat names it."""
    digest, state = _needed(follower), follower.state
    evaluation = follower.evaluations.get(digest)
    if evaluation is None or state is None or follower.dataset in members(state.selected, state.evaluated):
        return follower, []
    told_digest, told_term, at = follower.told
    if (told_digest, told_term) == (digest, follower.term) and now - at < STALLED_S:
        return follower, []
    return replace(follower, told=(digest, follower.term, now)), [io.SendEvaluation(follower.leader, evaluation)]


def _advance_upload(follower: Follower, now: float) -> Step:
    """Send as much of the update as the leader's windows allow, and again what it lacks."""
    upload, state = follower.upload, follower.state
    if upload is None or state is None:
        return follower, []
    if upload.done:
        return _send_again(follower, upload, state, now)
    if unhurried.unhurried(state) and unhurried.is_settled(state, follower.dataset, upload.manifest):
        done = replace(upload, done=True)
        return replace(follower, upload=done), [io.Confirmed(upload.manifest.run, upload.manifest.round)]
    if not _upload_fits(follower):
        manifest = upload.manifest
        newer = (state.run, state.round) > (manifest.run, manifest.round) or state.phase != "round"
        if newer and upload.sent == chunk_count(manifest.size):
            return replace(follower, upload=replace(upload, done=True)), [io.Confirmed(manifest.run, manifest.round)]
        return follower, []
    if follower.dataset in members(state.selected, state.received):
        done = replace(upload, done=True)
        return replace(follower, upload=done), [io.Confirmed(upload.manifest.run, upload.manifest.round)]
    if follower.dataset not in state.selected:
        return follower, []
    return _send(follower, upload, state, now)


def _send_again(follower: Follower, upload: Upload, state: State, now: float) -> Step:
    """Begin to send what was counted, once more: whoever counted it began the same round anew."""
    if not _upload_fits(follower) or follower.dataset in members(state.selected, state.received):
        return follower, []
    again = replace(upload, sent=0, confirmed=0, done=False, at=now)
    return _send(replace(follower, upload=again), again, state, now)


def _send(follower: Follower, upload: Upload, state: State, now: float) -> Step:
    count = chunk_count(upload.manifest.size)
    slot = state.slots.get(follower.dataset)
    confirmed = slot.confirmed if slot is not None else 0
    upto = slot.upto if slot is not None else first_window(upload.manifest.size, state.trainers)
    if confirmed > upload.confirmed:
        follower = replace(follower, patience=follower.patience.moved(now - upload.at))
        upload = replace(upload, confirmed=confirmed, at=now)
    if upload.sent > confirmed and now - upload.at >= follower.patience.seconds:
        follower = replace(follower, patience=follower.patience.in_vain())
        upload = replace(upload, sent=confirmed, confirmed=confirmed)
    last = min(count, upto, confirmed + WINDOW_CHUNKS)
    if last <= upload.sent:
        return replace(follower, upload=upload), []
    action = io.SendUpdate(follower.leader, upload.manifest, upload.sent, last)
    return replace(follower, upload=replace(upload, sent=last, at=now)), [action]
