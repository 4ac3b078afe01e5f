"""What leaders tell of a run: the root of its rounds, middle aggregators of their part in them."""

from dataclasses import dataclass, field

from worker.events.base import Event


@dataclass(frozen=True, kw_only=True)
class Leading(Event):
    """An aggregator has become the leader."""

    term: int = 0


@dataclass(frozen=True, kw_only=True)
class Waiting(Event):
    """The run waits, or a middle aggregator does, for those who are named.

    Attributes:
        missing: logical senders that are missing: datasets, or middle aggregators.
        reason: a sentence.
    """

    run: int = 1
    round: int = 0
    missing: list[str] = field(default_factory=list)
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class RoundOpened(Event):
    """A round has begun.

    Attributes:
        model: SHA-256 of the model that it starts from.
        selected: logical senders that take part: datasets, or middle aggregators.
        trainers: who take part, here and below; 0 is one for each of `selected`.
    """

    run: int = 1
    round: int = 0
    rounds: int = 0
    model: str = ""
    selected: list[str] = field(default_factory=list)
    trainers: int = 0


@dataclass(frozen=True, kw_only=True)
class UpdateCounted(Event):
    """An update was checked and added to the sum.

    Attributes:
        staleness: of an asynchronous run, versions that were made since the one that was trained.
    """

    run: int = 1
    round: int = 0
    dataset: str = ""
    samples: int = 0
    digest: str = ""
    staleness: int = 0


@dataclass(frozen=True, kw_only=True)
class PassedOn(Event):
    """A middle aggregator has all updates of its group, and passes on their sum.

    Attributes:
        name: under which it is counted above.
        participants: training samples by dataset.
        seconds: from the round's opening in the group to the sum.
    """

    run: int = 1
    round: int = 0
    name: str = ""
    participants: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class RoundClosed(Event):
    """A round has ended and made a new model.

    Attributes:
        model: SHA-256 of the new model.
        participants: training samples by dataset.
        seconds: from opening to closing.
    """

    run: int = 1
    round: int = 0
    rounds: int = 0
    model: str = ""
    participants: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Evaluated(Event):
    """The model that a round made, as all trainers together judge it (round 0 is the initial model).

    Attributes:
        accuracy: correct / count over all trainers' shares of the test set.
        loss: mean test loss.
        count: test samples.
        validation: for each dataset `{"accuracy", "loss", "count"}` on its own validation part.
    """

    run: int = 1
    round: int = 0
    rounds: int = 0
    model: str = ""
    accuracy: float = 0.0
    loss: float = 0.0
    correct: int = 0
    count: int = 0
    validation: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Validated(Event):
    """What a middle aggregator heard of a model from those below it; the sums of it are in `Evaluated`.

    Attributes:
        validation: as in `Evaluated`.
    """

    run: int = 1
    round: int = 0
    model: str = ""
    validation: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Finished(Event):
    """The run is over.

    Attributes:
        model: SHA-256 of the final model.
    """

    run: int = 1
    rounds: int = 0
    model: str = ""


@dataclass(frozen=True, kw_only=True)
class Failed(Event):
    """The run can't go on.

    Attributes:
        message: what is wrong, in the form of all errors.
        bad_input: whether the user's input is at fault (exit 2) or not (exit 1).
    """

    run: int = 1
    round: int = 0
    message: str = ""
    bad_input: bool = False
