"""A trainer's part of a round. Pure: `step(state, event, now)` gives the state and what to do.

Models and updates are named by digest; whoever drives this keeps their bytes, computes, and reports as events.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tag.limits import WINDOW_CHUNKS
from worker.protocol.messages import (
    NO_TERM,
    Evaluation,
    Held,
    ModelManifest,
    State,
    Term,
    UpdateManifest,
    Want,
    members,
)
from worker.protocol.slots import first_window
from worker.wire import chunk_count

STALLED_S = 2.0
"""Seconds without progress after which what is missing is asked for, or sent, again."""

ACK_CHUNKS = WINDOW_CHUNKS // 2


@dataclass(frozen=True)
class Fetching:
    """A model that is coming in: its digest, its chunks, how many are here without a gap, when the last one came."""

    digest: str
    count: int
    have: int
    at: float


@dataclass(frozen=True)
class Upload:
    """An update under way.

    Attributes:
        manifest: what it is.
        sent: chunks sent.
        at: when the last one was sent, or the leader's confirmation moved.
        confirmed: chunks that the leader has.
        done: whether the leader has counted it.
    """

    manifest: UpdateManifest
    sent: int = 0
    at: float = 0.0
    confirmed: int = 0
    done: bool = False


@dataclass(frozen=True)
class Task:
    """What the trainer computes.

    Attributes:
        kind: evaluate or train.
        digest: of the model.
        run: of the round.
        round: of training.
    """

    kind: str
    digest: str
    run: int
    round: int


@dataclass(frozen=True)
class Trainer:
    """A trainer.

    Attributes:
        dataset: its logical name.
        ready: whether data and model are here.
        term: highest heard.
        leader: whose state is followed.
        state: the newest state.
        said: the term under which presence was last said.
        held: models whose bytes are kept, newest last; the initial one first.
        fetching: the model that is coming in.
        stalled: since when a model that is needed does not come.
        task: what is being computed.
        evaluations: of held models, by digest.
        upload: the last update.
        resent: when the evaluation was last sent, and of which model under which term.
    """

    dataset: str
    ready: bool = False
    term: Term = NO_TERM
    leader: str = ""
    state: State | None = None
    said: Term = NO_TERM
    held: tuple[Held, ...] = ()
    fetching: Fetching | None = None
    stalled: float = 0.0
    task: Task | None = None
    evaluations: Mapping[str, Evaluation] = field(default_factory=dict)
    upload: Upload | None = None
    resent: tuple[str, Term, float] = ("", NO_TERM, 0.0)

    def holds(self, digest: str) -> bool:
        """Whether a model's bytes are here."""
        return any(held.digest == digest for held in self.held)


# --- events


@dataclass(frozen=True)
class Up:
    """The link is up."""


@dataclass(frozen=True)
class Prepared:
    """Data and model are here."""

    initial: Held


@dataclass(frozen=True)
class StateHeard:
    """A leader's beat."""

    sender: str
    state: State


@dataclass(frozen=True)
class Offered:
    """A model's manifest."""

    manifest: ModelManifest


@dataclass(frozen=True)
class Came:
    """A chunk of the model that is coming in was new."""

    digest: str
    have: int


@dataclass(frozen=True)
class Holding:
    """A model is here, whole and checked."""

    held: Held


@dataclass(frozen=True)
class Spoiled:
    """A model's bytes were not what its digest says."""

    digest: str


@dataclass(frozen=True)
class Evaluated:
    """The evaluation of a model is done."""

    evaluation: Evaluation


@dataclass(frozen=True)
class Trained:
    """The training is done."""

    manifest: UpdateManifest


@dataclass(frozen=True)
class Stopped:
    """The computation was stopped."""


@dataclass(frozen=True)
class Wanted:
    """Somebody wants a model from here."""

    sender: str
    want: Want


@dataclass(frozen=True)
class Tick:
    """Time has passed."""


Event = Up | Prepared | StateHeard | Offered | Came | Holding | Spoiled | Evaluated | Trained | Stopped | Wanted | Tick


# --- actions


@dataclass(frozen=True)
class SayHere:
    """Publish presence, with the highest term and the newest model."""

    term: Term
    holds: Held | None


@dataclass(frozen=True)
class Fetch:
    """Stage a model; its chunks follow."""

    manifest: ModelManifest


@dataclass(frozen=True)
class SendWant:
    """Tell the leader how far a model has come."""

    to: str
    want: Want


@dataclass(frozen=True)
class Compute:
    """Begin a computation."""

    task: Task


@dataclass(frozen=True)
class Stop:
    """Stop the computation at the next batch."""


@dataclass(frozen=True)
class SendEvaluation:
    """Send an evaluation to the leader."""

    to: str
    evaluation: Evaluation


@dataclass(frozen=True)
class SendUpdate:
    """Send chunks `first` to `last` (exclusive) of the update to the leader."""

    to: str
    manifest: UpdateManifest
    first: int
    last: int


@dataclass(frozen=True)
class SendModel:
    """Send chunks of a held model to whoever wants it."""

    to: str
    held: Held
    first: int
    last: int


@dataclass(frozen=True)
class Forget:
    """Models and updates but these may be forgotten."""

    digests: frozenset[str]


@dataclass(frozen=True)
class Confirmed:
    """The leader has counted the update."""

    run: int
    round: int


Action = SayHere | Fetch | SendWant | Compute | Stop | SendEvaluation | SendUpdate | SendModel | Forget | Confirmed
Step = tuple[Trainer, list[Action]]


