"""What any worker tells, and a coordinator."""

from dataclasses import dataclass, field

from worker.events.base import Event


@dataclass(frozen=True, kw_only=True)
class Noted(Event):
    """What a program of the user's wants the operator to read.

    Attributes:
        text: one line.
    """

    text: str = ""


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
