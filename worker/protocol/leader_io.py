"""What a leader hears and does: the events and the actions of `leader.step`."""

from collections.abc import Mapping
from dataclasses import dataclass

from worker import events
from worker.protocol.messages import Evaluation, Held, Here, ModelManifest, State, UpdateManifest


@dataclass(frozen=True)
class HereHeard:
    """Presence of a trainer."""

    worker: str
    group: str
    here: Here


@dataclass(frozen=True)
class RosterRead:
    """The roster, at the start and when it changes."""

    roster: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Offered:
    """The manifest of an update."""

    worker: str
    manifest: UpdateManifest


@dataclass(frozen=True)
class Came:
    """A chunk of a staged update was new: so many are here without a gap."""

    dataset: str
    confirmed: int
    whole: bool


@dataclass(frozen=True)
class Counted:
    """A whole update was checked and added."""

    dataset: str


@dataclass(frozen=True)
class Refused:
    """A whole update was refused."""

    dataset: str


@dataclass(frozen=True)
class Judged:
    """A trainer's evaluation."""

    worker: str
    evaluation: Evaluation


@dataclass(frozen=True)
class Holding:
    """A model is here: the one asked for, a checkpoint's, or the one that was made."""

    held: Held
    participants: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tick:
    """Time has passed."""


Event = HereHeard | RosterRead | Offered | Came | Counted | Refused | Judged | Holding | Tick


@dataclass(frozen=True)
class Beat:
    """Publish a group's state, retained."""

    group: str
    state: State


@dataclass(frozen=True)
class PublishModel:
    """Publish the base to groups."""

    groups: tuple[str, ...]
    manifest: ModelManifest


@dataclass(frozen=True)
class AskModel:
    """Ask a member for a model."""

    dataset: str
    held: Held


@dataclass(frozen=True)
class Stage:
    """Stage an update; its chunks follow."""

    manifest: UpdateManifest


@dataclass(frozen=True)
class Unstage:
    """Forget what is staged; of one dataset, or of all."""

    dataset: str = ""


@dataclass(frozen=True)
class Count:
    """Check a whole update and add it."""

    manifest: UpdateManifest
    trainers: int


@dataclass(frozen=True)
class MakeModel:
    """Make the new model of what was added, checkpoint it, and report it."""

    run: int
    round: int
    participants: tuple[str, ...]


@dataclass(frozen=True)
class Drop:
    """Count a dropped message."""

    sender: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Tell:
    """Tell the operator."""

    event: events.Event


Action = Beat | PublishModel | AskModel | Stage | Unstage | Count | MakeModel | Drop | Tell
