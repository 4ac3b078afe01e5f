"""A trainer's part of a round. Pure: `step(state, event, now)` gives the state and what to do.

Models and updates are named by digest; whoever drives this keeps their bytes, computes, and reports as events.
"""

from msgspec.structs import replace

from tag.limits import WINDOW_CHUNKS, model_window
from worker.protocol import trainer_io as io
from worker.protocol.messages import (
    NO_TERM,
    ModelManifest,
    State,
    Term,
    Want,
    members,
)
from worker.protocol.slots import first_window
from worker.protocol.streams import confirms
from worker.protocol.trainer_state import Fetching, Trainer, Upload
from worker.wire import chunk_count

RIDE_S = 0.1
"""Seconds that an evaluation waits to go with the update; training is seldom that short."""
STALLED_S = 2.0
"""Seconds without progress after which what is missing is asked for, or sent, again."""


Step = tuple[Trainer, list[io.Action]]


def step(trainer: Trainer, event: io.Event, now: float) -> Step:
    """The trainer after an event, and what it does."""
    trainer, actions = _take(trainer, event, now)
    for advance in (_advance_presence, _advance_fetching, _advance_task, _advance_evaluation, _advance_upload):
        trainer, more = advance(trainer, now)
        actions += more
    return trainer, actions


def _take(trainer: Trainer, event: io.Event, now: float) -> Step:
    actions: list[io.Action] = []
    match event:
        case io.Up():
            trainer = replace(trainer, said=NO_TERM, fetching=None, stalled=now)
            actions = [_here(trainer)]
        case io.Prepared(initial):
            trainer = replace(trainer, ready=True, held=(initial,))
            actions = [_here(trainer)]
        case io.StateHeard(sender, state):
            trainer, actions = _hear(trainer, sender, state, now)
        case io.Offered(manifest):
            trainer, actions = _offered(trainer, manifest, now)
        case io.Came() | io.Spoiled() | io.Holding():
            trainer, actions = _received(trainer, event, now)
        case io.Evaluated() | io.Trained() | io.Stopped():
            trainer = _computed(trainer, event, now)
        case io.Wanted(sender, want):
            actions = _supply(trainer, sender, want)
        case io.Tick():
            pass
    return trainer, actions


def _here(trainer: Trainer) -> io.SayHere:
    newest = trainer.held[-1] if len(trainer.held) > 1 else None
    return io.SayHere(trainer.term, newest)


def _key(state: State) -> tuple[int, Term, int]:
    return state.run, state.term, state.round


def _hear(trainer: Trainer, sender: str, state: State, now: float) -> Step:
    """Follow the greatest (run, term, round); one below the highest term is told so by presence."""
    if state.term < trainer.term:
        return replace(trainer, said=NO_TERM), []
    if trainer.state is not None and state.term == trainer.state.term and _key(state) < _key(trainer.state):
        return trainer, []
    fresh = trainer.state is None or (state.term, state.model) != (trainer.state.term, trainer.state.model)
    upload = trainer.upload
    if upload is not None and (trainer.state is None or state.term != trainer.state.term):
        upload = replace(upload, sent=0, confirmed=0, done=False, at=now)
    stalled = now if fresh else trainer.stalled
    return replace(trainer, term=state.term, leader=sender, state=state, upload=upload, stalled=stalled), []


def _offered(trainer: Trainer, manifest: ModelManifest, now: float) -> Step:
    if manifest.term < trainer.term or trainer.holds(manifest.digest):
        return trainer, []
    if trainer.fetching is not None and trainer.fetching.digest == manifest.digest:
        return trainer, []
    fetching = Fetching(manifest.digest, chunk_count(manifest.size), 0, now)
    return replace(trainer, fetching=fetching, stalled=now), [io.Fetch(manifest)]


def _received(trainer: Trainer, event: io.Came | io.Spoiled | io.Holding, now: float) -> Step:
    if isinstance(event, io.Holding):
        # The initial model and the two newest rounds' models are kept, to supply them when all aggregators forgot.
        held = (*trainer.held[:1], *trainer.held[1:][-1:], event.held)
        trainer = replace(trainer, held=held, fetching=None)
        kept = frozenset(h.digest for h in held)
        evaluations = {digest: e for digest, e in trainer.evaluations.items() if digest in kept}
        return replace(trainer, evaluations=evaluations), [io.Forget(kept)]
    fetching = trainer.fetching
    if fetching is None or fetching.digest != event.digest:
        return trainer, []
    if isinstance(event, io.Spoiled):
        return replace(trainer, fetching=None, stalled=now), []
    before, fetching = fetching.have, replace(fetching, have=event.have, at=now)
    trainer = replace(trainer, fetching=fetching, stalled=now)
    window = model_window(len(trainer.state.selected)) if trainer.state is not None else WINDOW_CHUNKS
    if trainer.leader and confirms(before, event.have, count=fetching.count, window=window):
        return trainer, [io.SendWant(trainer.leader, Want(trainer.term, fetching.digest, event.have))]
    return trainer, []


def _computed(trainer: Trainer, event: io.Evaluated | io.Trained | io.Stopped, now: float) -> Trainer:
    trainer = replace(trainer, task=None)
    if isinstance(event, io.Evaluated):
        model = event.evaluation.model
        wait = RIDE_S if trainer.state is not None and trainer.state.phase == "round" else 0.0
        evaluations = {**trainer.evaluations, model: event.evaluation}
        return replace(trainer, evaluations=evaluations, told=(model, trainer.term, now + wait - STALLED_S))
    if isinstance(event, io.Trained):
        manifest = event.manifest
        state = trainer.state
        known = state is not None and trainer.dataset in members(state.selected, state.evaluated)
        evaluation = None if known else trainer.evaluations.get(manifest.base)
        told = (manifest.base, trainer.term, now)
        return replace(trainer, upload=Upload(replace(manifest, evaluation=evaluation)), told=told)
    return trainer