def step(trainer: Trainer, event: Event, now: float) -> Step:
    """The trainer after an event, and what it does."""
    trainer, actions = _take(trainer, event, now)
    for advance in (_advance_presence, _advance_fetching, _advance_task, _advance_evaluation, _advance_upload):
        trainer, more = advance(trainer, now)
        actions += more
    return trainer, actions


def _take(trainer: Trainer, event: Event, now: float) -> Step:
    actions: list[Action] = []
    match event:
        case Up():
            trainer = replace(trainer, said=NO_TERM, fetching=None, stalled=now)
            actions = [_here(trainer)]
        case Prepared(initial):
            trainer = replace(trainer, ready=True, held=(initial,))
            actions = [_here(trainer)]
        case StateHeard(sender, state):
            trainer, actions = _hear(trainer, sender, state, now)
        case Offered(manifest):
            trainer, actions = _offered(trainer, manifest, now)
        case Came() | Spoiled() | Holding():
            trainer, actions = _received(trainer, event, now)
        case Evaluated() | Trained() | Stopped():
            trainer = _computed(trainer, event)
        case Wanted(sender, want):
            actions = _supply(trainer, sender, want)
        case Tick():
            pass
    return trainer, actions


def _here(trainer: Trainer) -> SayHere:
    newest = trainer.held[-1] if len(trainer.held) > 1 else None
    return SayHere(trainer.term, newest)


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
    return replace(trainer, fetching=fetching, stalled=now), [Fetch(manifest)]


def _received(trainer: Trainer, event: Came | Spoiled | Holding, now: float) -> Step:
    if isinstance(event, Holding):
        # The initial model and the two newest rounds' models are kept, to supply them when all aggregators forgot.
        held = (*trainer.held[:1], *trainer.held[1:][-1:], event.held)
        trainer = replace(trainer, held=held, fetching=None)
        kept = frozenset(h.digest for h in held)
        evaluations = {digest: e for digest, e in trainer.evaluations.items() if digest in kept}
        return replace(trainer, evaluations=evaluations), [Forget(kept)]
    fetching = trainer.fetching
    if fetching is None or fetching.digest != event.digest:
        return trainer, []
    if isinstance(event, Spoiled):
        return replace(trainer, fetching=None, stalled=now), []
    before, fetching = fetching.have, replace(fetching, have=event.have, at=now)
    trainer = replace(trainer, fetching=fetching, stalled=now)
    if fetching.count > WINDOW_CHUNKS and before // ACK_CHUNKS != event.have // ACK_CHUNKS and trainer.leader:
        return trainer, [SendWant(trainer.leader, Want(trainer.term, fetching.digest, event.have))]
    return trainer, []


def _computed(trainer: Trainer, event: Evaluated | Trained | Stopped) -> Trainer:
    trainer = replace(trainer, task=None)
    if isinstance(event, Evaluated):
        return replace(trainer, evaluations={**trainer.evaluations, event.evaluation.model: event.evaluation})
    if isinstance(event, Trained):
        return replace(trainer, upload=Upload(event.manifest))
    return trainer


def _supply(trainer: Trainer, sender: str, want: Want) -> list[Action]:
    for held in trainer.held:
        if held.digest == want.digest:
            count = chunk_count(held.size)
            return [SendModel(sender, held, want.have, min(count, want.have + WINDOW_CHUNKS))]
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
    return replace(trainer, stalled=now), [SendWant(trainer.leader, Want(trainer.term, digest, have, ask=True))]


def _advance_task(trainer: Trainer, _now: float) -> Step:
    """Begin what the state asks for; stop what it no longer does."""
    wanted = _wanted(trainer)
    if trainer.task is not None:
        stale = trainer.task.kind == "train" and not _still_wanted(trainer, trainer.task)
        return trainer, ([Stop()] if stale else [])
    if wanted is None:
        return trainer, []
    return replace(trainer, task=wanted), [Compute(wanted)]


def _wanted(trainer: Trainer) -> Task | None:
    digest, state = _needed(trainer), trainer.state
    if not digest or state is None or not trainer.holds(digest):
        return None
    if digest not in trainer.evaluations:
        return Task("evaluate", digest, state.run, state.round)
    if state.phase == "evaluation" or _upload_fits(trainer):
        return None
    return Task("train", digest, state.run, state.round)


def _still_wanted(trainer: Trainer, task: Task) -> bool:
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
    sent_digest, sent_term, at = trainer.resent
    if (sent_digest, sent_term) == (digest, trainer.term) and now - at < STALLED_S:
        return trainer, []
    return replace(trainer, resent=(digest, trainer.term, now)), [SendEvaluation(trainer.leader, evaluation)]


def _advance_upload(trainer: Trainer, now: float) -> Step:
    """Send as much of the update as the leader's windows allow, and again what it lacks."""
    upload, state = trainer.upload, trainer.state
    if upload is None or state is None or upload.done:
        return trainer, []
    if not _upload_fits(trainer):
        manifest = upload.manifest
        newer = (state.run, state.round) > (manifest.run, manifest.round) or state.phase != "round"
        if newer and upload.sent == chunk_count(manifest.size):
            return replace(trainer, upload=replace(upload, done=True)), [Confirmed(manifest.run, manifest.round)]
        return trainer, []
    if trainer.dataset in members(state.selected, state.received):
        done = replace(upload, done=True)
        return replace(trainer, upload=done), [Confirmed(upload.manifest.run, upload.manifest.round)]
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
    action = SendUpdate(trainer.leader, upload.manifest, upload.sent, last)
    return replace(trainer, upload=replace(upload, sent=last, at=now)), [action]
