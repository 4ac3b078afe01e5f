"""Asynchronous rounds in a tree: sums of weighted differences, and how a root counts them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.worker.buffering import NAMES, TERM, Federation
from worker.protocol import leader_io as io
from worker.protocol.buffer import UNIT
from worker.protocol.messages import UpdateManifest
from worker.tensors import digest, pack, unpack
from worker.wire import decode, encode


class Middle(Federation):
    """A leader who is led: what it passes on is kept."""

    def __init__(self, **kwargs: float) -> None:
        self.passed: list[tuple[io.PassOn, bytes]] = []
        super().__init__(name="middle-g", **kwargs)
        self.assign(1)

    def assign(self, version: int) -> None:
        self.step(io.Assigned("train", replace(self.first, run=1, round=version), 1, version, 100, 5))

    def _do(self, action: io.Action) -> None:
        if isinstance(action, io.PassOn):
            self.passed.append((action, bytes(self.store.sums())))
        super()._do(action)

    def sums(self) -> list[float]:
        """What was passed on, in whole updates."""
        return [float(unpack(file)["w"][0]) / UNIT / 2**24 for _, file in self.passed]


def test_a_middle_aggregator_passes_on_a_sum_of_as_many_as_its_goal() -> None:
    middle = Middle(aggGoal=2)
    middle.send("one", 1.0)
    middle.send("two", 2.0)

    assert [(p.round, p.deltas, set(p.participants)) for p, _ in middle.passed] == [(1, 2, {"one", "two"})]
    assert middle.sums() == pytest.approx([3.0])


def test_what_comes_while_a_sum_is_on_its_way_counts_in_the_next_with_the_age_that_it_has_then() -> None:
    middle = Middle(aggGoal=2)
    middle.send("one", 1.0)
    middle.send("two", 2.0)
    middle.send("three", 4.0, version=1)
    assert len(middle.counted()) == 2

    middle.assign(4)
    assert [(e.dataset, e.staleness) for e in middle.counted()[2:]] == [("three", 3)]
    middle.send("one", 1.0, version=4)

    assert middle.sums() == pytest.approx([3.0, 4.0 / 2 + 1.0], abs=1e-4)


def test_a_round_that_is_begun_anew_has_nothing_of_what_was_lost() -> None:
    middle = Middle(aggGoal=2)
    middle.send("one", 1.0)
    middle.step(io.Recalled())
    middle.assign(1)
    middle.send("one", 1.0)
    middle.send("two", 2.0)

    assert middle.sums() == pytest.approx([3.0]), "the same update again, as its sum reached nobody"


def partial(sums: float, deltas: int, version: int, base: str, name: str) -> tuple[UpdateManifest, bytearray]:
    """A middle aggregator's sum of so many updates."""
    file = pack({"w": np.full(4, round(sums * UNIT * 2**24), np.int64), "n": np.zeros(1, np.int64)})
    participants = {f"{name}-{k}": 10 for k in range(deltas)}
    return UpdateManifest(
        1, version, TERM, base, name, 10 * deltas, digest(file), len(file), participants=participants, deltas=deltas
    ), file


@given(st.lists(st.tuples(st.floats(-2, 2), st.integers(1, 3), st.integers(0, 3)), min_size=2, max_size=2))
def test_a_root_takes_the_mean_of_all_updates_in_the_sums_by_their_age(found: list[tuple[float, int, int]]) -> None:
    root = Federation(aggGoal=2, trainers=3)
    for _ in range(3):
        for name in NAMES[:2]:
            root.send(name, 0.0)
    assert root.version == 4
    for name, (sums, deltas, age) in zip(NAMES[2:], found, strict=False):
        manifest, file = partial(sums, deltas, 4 - age, root.leader.buffer.bases[4 - age], name)
        root.step(io.Offered(f"trainer-{name}", manifest, root.store.size_of(manifest)))
        for chunk in [decode(encode(memoryview(file), manifest.digest, 0, b""))]:
            received = root.store.put(name, chunk)
            assert received is not None
            root.step(io.Came(name, received.confirmed, received.whole))

    total = sum(deltas for _, deltas, _ in found)
    expected = sum(sums / math.sqrt(1 + age) for sums, _, age in found) / total
    assert root.version == 5
    assert root.model == pytest.approx(expected, abs=1e-4)


def test_a_sum_of_more_updates_than_there_are_trainers_is_dropped() -> None:
    root = Federation(aggGoal=1)
    manifest, _ = partial(1.0, 6, 1, root.base.digest, "one")
    root.step(io.Offered("trainer-one", manifest, root.store.size_of(manifest)))

    assert [d.reason for d in root.dropped] == ["malformed"]
