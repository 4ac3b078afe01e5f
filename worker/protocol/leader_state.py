"""A leader's run as a value, and what can be read off it: the beat, the base's manifest, the evaluation."""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from tag.limits import BEAT_S, STATE_S
from tag.settings import RunSettings
from worker import events
from worker.protocol import leader_io as io
from worker.protocol.buffer import Buffer
from worker.protocol.members import Members
from worker.protocol.messages import Counts, Evaluation, Held, ModelManifest, Phase, State, Term, bits
from worker.protocol.selection import selected
from worker.protocol.slots import Coming, slots_of


class Update(msgspec.Struct, frozen=True):
    """An update that is in the sum.

    Attributes:
        digest: of its file.
        samples: its weight.
        participants: samples of each dataset in it.
    """

    digest: str
    samples: int
    participants: Mapping[str, int]


class Leader(msgspec.Struct, frozen=True):
    """A leader's run.

    Attributes:
        term: of its leadership.
        settings: of the run.
        members: roster and presence.
        name: under which it is counted above; empty for a root, which makes models of its own accord.
        assigned: what somebody above wants.
        gathered: whether who is above knows that all are here.
        phase: as in `State`.
        base: the model of the round; None until one is held.
        round: current.
        participants: whose updates are in the base.
        since: when the phase began.
        selected: datasets that take part in the round.
        counted: updates in the sum, by logical sender.
        coming: updates under way.
        evaluations: of the base, by dataset.
        judged: whether the base's evaluation was told.
        making: whether the new model is being made.
        closed: whether the round was closed before, with updates of which some were lost since.
        asked: whom a model was asked of, and when.
        due: when the next beat is due.
        said: the last published state of each group.
        said_at: when all groups were last told.
        message: why it waits or failed.
        waiting: when it was last told why it waits.
        buffer: of asynchronous rounds.
    """

    term: Term
    settings: RunSettings
    members: Members
    name: str = ""
    assigned: io.Assigned | None = None
    gathered: bool = False
    phase: Phase = "waiting"
    base: Held | None = None
    round: int = 0
    participants: tuple[str, ...] = ()
    since: float = 0.0
    selected: frozenset[str] = frozenset()
    counted: Mapping[str, Update] = msgspec.field(default_factory=dict)
    coming: Mapping[str, Coming] = msgspec.field(default_factory=dict)
    evaluations: Mapping[str, Evaluation] = msgspec.field(default_factory=dict)
    judged: bool = False
    making: bool = False
    closed: bool = False
    asked: tuple[str, float] | None = None
    due: float = 0.0
    said: Mapping[str, State] = msgspec.field(default_factory=dict)
    said_at: float = float("-inf")
    message: str = ""
    waiting: float = float("-inf")
    buffer: Buffer = Buffer()

    @property
    def buffered(self) -> bool:
        """Whether versions are made without waiting for all."""
        return self.settings.optimizer.sort == "fedbuff"

    @property
    def run(self) -> int:
        """The number of the run; a run that was begun under a greater number goes on under it."""
        if self.assigned is not None:
            return self.assigned.run
        return max(self.settings.run, self.base.run if self.base is not None else 0)

    @property
    def rounds(self) -> int:
        """How many the run has."""
        return self.assigned.rounds if self.assigned is not None else self.settings.rounds

    @property
    def next_round(self) -> int:
        """The round that follows from the base; one more than there are when the last is over."""
        if self.assigned is not None:
            return self.assigned.round
        return max(1, self.base.round) if self.base is not None and self.base.run == self.run else 1

    def selection(self, number: int, *, everyone: bool = False) -> frozenset[str]:
        """Who takes part in a round; the last evaluation is everyone's."""
        selector, members = self.settings.selector, self.members
        if everyone or selector.acts == "nowhere":
            return members.of_round(self.settings.quorum)
        return selected(selector, members.expected or members.able, self.run, number)

    @property
    def awaited(self) -> frozenset[str]:
        """Who must be here before a round: everyone at first, as the newest model may be anybody's."""
        if self.base is None or self.settings.selector.acts == "nowhere":
            return self.members.expected
        return self.selection(self.next_round) & self.members.expected

    @property
    def total(self) -> int:
        """Trainers whose updates the whole round sums up, here and elsewhere; at least 1."""
        if self.assigned is not None:
            return max(1, self.assigned.trainers)
        return max(1, self.members.trainers(self.selected))

    @property
    def participants_counted(self) -> dict[str, int]:
        """Samples of each dataset in the sum, in the order of names."""
        found = {name: samples for update in self.counted.values() for name, samples in update.participants.items()}
        return dict(sorted(found.items()))

    @property
    def evaluation(self) -> Evaluation | None:
        """The base's evaluation by all who gave theirs, as one; None if nobody did."""
        if self.base is None or not self.evaluations:
            return None
        test = sum((e.test for e in self.evaluations.values()), Counts())
        validation = sum((e.validation for e in self.evaluations.values()), Counts())
        return Evaluation(self.run, self.term, self.base.digest, self.name, test, validation)