def _supply(trainer: Trainer, sender: str, want: Want) -> list[io.Action]:
    for held in trainer.held:
        if held.digest == want.digest:
            count = chunk_count(held.size)
            return [io.SendModel(sender, held, want.have, min(count, want.have + WINDOW_CHUNKS))]
    return []


def _advance_presence(trainer: Trainer, _now: float) -> Step:
    """Answer a leader of a new term, so that it knows what is held here."""
    if trainer.said == trainer.term or not trainer.ready or trainer.term == NO_TERM:
        return trainer, []
    return replace(trainer, said=trainer.term), [_here(trainer)]


def _needed(trainer: Trainer) -> str:
    """The digest of the model that the current phase needs here; empty if none."""
    state = trainer.state
    if state is None or not trainer.ready or state.phase not in ("round", "evaluation"):
        return ""
    return state.model if trainer.dataset in state.selected else ""


def _advance_fetching(trainer: Trainer, now: float) -> Step:
    """Ask for a model that is needed and does not come."""
    digest = _needed(trainer)
    if not digest or trainer.holds(digest) or now - trainer.stalled < STALLED_S:
        return trainer, []
    fetching = trainer.fetching
    have = fetching.have if fetching is not None and fetching.digest == digest else 0
    return replace(trainer, stalled=now), [io.SendWant(trainer.leader, Want(trainer.term, digest, have, ask=True))]


def _advance_task(trainer: Trainer, _now: float) -> Step:
    """Begin what the state asks for; stop what it no longer does."""
    wanted = _wanted(trainer)
    if trainer.task is not None:
        stale = trainer.task.kind == "train" and not _still_wanted(trainer, trainer.task)
        return trainer, ([io.Stop()] if stale else [])
    if wanted is None:
        return trainer, []
    return replace(trainer, task=wanted), [io.Compute(wanted)]


def _wanted(trainer: Trainer) -> io.Task | None:
    digest, state = _needed(trainer), trainer.state
    if not digest or state is None or not trainer.holds(digest):
        return None
    if digest not in trainer.evaluations:
        return io.Task("evaluate", digest, state.run, state.round)
    if state.phase == "evaluation" or _upload_fits(trainer):
        return None
    return io.Task("train", digest, state.run, state.round)


def _still_wanted(trainer: Trainer, task: io.Task) -> bool:
    state = trainer.state
    return (
        state is not None
        and state.phase == "round"
        and (state.run, state.round, state.model)
        == (
            task.run,
            task.round,
            task.digest,
        )
    )


def _upload_fits(trainer: Trainer) -> bool:
    """Whether the last update is of the current round and of its base."""
    state, upload = trainer.state, trainer.upload
    if state is None or upload is None or state.phase != "round":
        return False
    manifest = upload.manifest
    return (manifest.run, manifest.round, manifest.base) == (state.run, state.round, state.model)


def _advance_evaluation(trainer: Trainer, now: float) -> Step:
    """Send the evaluation of the current model until the beat names it."""
    digest, state = _needed(trainer), trainer.state
    evaluation = trainer.evaluations.get(digest)
    if evaluation is None or state is None or trainer.dataset in members(state.selected, state.evaluated):
        return trainer, []
    told_digest, told_term, at = trainer.told
    if (told_digest, told_term) == (digest, trainer.term) and now - at < STALLED_S:
        return trainer, []
    return replace(trainer, told=(digest, trainer.term, now)), [io.SendEvaluation(trainer.leader, evaluation)]


def _advance_upload(trainer: Trainer, now: float) -> Step:
    """Send as much of the update as the leader's windows allow, and again what it lacks."""
    upload, state = trainer.upload, trainer.state
    if upload is None or state is None or upload.done:
        return trainer, []
    if not _upload_fits(trainer):
        manifest = upload.manifest
        newer = (state.run, state.round) > (manifest.run, manifest.round) or state.phase != "round"
        if newer and upload.sent == chunk_count(manifest.size):
            return replace(trainer, upload=replace(upload, done=True)), [io.Confirmed(manifest.run, manifest.round)]
        return trainer, []
    if trainer.dataset in members(state.selected, state.received):
        done = replace(upload, done=True)
        return replace(trainer, upload=done), [io.Confirmed(upload.manifest.run, upload.manifest.round)]
    return _send(trainer, upload, state, now)


def _send(trainer: Trainer, upload: Upload, state: State, now: float) -> Step:
    count = chunk_count(upload.manifest.size)
    slot = state.slots.get(trainer.dataset)
    confirmed = slot.confirmed if slot is not None else 0
    upto = slot.upto if slot is not None else first_window(upload.manifest.size, state.trainers)
    if confirmed > upload.confirmed:
        upload = replace(upload, confirmed=confirmed, at=now)
    if upload.sent > confirmed and now - upload.at >= STALLED_S:
        upload = replace(upload, sent=confirmed, confirmed=confirmed)
    last = min(count, upto, confirmed + WINDOW_CHUNKS)
    if last <= upload.sent:
        return replace(trainer, upload=upload), []
    action = io.SendUpdate(trainer.leader, upload.manifest, upload.sent, last)
    return replace(trainer, upload=replace(upload, sent=last, at=now)), [action]
