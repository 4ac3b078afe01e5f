"""What a leader hears and does: the events and the actions of `leader.step`."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from worker import events
from worker.protocol.messages import Evaluation, Held, Here, ModelManifest, State, Term, UpdateManifest


class HereHeard(msgspec.Struct, frozen=True):
    """Presence of a trainer."""

    worker: str
    group: str
    here: Here


class RosterRead(msgspec.Struct, frozen=True):
    """The roster, at the start and when it changes."""

    roster: Mapping[str, tuple[str, ...]]


class Offered(msgspec.Struct, frozen=True):
    """The manifest of an update.

    Attributes:
        worker: who sent it.
        manifest: what it is.
        size: bytes that it must have: the model's, or those of its sums.
    """

    worker: str
    manifest: UpdateManifest
    size: int


class Came(msgspec.Struct, frozen=True):
    """A chunk of a staged update was new: so many are here without a gap."""

    dataset: str
    confirmed: int
    whole: bool


class Counted(msgspec.Struct, frozen=True):
    """A whole update was checked and added."""

    dataset: str


class Refused(msgspec.Struct, frozen=True):
    """A whole update was refused."""

    dataset: str


class Lost(msgspec.Struct, frozen=True):
    """Updates that were counted are not there any more: in a ring each member keeps its own."""

    datasets: frozenset[str]


class Judged(msgspec.Struct, frozen=True):
    """A trainer's evaluation."""

    worker: str
    evaluation: Evaluation


class Holding(msgspec.Struct, frozen=True):
    """A model is here: the one asked for, a checkpoint's, or the one that was made."""

    held: Held
    participants: tuple[str, ...] = ()


class Assigned(msgspec.Struct, frozen=True):
    """Somebody above wants a round of those who follow here, or their evaluation of a model.

    Attributes:
        kind: train or evaluate.
        held: the model, whose bytes are here.
        run: of the round.
        round: that round; in an evaluation, the last one.
        rounds: of the run.
        trainers: of the whole round.
    """

    kind: str
    held: Held
    run: int
    round: int
    rounds: int
    trainers: int


class Recalled(msgspec.Struct, frozen=True):
    """Nobody above wants any more what was assigned."""


class Over(msgspec.Struct, frozen=True):
    """The run above is over."""

    phase: Literal["finished", "failed"]
    message: str


class Coming(msgspec.Struct, frozen=True):
    """A chunk of the model that was asked for came."""


class Tick(msgspec.Struct, frozen=True):
    """Time has passed."""


Event = (
    HereHeard
    | RosterRead
    | Offered
    | Came
    | Counted
    | Refused
    | Lost
    | Judged
    | Holding
    | Coming
    | Assigned
    | Recalled
    | Over
    | Tick
)


class SayState(msgspec.Struct, frozen=True):
    """Publish a group's state, retained."""

    group: str
    state: State


class SayAlive(msgspec.Struct, frozen=True):
    """Tell the other replicas that this one leads."""

    term: Term


class PublishModel(msgspec.Struct, frozen=True):
    """Publish the base to groups."""

    groups: tuple[str, ...]
    manifest: ModelManifest


class AskModel(msgspec.Struct, frozen=True):
    """Ask a member for a model."""

    dataset: str
    held: Held


class Stage(msgspec.Struct, frozen=True):
    """Stage an update; its chunks follow."""

    manifest: UpdateManifest


class Unstage(msgspec.Struct, frozen=True):
    """Forget what is staged, of one dataset or of all; of all, the sum too.

    Attributes:
        dataset: empty for all.
        only_sum: whether what is staged stays.
    """

    dataset: str = ""
    only_sum: bool = False


class Count(msgspec.Struct, frozen=True):
    """Check a whole update and add it.

    Attributes:
        manifest: what it is.
        share: trainers whose updates are in it.
        trainers: of the whole round.
        weight: of differences from a version, in units of `buffer.UNIT`; 0 where its samples weigh it.
    """

    manifest: UpdateManifest
    share: int
    trainers: int
    weight: int = 0


class MakeModel(msgspec.Struct, frozen=True):
    """Make the new model of what was added, checkpoint it, and report it.

    Attributes:
        run: of the round.
        round: whose model it is.
        participants: datasets whose updates are in it.
        scale: by what the sum is multiplied to be added to the model; 0 where the model is the sum's mean.
    """

    run: int
    round: int
    participants: tuple[str, ...]
    scale: float = 0.0


class Gathered(msgspec.Struct, frozen=True):
    """Of a leader who is led: all who are expected are here, and so is a model to begin with."""

    held: Held


class PassOn(msgspec.Struct, frozen=True):
    """Of a leader who is led: give the sum of what was added to who is above.

    Attributes:
        run: of the round.
        round: of the sum.
        participants: samples of each dataset in it.
        evaluation: of the round's base, by all of them together.
        deltas: how many differences from versions are in it; 0 of a sum of weights.
    """

    run: int
    round: int
    participants: Mapping[str, int]
    evaluation: Evaluation | None
    deltas: int = 0


class PassJudgement(msgspec.Struct, frozen=True):
    """Of a leader who is led: give the evaluation to who is above."""

    evaluation: Evaluation


class Blame(msgspec.Struct, frozen=True):
    """Of a leader who is led: tell who is above that the run can't go on."""

    message: str


class Drop(msgspec.Struct, frozen=True):
    """Count a dropped message."""

    sender: str
    reason: str
    detail: str


class Tell(msgspec.Struct, frozen=True):
    """Tell the operator."""

    event: events.Event


Action = (
    SayState
    | SayAlive
    | PublishModel
    | AskModel
    | Stage
    | Unstage
    | Count
    | MakeModel
    | Gathered
    | PassOn
    | PassJudgement
    | Blame
    | Drop
    | Tell
)
