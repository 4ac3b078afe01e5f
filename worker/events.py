"""What workers tell the operator: the vocabulary of `events.jsonl`, of the live view and of the report.

An event is one JSON object: `time` (Unix seconds), `worker` (its id), `event` (its kind, the class name in snake case)
and the fields of its class. Readers ignore fields and kinds that they do not know.
"""

import json
import re
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of all events.

    Attributes:
        time: Unix seconds at the worker.
        worker: id of the worker that saw it.
    """

    kinds: ClassVar[dict[str, type["Event"]]] = {}
    time: float = 0.0
    worker: str = ""

    def __init_subclass__(cls) -> None:
        """Register the kind."""
        Event.kinds[cls.kind()] = cls

    @classmethod
    @cache
    def kind(cls) -> str:
        """The kind's name in JSON: `RoundClosed` is `round_closed`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    def to_json(self) -> str:
        """One line of JSON."""
        head = {"time": round(self.time, 6), "worker": self.worker, "event": self.kind()}
        body = {k: v for k, v in vars(self).items() if k not in head}
        return json.dumps(head | body, separators=(",", ":"))

    def to_wire(self) -> str:
        """The same in fewer bytes: without what the topic says, and without what `read_event` fills in."""
        body = {f.name: value for f in fields(self) if (value := getattr(self, f.name)) != f.default}
        body |= {"time": round(self.time, 6), "event": self.kind()}
        body.pop("worker", None)
        return json.dumps(body, separators=(",", ":"))


def read_event(text: str | bytes, worker: str = "") -> Event | None:
    """The event in a line of JSON; None if it is of no known kind.

    Args:
        text: the line.
        worker: who sent it, where the line came over the wire; what the line says is not believed then.
    """
    try:
        data: dict[str, Any] = json.loads(text)
        kind = Event.kinds.get(data.pop("event", ""))
        if kind is None:
            return None
        known = {f.name for f in fields(kind)}
        if worker:
            data["worker"] = worker
        return kind(**{k: v for k, v in data.items() if k in known})
    except (ValueError, TypeError, AttributeError):
        return None


# --- of a trainer


@dataclass(frozen=True, kw_only=True)
class Ready(Event):
    """A trainer has its data and can train.

    Attributes:
        group: of the model channel; a region.
        dataset: name.
        samples: training samples.
        validation: validation samples.
        test: test samples of this worker's share.
        digest: SHA-256 of the data.
    """

    group: str = ""
    dataset: str = ""
    samples: int = 0
    validation: int = 0
    test: int = 0
    digest: str = ""


@dataclass(frozen=True, kw_only=True)
class Progress(Event):
    """A trainer's phase, at each change; meanwhile each eighth of it, at most once a second, at least every 10 s.

    Attributes:
        phase: waiting, receiving, evaluating, training or uploading.
        done: share of the phase that is done, 0 to 1.
        loss: of training so far; None outside of training.
        sent: payload bytes published since the worker's start.
        received: payload bytes received since the worker's start.
    """

    group: str = ""
    dataset: str = ""
    run: int = 1
    round: int = 0
    phase: str = "waiting"
    done: float = 0.0
    loss: float | None = None
    sent: int = 0
    received: int = 0


@dataclass(frozen=True, kw_only=True)
class Trained(Event):
    """A trainer has finished the training of a round.

    Attributes:
        receiving: seconds from the round's opening, as the trainer heard it, until it had the whole model.
        evaluating: seconds of evaluating that model.
        training: seconds of training.
        loss: mean training loss of the last epoch, or None.
    """

    group: str = ""
    dataset: str = ""
    run: int = 1
    round: int = 0
    receiving: float = 0.0
    evaluating: float = 0.0
    training: float = 0.0
    loss: float | None = None
    samples: int = 0


@dataclass(frozen=True, kw_only=True)
class Uploaded(Event):
    """A trainer's update of a round is confirmed by the leader.

    Attributes:
        uploading: seconds from the end of training until the leader's confirmation.
        sent: payload bytes published by this worker for this round (all kinds).
        received: payload bytes received by this worker for this round (all kinds).
    """

    group: str = ""
    dataset: str = ""
    run: int = 1
    round: int = 0
    uploading: float = 0.0
    sent: int = 0
    received: int = 0


# --- of any worker


@dataclass(frozen=True, kw_only=True)
class Noted(Event):
    """What a program of the user's wants the operator to read.

    Attributes:
        text: one line.
    """

    text: str = ""


# --- of a leader


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
class Dropped(Event):
    """A message was dropped.

    Attributes:
        sender: who sent it.
        reason: a word of the protocol's list, such as stale, malformed, out_of_range.
        detail: a sentence that names the tensor or field.
        count: how many of this sender and reason so far.
    """

    sender: str = ""
    reason: str = ""
    detail: str = ""
    count: int = 1


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
class Moved(Event):
    """What a worker moved in a round, by channel; of a trainer with one channel, `Uploaded` tells it.

    A root tells it when a round closes, whoever follows somebody when its update is confirmed, and all when the run is
    over: what the evaluation of the last model moved.

    Attributes:
        round: that round; one more than there are is the last evaluation.
        sent: payload bytes published, by channel.
        received: payload bytes received, by channel.
    """

    run: int = 1
    round: int = 0
    sent: dict[str, int] = field(default_factory=dict)
    received: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Paired(Event):
    """A coordinator has paired the trainers of a group with its aggregators.

    Attributes:
        group: of both.
        followers: names of the datasets of each aggregator, by its worker id.
    """

    run: int = 1
    round: int = 0
    group: str = ""
    followers: dict[str, list[str]] = field(default_factory=dict)


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
