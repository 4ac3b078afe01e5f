"""A follower of a leader who waits for nobody, with a clock of the test's own."""

import pytest
from msgspec.structs import replace

from worker.protocol import follower as machine
from worker.protocol import follower_io as io
from worker.protocol.follower_state import Follower
from worker.protocol.messages import Counts, Evaluation, Held, ModelManifest, State, Term, UpdateManifest

TERM: Term = (1, "aggregator-all-0")
FIRST = Held(0, 0, "1" * 64, 1000)


def beat(version: int, *, ages: str = "f", turns: str = "1", digest: str = "", **changes: object) -> State:
    """What a leader says of a version, whose digest is its number over and over."""
    digest = digest or str(version) * 64
    known = State(TERM, 1, version, 9, "round", digest, 1000, 1, ("one",), turns=turns, ages=ages)
    return State(**{f: getattr(known, f) for f in known.__struct_fields__} | changes)  # type: ignore[arg-type]


class Trainer:
    """A follower that evaluates at once, and trains until the test says."""

    def __init__(self) -> None:
        self.state = Follower("one")
        self.actions: list[io.Action] = []
        self.now = 0.0
        self.step(io.Prepared(FIRST))

    def step(self, event: io.Event) -> None:
        self.now += 0.01
        self.state, actions = machine.step(self.state, event, self.now)
        self.actions = actions
        for action in list(actions):
            if isinstance(action, io.Compute) and action.task.kind == "evaluate":
                found = Evaluation(1, TERM, action.task.digest, "one", Counts(1, 2, 3), Counts())
                self.step(io.Evaluated(found))
                self.actions = actions + self.actions

    def hears(self, state: State) -> None:
        self.step(io.StateHeard("agg", state))

    def holds(self, version: int) -> None:
        digest = str(version) * 64
        self.step(io.Offered(ModelManifest(1, version, TERM, digest, 1000)))
        self.step(io.Holding(Held(1, version, digest, 1000)))

    def trained(self) -> UpdateManifest:
        task = self.training
        assert task is not None
        manifest = UpdateManifest(
            task.run, task.round, self.state.term, task.digest, "one", 10, "d" * 64, 1000, deltas=1
        )
        self.step(io.Trained(manifest))
        return manifest

    @property
    def training(self) -> io.Task | None:
        task = self.state.task
        return task if task is not None and task.kind == "train" else None

    @property
    def stopped(self) -> bool:
        return any(isinstance(a, io.Stop) for a in self.actions)

    def sent(self) -> list[str]:
        return [a.manifest.base[0] for a in self.actions if isinstance(a, io.SendUpdate)]


@pytest.fixture
def trainer() -> Trainer:
    """One that trains from the first version."""
    trainer = Trainer()
    trainer.hears(beat(1))
    assert trainer.training is not None
    assert trainer.training.delta, "what it sends is a difference"
    return trainer


def test_it_is_not_stopped_when_a_newer_version_appears(trainer: Trainer) -> None:
    trainer.hears(beat(2))
    trainer.holds(2)
    assert not trainer.stopped

    trainer.trained()
    assert trainer.sent() == ["1"], "its update is of the version that it began with"


def test_it_goes_on_from_the_newest_version_once_its_update_is_settled(trainer: Trainer) -> None:
    trainer.hears(beat(2))
    trainer.hears(beat(3))
    trainer.holds(3)
    trainer.trained()
    assert trainer.training is None, "it does nothing twice at a time"

    trainer.hears(beat(3, ages="2"))

    assert [a for a in trainer.actions if isinstance(a, io.Confirmed)] == [io.Confirmed(1, 1)]
    assert trainer.training is not None
    assert (trainer.training.round, trainer.training.digest) == (3, "3" * 64)


def test_it_trains_once_from_each_version(trainer: Trainer) -> None:
    trainer.trained()
    trainer.hears(beat(1, ages="0"))
    assert trainer.training is None

    trainer.hears(beat(2, ages="1"))
    trainer.holds(2)
    assert trainer.training is not None


def test_it_waits_for_its_turn_and_stops_when_it_has_none(trainer: Trainer) -> None:
    idle = Trainer()
    idle.hears(beat(1, turns="0"))
    assert idle.training is None

    trainer.hears(beat(1, turns="0"))
    assert trainer.stopped


def test_it_stops_what_would_be_too_old(trainer: Trainer) -> None:
    trainer.hears(beat(1 + 10, digest="a" * 64))
    assert not trainer.stopped
    trainer.hears(beat(1 + 11, digest="b" * 64))
    assert trainer.stopped


def test_another_leader_takes_only_what_is_of_its_own_version(trainer: Trainer) -> None:
    later: Term = (2, "aggregator-all-1")
    same, other = trainer.state, replace(trainer.state)

    _, actions = machine.step(same, io.StateHeard("agg", beat(1, term=later)), 1.0)
    assert io.Stop() not in actions

    _, actions = machine.step(other, io.StateHeard("agg", beat(2, term=later)), 1.0)
    assert io.Stop() in actions, "it knows no version before its first one"


def test_an_update_whose_buffer_was_lost_is_sent_again(trainer: Trainer) -> None:
    trainer.trained()
    trainer.hears(beat(1, ages="0"))
    trainer.hears(beat(1, ages="f"))

    assert trainer.sent() == ["1"]
    assert trainer.training is None, "it has the update still"


def test_it_stops_when_the_last_version_is_made(trainer: Trainer) -> None:
    trainer.hears(beat(9, phase="evaluation"))

    assert trainer.stopped


def test_behind_a_slow_link_it_trains_from_the_newest_version_that_it_got(trainer: Trainer) -> None:
    trainer.trained()
    trainer.hears(beat(2, ages="1"))
    trainer.step(io.Offered(ModelManifest(1, 2, TERM, "2" * 64, 1000)))
    trainer.hears(beat(5, ages="4"))
    assert trainer.training is None

    trainer.step(io.Holding(Held(1, 2, "2" * 64, 1000)))

    assert trainer.training is not None
    assert (trainer.training.round, trainer.training.digest) == (2, "2" * 64)


def test_a_version_that_is_about_to_come_is_waited_for(trainer: Trainer) -> None:
    trainer.hears(beat(2, turns="0", ages="1"))
    trainer.step(io.Stopped())
    trainer.holds(2)
    trainer.hears(beat(3, turns="1", ages="2"))
    assert trainer.training is None, "what it holds came in time, and so will the next"

    trainer.holds(3)
    assert trainer.training is not None
    assert trainer.training.round == 3
