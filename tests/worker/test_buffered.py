"""Asynchronous rounds alone: whose updates count, how much, and who may train; with a clock of the test's own."""

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.worker.buffering import NAMES, TERM, Federation
from worker import events
from worker.protocol import leader as rounds
from worker.protocol import leader_io as io
from worker.protocol.buffer import MAX_STALENESS, UNIT, Buffer, settled_of, weight
from worker.protocol.leader_state import Leader
from worker.protocol.members import Members
from worker.protocol.messages import UpdateManifest, members


def reference(updates: list[tuple[float, int]], *, goal: int, eta: float) -> float:
    """FedBuff in a few lines: the model after updates (delta, staleness), all of whose weights begin at 0."""
    model, buffer = 0.0, []
    for delta, staleness in updates:
        buffer.append(delta / math.sqrt(1 + staleness))
        if len(buffer) == goal:
            model += eta * sum(buffer) / goal
            buffer = []
    return model


@settings(max_examples=40)
@given(st.data())
def test_versions_are_what_the_paper_says_whoever_is_fast(data: st.DataObject) -> None:
    goal = data.draw(st.integers(1, 4))
    eta = data.draw(st.sampled_from((0.5, 1.0, 2.0)))
    federation = Federation(aggGoal=goal, eta=eta)
    began = dict.fromkeys(NAMES, 1)
    last = dict.fromkeys(NAMES, 0)
    sent: list[tuple[float, int]] = []
    for _ in range(data.draw(st.integers(1, 25))):
        can = [n for n in NAMES if last[n] < began[n] and federation.version - began[n] <= MAX_STALENESS]
        if not can:
            break
        name = data.draw(st.sampled_from(can))
        delta = data.draw(st.floats(-2, 2, width=32))
        sent.append((delta, federation.version - began[name]))
        federation.send(name, delta, began[name])
        last[name], began[name] = began[name], federation.version

    assert [e.staleness for e in federation.counted()] == [staleness for _, staleness in sent]
    assert federation.version == 1 + len(sent) // goal
    assert federation.model == pytest.approx(reference(sent, goal=goal, eta=eta), abs=1e-4)


def test_an_update_weighs_less_the_older_it_is() -> None:
    assert [weight(tau) / UNIT for tau in (0, 3, 8)] == pytest.approx([1, 1 / 2, 1 / 3], rel=2e-5)


def test_a_version_does_not_wait_for_who_is_slow() -> None:
    federation = Federation(aggGoal=2)
    for _ in range(3):
        federation.send("one", 1.0)
        federation.send("two", 1.0)

    assert federation.version == 4
    assert federation.training() == set(NAMES), "the others still train, and nobody stops them"

    federation.send("five", 4.0, version=1)
    federation.send("one", 0.0)

    assert federation.model == pytest.approx(3.0 + 4.0 / math.sqrt(4) / 2, abs=1e-4)


def test_by_default_half_of_the_trainers_make_a_version() -> None:
    federation = Federation()
    federation.send("one", 1.0)
    federation.send("two", 1.0)
    assert federation.version == 1
    federation.send("three", 1.0)
    assert federation.version == 2


def test_the_same_update_counts_once() -> None:
    federation = Federation(aggGoal=3)
    federation.send("one", 1.0)
    federation.send("one", 1.0)
    assert (len(federation.counted()), federation.dropped) == (1, []), "sent again, it is no fault"

    federation.send("one", 2.0)
    assert len(federation.counted()) == 1
    assert [d.reason for d in federation.dropped] == ["conflict"], "another one from the same version is one"

    federation.send("two", 1.0)
    federation.send("three", 1.0)
    federation.send("one", 1.0, version=1)
    assert federation.version == 2
    assert len(federation.counted()) == 3, "nor does it count in a later version"


def test_who_trains_from_an_older_version_may_count_twice_in_one() -> None:
    federation = Federation(aggGoal=2)
    federation.send("one", 1.0)
    federation.send("two", 1.0)
    federation.send("three", 2.0, version=1)
    federation.send("three", 2.0, version=2)

    assert federation.version == 3
    assert federation.model == pytest.approx(1.0 + (2.0 / math.sqrt(2) + 2.0) / 2, abs=1e-4)


def test_what_is_too_old_is_dropped_and_said_to_be_settled() -> None:
    federation = Federation(aggGoal=1)
    for _ in range(MAX_STALENESS):
        federation.send("one", 0.0)
    federation.send("two", 0.0, version=1)
    assert federation.counted()[-1].staleness == MAX_STALENESS
    federation.send("three", 0.0, version=1)

    assert [(d.reason, "11 versions old" in d.detail) for d in federation.dropped] == [("stale", True)]
    assert len(federation.counted()) == MAX_STALENESS + 1


