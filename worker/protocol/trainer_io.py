"""What a trainer hears and does: the events and the actions of `trainer.step`."""

from dataclasses import dataclass

from worker.protocol.messages import Evaluation, Held, ModelManifest, State, Term, UpdateManifest, Want


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