SOON_S = 0.05


def soon(state: Leader, now: float) -> float:
    """When the beat is due that says that one more update was counted: of many, several are told at once."""
    return min(state.due, now + SOON_S * (1 + len(state.selected) // 10))


def beat(state: Leader, now: float, *, again: bool = False) -> tuple[Leader, list[io.Action]]:
    """The states that have changed; all of them if the last time is long ago or `again`; else only that it leads."""
    states = {group: state_of(state, group) for group in state.members.groups}
    again = again or now - state.said_at >= STATE_S
    actions: list[io.Action] = [
        io.SayState(g, said) for g, said in states.items() if again or said != state.said.get(g)
    ]
    said_at = now if again else state.said_at
    state = replace(state, said=states, said_at=said_at, due=now + BEAT_S)
    return state, actions or [io.SayAlive(state.term)]


def state_of(state: Leader, group: str) -> State:
    """What the beat says in a group."""
    selected = state.members.of_group(group, state.selected)
    return State(
        term=state.term,
        run=state.run,
        round=state.round,
        rounds=state.rounds,
        phase=state.phase,
        model=state.base.digest if state.base is not None else "",
        size=state.base.size if state.base is not None else 0,
        trainers=len(state.selected),
        total=state.total if state.total > max(1, len(state.selected)) else 0,
        selected=selected,
        received="" if state.buffered else bits(selected, frozenset(state.counted)),
        evaluated=bits(selected, frozenset(state.evaluations)),
        slots=slots_of(state.coming, selected),
        message=state.message,
        turns=bits(selected, frozenset(state.buffer.turns)) if state.buffered else "",
        ages=state.buffer.ages(selected, state.round) if state.buffered else "",
    )


def manifest_of(state: Leader) -> ModelManifest | None:
    """The manifest of the base; None if there is none."""
    if state.base is None:
        return None
    return ModelManifest(
        run=state.run,
        round=state.base.round,
        term=state.term,
        digest=state.base.digest,
        size=state.base.size,
        participants=state.participants,
    )


def tell_evaluated(state: Leader) -> list[io.Action]:
    """The base's evaluation over those who gave theirs, once; nothing if nobody did."""
    found = state.evaluation
    if state.judged or found is None or state.base is None:
        return []
    test = found.test
    validation = {name: _shares(e.validation) for name, e in sorted(state.evaluations.items())}
    number = state.round if state.phase == "evaluation" else state.round - 1
    if state.name:
        digest = state.base.digest
        return [io.Tell(events.Validated(run=state.run, round=number, model=digest, validation=validation))]
    shares = _shares(test)
    told = events.Evaluated(
        run=state.run,
        round=number,
        rounds=state.rounds,
        model=state.base.digest,
        accuracy=shares["accuracy"],
        loss=shares["loss"],
        correct=test.correct,
        count=test.count,
        validation=validation,
    )
    return [io.Tell(told)]


def _shares(counts: Counts) -> dict[str, float]:
    count = max(1, counts.count)
    return {"accuracy": counts.correct / count, "loss": counts.loss / 2**20 / count, "count": counts.count}
