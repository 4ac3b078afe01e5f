"""A ring's members in their attempts to add up, over a bad network; what they do alone; what each guard is for."""

import random
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.worker.ringing import LEADER, Member, World, killing, succeeding, update_of
from worker.protocol import attempts as leading
from worker.protocol import ring as member
from worker.protocol import ring_legs
from worker.protocol.attempts import SILENT_S
from worker.protocol.ring_legs import legs
from worker.protocol.ring_messages import Stand
from worker.ring_sums import RingSum, integers_digest
from worker.tensors import pack


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Chunks of four values: many of them in little time."""
    monkeypatch.setattr(ring_legs, "CHUNK_VALUES", 4)
    legs.cache_clear()
    yield
    legs.cache_clear()


PHASES = {"before anything came": 0.0, "in reduce-scatter": 0.3, "in all-gather": 0.7, "before commit": 1.1}


@given(st.integers(1, 9), st.integers(0, 200))
def test_every_member_sends_and_takes_what_the_next_one_needs(members: int, values: int) -> None:
    ways = [legs(members, place, values) for place in range(members)]

    for place, way in enumerate(ways):
        going = ways[place - 1].going
        assert [(s.start, s.stop) for s in going] == [(s.start, s.stop) for s in way.coming]
        own = values * (place + 1) // members - values * place // members
        covered = {v for s in way.coming for v in range(s.start, s.stop)}
        assert len(covered) == values or members == 1
        sent = sum(s.stop - s.start for s in way.going)
        assert abs(sent - 2 * (members - 1) * values / members) <= 2 * members
        assert sum(s.stop - s.start for s in way.going[: way.first]) == (own if members > 1 else 0)


RINGS = st.builds(
    lambda seed, size, values, loss: World([f"d{i}" for i in range(size)], values, random.Random(seed), loss=loss),
    st.integers(0, 2**32),
    st.integers(2, 5),
    st.sampled_from([3, 40, 700]),
    st.sampled_from([0.0, 0.02, 0.2]),
)


@given(
    world=RINGS,
    lost=st.lists(st.tuples(st.integers(0, 4), st.sampled_from(sorted(PHASES.values()))), max_size=2),
    heir=st.sampled_from([None, 0.5, 2.0]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_all_members_end_with_the_straight_sums_model_whatever_is_lost(
    world: World, lost: list[tuple[int, float]], heir: float | None
) -> None:
    names = list(world.members)
    for number, share in lost:
        killing(world, names[number % len(names)], share, back=True)
    if heir is not None:
        world.at(heir, world.succeed)

    world.run()

    assert world.right()
    assert world.done is not None
    assert [m.dataset for m in world.done.attempt.members] == names, "the quorum is all: nobody is left out"


@pytest.mark.parametrize("share", PHASES.values(), ids=PHASES)
@pytest.mark.parametrize("loss", [0.0, 0.1])
def test_without_a_member_that_is_gone_the_others_end_with_their_own_sum(share: float, loss: float) -> None:
    for seed in range(8):
        world = World(["a", "b", "c", "d"], 300, random.Random(seed), loss=loss, quorum=3)
        killing(world, "b", share, back=False)

        world.run()

        assert world.right()
        assert world.done is not None
        members = [m.dataset for m in world.done.attempt.members]
        reported = share > 1 and "b" in members
        assert reported or members == ["a", "c", "d"], "its report may have been its last word, and counts"


def test_a_member_that_is_left_alone_has_its_own_update_as_the_sum() -> None:
    world = World(["a", "b"], 50, random.Random(1), quorum=1)
    killing(world, "b", 0.5, back=False)

    world.run()

    assert world.right()


def faults_of(monkeypatch: pytest.MonkeyPatch, spoil: Callable[[pytest.MonkeyPatch], None]) -> int:
    """How many of some rings go wrong without a guard."""
    with monkeypatch.context() as patch:
        spoil(patch)
        wrong = 0
        for seed in range(12):
            world = World(["a", "b", "c", "d"], 300, random.Random(seed), loss=0.1, quorum=3)
            killing(world, "b", 0.4, back=False)
            if seed % 2:
                succeeding(world)
            try:
                world.run()
                wrong += not world.right()
            except AssertionError:
                wrong += 1
        return wrong


def _over_the_update(total: RingSum, samples: int) -> bytearray:
    """A mean that takes the update's place."""
    model = MEAN(total, samples)
    total._update[:] = model  # type: ignore[index]
    return model


MEAN = RingSum.mean


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda _: None, id="none"),
        pytest.param(lambda p: p.setattr(member, "current", lambda *_: True), id="parts of any attempt"),
        pytest.param(lambda p: p.setattr(member, "newer", lambda *_: True), id="attempts of any number"),
        pytest.param(lambda p: p.setattr(RingSum, "mean", _over_the_update), id="kept update"),
    ],
)
def test_each_guard_is_needed(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, spoil: Callable[[pytest.MonkeyPatch], None]
) -> None:
    wrong = faults_of(monkeypatch, spoil)

    assert (wrong == 0) == request.node.callspec.id.startswith("none")


def test_members_that_make_different_models_try_again_and_give_up_after_three() -> None:
    state = leading.Attempts((1, LEADER))
    for number, name in enumerate("ab"):
        one = Member(name, update_of(number, 9), 10, 0)
        state, _ = leading.step(state, leading.Offered(one.offer()), 0.0)
    state, _ = leading.step(state, leading.Close(1, 1, ("a", "b")), 0.0)
    last, numbers = [], []
    for _ in range(leading.DISAGREEMENTS):
        numbers.append(state.attempt.number if state.attempt else 0)
        key = state.key
        for name, model in (("a", "1" * 64), ("b", "2" * 64)):
            state, actions = leading.step(state, leading.Reported(name, Stand(key, 3, model)), 1.0)
        last += [a.last for a in actions if isinstance(a, leading.Disagree)]

    assert numbers == [1, 2, 3], "each is another attempt"
    assert last == [False, False, True]


def test_whoever_is_silent_in_an_attempt_is_lost() -> None:
    state = leading.Attempts((1, LEADER))
    members = {name: Member(name, update_of(number, 9), 10, 0) for number, name in enumerate("ab")}
    for one in members.values():
        state, _ = leading.step(state, leading.Offered(one.offer()), 0.0)
    state, _ = leading.step(state, leading.Close(1, 1, ("a", "b")), 0.0)
    state, _ = leading.step(state, leading.Reported("a", Stand(state.key, 1)), SILENT_S - 1)
    here = leading.Looked({n: one.incarnation for n, one in members.items()}, frozenset("ab"))
    state, early = leading.step(state, here, SILENT_S - 0.1)
    state, late = leading.step(state, here, SILENT_S + 0.1)

    assert early == []
    assert late == [leading.Lose(frozenset("b"))]
    assert not state.running


def test_integer_tensors_have_one_digest_whatever_the_floating_ones_are() -> None:
    first, second = update_of(1, 9), update_of(2, 9)
    other = pack({"a": np.zeros(6, np.float32), "n": np.arange(3) + 1, "b": np.zeros(3)})

    assert integers_digest(first) == integers_digest(second) != integers_digest(other)
    assert integers_digest(pack({"a": np.zeros(2)})) == ""
