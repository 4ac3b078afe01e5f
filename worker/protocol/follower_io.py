"""What a trainer hears and does: the events and the actions of `trainer.step`."""

import msgspec

from worker.protocol.messages import NO_TERM, Evaluation, Held, ModelManifest, State, Term, UpdateManifest, Want


class Task(msgspec.Struct, frozen=True):
    """What the trainer computes.

    Attributes:
        kind: evaluate or train.
        digest: of the model.
        run: of the round.
        round: of training.
        term: under which it was begun.
        delta: whether the difference from the model is wanted, not the weights.
    """

    kind: str
    digest: str
    run: int
    round: int
    term: Term = NO_TERM
    delta: bool = False


class Up(msgspec.Struct, frozen=True):
    """The link is up."""


class Prepared(msgspec.Struct, frozen=True):
    """Data and model are here."""

    initial: Held


class StateHeard(msgspec.Struct, frozen=True):
    """A leader's beat."""

    sender: str
    state: State


class Turned(msgspec.Struct, frozen=True):
    """A coordinator says that another leader is to be followed, from this round on."""

    run: int
    round: int


class Offered(msgspec.Struct, frozen=True):
    """A model's manifest."""

    manifest: ModelManifest


class Came(msgspec.Struct, frozen=True):
    """A chunk of the model that is coming in was new."""

    digest: str
    have: int


class Holding(msgspec.Struct, frozen=True):
    """A model is here, whole and checked."""

    held: Held


class Spoiled(msgspec.Struct, frozen=True):
    """A model's bytes were not what its digest says."""

    digest: str


class Evaluated(msgspec.Struct, frozen=True):
    """The evaluation of a model is done."""

    evaluation: Evaluation


class Trained(msgspec.Struct, frozen=True):
    """The training is done."""

    manifest: UpdateManifest


class Stopped(msgspec.Struct, frozen=True):
    """The computation was stopped."""


class Wanted(msgspec.Struct, frozen=True):
    """Somebody wants a model from here."""

    sender: str
    want: Want


class Tick(msgspec.Struct, frozen=True):
    """Time has passed."""


Event = (
    Up
    | Prepared
    | StateHeard
    | Turned
    | Offered
    | Came
    | Holding
    | Spoiled
    | Evaluated
    | Trained
    | Stopped
    | Wanted
    | Tick
)


class SayHere(msgspec.Struct, frozen=True):
    """Publish presence, with the highest term and the newest model."""

    term: Term
    holds: Held | None


class Fetch(msgspec.Struct, frozen=True):
    """Stage a model; its chunks follow."""

    manifest: ModelManifest


class SendWant(msgspec.Struct, frozen=True):
    """Tell the leader how far a model has come."""

    to: str
    want: Want


class Compute(msgspec.Struct, frozen=True):
    """Begin a computation."""

    task: Task


class Stop(msgspec.Struct, frozen=True):
    """Stop the computation at the next batch."""


class SendEvaluation(msgspec.Struct, frozen=True):
    """Send an evaluation to the leader."""

    to: str
    evaluation: Evaluation


class SendUpdate(msgspec.Struct, frozen=True):
    """Send chunks `first` to `last` (exclusive) of the update to the leader."""

    to: str
    manifest: UpdateManifest
    first: int
    last: int


class SendModel(msgspec.Struct, frozen=True):
    """Send chunks of a held model to whoever wants it."""

    to: str
    held: Held
    first: int
    last: int


class Forget(msgspec.Struct, frozen=True):
    """Models and updates but these may be forgotten."""

    digests: frozenset[str]


class Confirmed(msgspec.Struct, frozen=True):
    """The leader has counted the update."""

    run: int
    round: int


Action = SayHere | Fetch | SendWant | Compute | Stop | SendEvaluation | SendUpdate | SendModel | Forget | Confirmed