def test_an_update_of_a_version_that_another_leader_made_is_dropped_and_its_trainer_told() -> None:
    federation = Federation(aggGoal=1)
    federation.send("one", 0.0)
    federation.send("two", 1.0, version=2, base="f" * 64)

    assert [d.reason for d in federation.dropped] == ["stale"]
    federation.now = 10.0
    federation.step(io.Tick())
    state = federation.states["g"]
    assert settled_of(state.ages, state.selected.index("two"), state.round) == 2


def test_weights_are_no_differences() -> None:
    federation = Federation(aggGoal=1)
    manifest = UpdateManifest(1, 1, TERM, federation.base.digest, "one", 10, "a" * 64, federation.base.size)
    federation.step(io.Offered("trainer-one", manifest, federation.base.size))

    assert [d.reason for d in federation.dropped] == ["malformed"]


@settings(max_examples=20)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 99), st.data())
def test_no_more_train_than_may_and_each_gets_its_turns(
    goal: int, concurrency: int, seed: int, data: st.DataObject
) -> None:
    concurrency = max(goal, concurrency)
    federation = Federation(aggGoal=goal, concurrency=concurrency, seed=seed)
    sent: Counter[str] = Counter()
    for _ in range(30):
        training = federation.training()
        assert len(training) <= concurrency
        if not training:
            break
        turns = federation.leader.buffer.turns
        name = data.draw(st.sampled_from(sorted(n for n in training if turns[n] == min(turns.values()))))
        federation.send(name, 0.0, turns[name])
        sent[name] += 1

    assert sent.total() == 30, "somebody may always train"
    assert federation.version == 1 + 30 // goal
    assert max(sent.values()) - min(sent[name] for name in NAMES) <= 2, "who are as fast train as often"


def test_the_state_says_who_may_train() -> None:
    federation = Federation(aggGoal=2, concurrency=2)
    state = federation.states["g"]

    assert state.selected == NAMES
    assert members(state.selected, state.turns) == federation.training()
    assert len(federation.training()) == 2


def test_a_turn_passes_on_when_its_trainer_is_lost_and_nobody_waits() -> None:
    federation = Federation(aggGoal=2, concurrency=2)
    lost = min(federation.training())
    federation.here(lost, gone=True)
    federation.step(io.Tick())

    assert lost not in federation.training()
    assert len(federation.training()) == 2
    for name in sorted(federation.training()):
        federation.send(name, 1.0)
    assert federation.version == 2


def test_whoever_is_missing_is_named_when_too_few_are_left() -> None:
    federation = Federation(aggGoal=4)
    for name in ("one", "two"):
        federation.here(name, gone=True)
    federation.now += 2
    federation.step(io.Tick())

    assert [e.missing for e in federation.told if isinstance(e, events.Waiting)][-1:] == [["one", "two"]]


def test_a_run_begins_without_those_who_do_not_come() -> None:
    federation = Federation(aggGoal=2)
    leader = Leader(
        TERM, federation.leader.settings, Members({"g": (*NAMES, "six")}, federation.leader.members.present)
    )
    leader, _ = rounds.step(leader, io.Holding(federation.first), 0.5)
    assert leader.phase == "waiting", "it gives them time"
    leader, _ = rounds.step(leader, io.Tick(), 10.0)

    assert leader.phase == "round"


def test_the_run_ends_after_its_versions_with_an_evaluation() -> None:
    federation = Federation(rounds_=2, aggGoal=1)
    federation.send("one", 1.0)
    federation.send("two", 1.0)

    assert federation.leader.phase == "evaluation"
    federation.send("three", 1.0, version=1)
    assert (len(federation.counted()), federation.dropped) == (2, []), "who is late for the last version did no wrong"


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.integers(1, 30)), max_size=20), st.integers(1, 40))
def test_a_trainer_reads_off_the_state_what_is_settled(settled: list[tuple[str, int]], version: int) -> None:
    buffer = Buffer(run=1)
    for name, base in settled:
        buffer = buffer.settled(name, min(base, version))
    ages = buffer.ages(NAMES, version)

    for i, name in enumerate(NAMES):
        last = buffer.last.get(name, (0, ""))[0]
        known = settled_of(ages, i, version)
        assert known == (last if last and version - last <= MAX_STALENESS else 0)


def test_another_run_begins_without_memory() -> None:
    buffer = Buffer().opened(1, 5, "a").settled("one", 5, "d").opened(2, 1, "b")

    assert (buffer.last, dict(buffer.bases)) == ({}, {1: "b"})
    assert replace(buffer, run=2) == buffer
