"""What workers say to each other: the bodies of messages and manifests, decoded strictly, as JSON with short keys.

Members are named by their logical names: a trainer by its dataset, an aggregator by its worker id.
"""

from typing import Annotated, Literal

import msgspec

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Whole = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Term = tuple[Whole, Annotated[str, msgspec.Meta(max_length=128)]]
"""An epoch of leadership: number and claimant, ordered as a pair."""

NO_TERM: Term = (0, "")


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """Base of all messages; unknown fields are ignored, so that workers of two releases understand each other."""


class Held(Message, frozen=True):
    """A model that a trainer holds.

    Attributes:
        run: of the round whose base it is.
        round: that round; 0 for the initial model.
        digest: of the model.
        size: bytes of its file.
    """

    run: Whole
    round: Whole
    digest: Digest
    size: Whole


class Here(Message, frozen=True):
    """Presence, retained; the last will is one with `gone`.

    Attributes:
        incarnation: random, of this process.
        dataset: logical name of who follows: a trainer's dataset, a middle aggregator's role and group; else empty.
        ready: whether it has its data, or those who follow it, and its model.
        gone: whether it has left.
        term: highest heard.
        samples: training samples.
        data: digest of the data.
        initial: the model it would begin with.
        structure: digest of the model's tensor table.
        holds: the newest model that it has, if any is newer than the initial one.
        fault: why it can't take part, in the form of all errors; then the run fails as bad input.
        trainers: whose updates its own holds, if it passes on those of others.
        group: told to a coordinator: its group, within which it is paired.
        leads: told to a coordinator: whether others are to follow it.
    """

    incarnation: str
    dataset: str = ""
    ready: bool = False
    gone: bool = False
    term: Term = NO_TERM
    samples: Whole = 0
    data: str = ""
    initial: Held | None = None
    structure: str = ""
    holds: Held | None = None
    fault: str = ""
    trainers: Whole = 1
    group: str = ""
    leads: bool = False


Phase = Literal["waiting", "round", "evaluation", "finished", "failed"]


class Slot(Message, frozen=True, array_like=True):
    """Where an update stands at the leader.

    Attributes:
        confirmed: chunks that arrived without a gap.
        upto: chunks that may be sent.
    """

    confirmed: Whole
    upto: Whole


class Alive(Message, frozen=True):
    """A leader's beat for the other replicas and the operator, while its state has not changed.

    Attributes:
        term: of the leader.
    """

    term: Term


class State(Message, frozen=True):
    """A leader's state: all that its group must know, whatever it missed.

    Attributes:
        term: of the leader.
        run: number of the training.
        round: current; in `evaluation` and after, the last one.
        rounds: of the run.
        phase: waiting (for members or a model), round, evaluation (of the last model), finished, failed.
        model: digest of the round's base, in `evaluation` and after of the final model; empty in `waiting`.
        size: bytes of the model's file.
        trainers: how many updates the round waits for, in all groups.
        selected: this group's datasets that take part, sorted.
        received: bits over `selected`, low first, in hex: whose update is counted.
        evaluated: likewise, whose evaluation of `model`.
        slots: where updates stand that are under way, by dataset.
        message: why it waits or failed.
        total: trainers of the whole round, if it waits for partial sums.
        turns: where nobody waits for all, bits over `selected`: who may train now.
        ages: likewise, a hexadecimal digit for each of `selected`: how many versions old the newest base is whose
            update of theirs is settled; `f` is never, or long ago. Empty where a round waits for all.
    """

    term: Term
    run: Whole
    round: Whole
    rounds: Whole
    phase: Phase
    model: str = ""
    size: Whole = 0
    trainers: Whole = 0
    selected: tuple[str, ...] = ()
    received: str = ""
    evaluated: str = ""
    slots: dict[str, Slot] = {}
    message: str = ""
    total: Whole = 0
    turns: str = ""
    ages: str = ""


class Want(Message, frozen=True):
    """A reader's place in a model's transfer.

    Attributes:
        term: highest heard.
        digest: of the model.
        have: chunks that it has without a gap.
        ask: whether it lacks what should have come, and wants it sent to itself; otherwise this confirms.
    """

    term: Term
    digest: Digest
    have: Whole = 0
    ask: bool = False


class ModelManifest(Message, frozen=True):
    """A model's transfer.

    Attributes:
        run: of the round whose base it is.
        round: that round; in a run's end, one more than its rounds.
        term: of the leader that made it.
        digest: of the file.
        size: bytes of the file.
        participants: datasets whose updates are in it.
        state: of a checkpoint, bytes at the file's end that are the optimizer's state.
        model: SHA-256 of what comes before them; empty if there is no state.
    """

    run: Whole
    round: Whole
    term: Term
    digest: Digest
    size: Whole
    participants: tuple[str, ...] = ()
    state: Whole = 0
    model: str = ""


class Counts(Message, frozen=True, array_like=True):
    """How a model did on some data.

    Attributes:
        correct: right answers.
        count: samples.
        loss: summed, in fixed point with 20 fraction bits.
    """

    correct: Whole = 0
    count: Whole = 0
    loss: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        """The counts on both parts; exact, so in any order."""
        return Counts(self.correct + other.correct, self.count + other.count, self.loss + other.loss)


class Evaluation(Message, frozen=True):
    """What a trainer found of a model.

    Attributes:
        run: of the model.
        model: its digest.
        dataset: logical sender.
        test: on its share of the test set.
        validation: on its own validation part.
    """

    run: Whole
    term: Term
    model: Digest
    dataset: Name
    test: Counts
    validation: Counts


class UpdateManifest(Message, frozen=True):
    """An update's transfer.

    Attributes:
        run: of the update.
        round: of the update.
        term: highest heard.
        base: digest of the model that was trained.
        dataset: logical sender.
        samples: its weight.
        digest: of the file.
        size: bytes of the file.
        loss: mean training loss, for the report.
        evaluation: of the base, if it was not told before.
        participants: of a partial sum, the samples of each dataset in it; empty for a trainer's own update.
        deltas: how many differences from versions it is or sums up; 0 if it is weights, or their sum.
    """

    run: Whole
    round: Whole
    term: Term
    base: Digest
    dataset: Name
    samples: Whole
    digest: Digest
    size: Whole
    loss: float | None = None
    evaluation: Evaluation | None = None
    participants: dict[Name, Whole] = {}
    deltas: Whole = 0


class Claim(Message, frozen=True):
    """A replica's bid to lead under a term."""

    term: Term


class Pairing(Message, frozen=True):
    """Who follows whom in a group, as a coordinator says it, retained.

    Attributes:
        run: in which it holds.
        round: in which it holds; 0 before the first one, while the root waits.
        followers: datasets of each aggregator of the group, by its worker id.
    """

    run: Whole
    round: Whole
    followers: dict[Name, tuple[Name, ...]] = {}


def encode(message: Message) -> bytes:
    """A message's JSON."""
    return msgspec.json.encode(message)


def bits(selected: tuple[str, ...], members: frozenset[str]) -> str:
    """The bits of those of `selected` that are in `members`, in hex."""
    return f"{sum(1 << i for i, name in enumerate(selected) if name in members):x}"


def members(selected: tuple[str, ...], text: str) -> frozenset[str]:
    """Those of `selected` whose bits are set in `text`; none if it is not hex."""
    try:
        number = int(text or "0", 16)
    except ValueError:
        return frozenset()
    return frozenset(name for i, name in enumerate(selected) if number >> i & 1)
