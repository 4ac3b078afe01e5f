"""A leader that is led itself, alone, with a clock of the test's own."""

from typing import Any

import pytest
from msgspec.structs import replace

from tag.settings import RunSettings
from worker import events
from worker.protocol import leader as rounds
from worker.protocol import leader_io as io
from worker.protocol.leader_state import Leader, state_of
from worker.protocol.members import Members
from worker.protocol.messages import Counts, Evaluation, Held, Here, Term, UpdateManifest, members

TERM: Term = (1, "middle-eu-0")
INITIAL = Held(0, 0, "a" * 64, 1000)
GIVEN = Held(1, 4, "b" * 64, 1000)
NAMES = ("one", "two")
ROUND = io.Assigned("train", GIVEN, run=1, round=4, rounds=9, trainers=6)
SUM_BYTES = 2000


def here(name: str, **changes: Any) -> Here:
    known = Here("x", name, ready=True, term=TERM, samples=10, initial=INITIAL, structure="s")
    return replace(known, **changes)


def gathered() -> tuple[Leader, list[io.Action]]:
    """A middle leader whose two trainers are here, and which has a model to begin with."""
    state = Leader(TERM, RunSettings(rounds=9), Members({"eu": NAMES}, {}), "middle-eu")
    for name in NAMES:
        state, _ = rounds.step(state, io.HereHeard(f"trainer-{name}", "eu", here(name)), 1.0)
    return rounds.step(state, io.Holding(INITIAL), 1.1)


def send(state: Leader, manifest: UpdateManifest, size: int, now: float = 3.0) -> tuple[Leader, list[io.Action]]:
    """An update comes whole; it is counted if it is to be."""
    worker = f"trainer-{manifest.dataset}"
    state, actions = rounds.step(state, io.Offered(worker, manifest, size), now)
    if any(isinstance(a, io.Stage) for a in actions):
        state, more = rounds.step(state, io.Came(manifest.dataset, 1, whole=True), now)
        actions += more
    if any(isinstance(a, io.Count) for a in actions):
        state, more = rounds.step(state, io.Counted(manifest.dataset), now)
        actions += more
    return state, actions


def trained(name: str, **changes: Any) -> UpdateManifest:
    evaluation = Evaluation(1, TERM, GIVEN.digest, name, Counts(3, 4, 5), Counts(1, 2, 1))
    manifest = UpdateManifest(1, 4, TERM, GIVEN.digest, name, 10, name[0] * 64, 1000, evaluation=evaluation)
    return replace(manifest, **changes)


def of(kind: type[Any], actions: list[io.Action]) -> list[Any]:
    return [a for a in actions if isinstance(a, kind)] + [
        a.event for a in actions if isinstance(a, io.Tell) and isinstance(a.event, kind)
    ]


def test_it_begins_nothing_by_itself_but_says_once_that_all_are_here() -> None:
    state, actions = gathered()
    _, later = rounds.step(state, io.Tick(), 2.0)

    assert of(io.Gathered, actions) == [io.Gathered(INITIAL)]
    assert not of(io.Gathered, later)
    assert state.phase == "waiting"


def test_it_passes_on_the_sum_of_the_round_that_was_assigned_and_makes_no_model() -> None:
    state, opened = rounds.step(gathered()[0], ROUND, 2.0)
    state, first = send(state, trained("one"), 1000)
    state, second = send(state, trained("two"), 1000)
    _, later = rounds.step(state, io.Tick(), 4.0)

    assert (state.run, state.round, state.rounds) == (1, 4, 9)
    assert [m.digest for a in of(io.PublishModel, opened) for m in [a.manifest]] == [GIVEN.digest]
    assert not of(io.PassOn, first)
    (passed,) = of(io.PassOn, second)
    assert passed.participants == {"one": 10, "two": 10}
    assert (passed.evaluation.dataset, passed.evaluation.test) == ("middle-eu", Counts(6, 8, 10))
    assert not of(io.MakeModel, first + second + later)
    assert not of(io.PassOn, later), "once"
    told = [type(e) for a in (opened, first, second) for e in of(events.Event, a)]
    assert not {events.RoundOpened, events.RoundClosed, events.Evaluated} & set(told), "these are the root's to tell"
    (validated,) = of(events.Validated, first + second)
    assert validated.validation["one"] == {"accuracy": 0.5, "loss": 1 / 2**20 / 2, "count": 2}


def test_the_range_of_an_update_is_that_of_the_whole_round() -> None:
    state, _ = rounds.step(gathered()[0], ROUND, 2.0)
    _, actions = send(state, trained("one"), 1000)

    assert [(a.share, a.trainers) for a in of(io.Count, actions)] == [(1, 6)]
    assert state_of(state, "eu").total == 6


def test_an_evaluation_that_was_assigned_is_passed_on() -> None:
    last = replace(ROUND, kind="evaluate", round=9)
    state, _ = rounds.step(gathered()[0], last, 2.0)
    actions: list[io.Action] = []
    for name in NAMES:
        evaluation = Evaluation(1, TERM, GIVEN.digest, name, Counts(3, 4, 5), Counts())
        state, actions = rounds.step(state, io.Judged(f"trainer-{name}", evaluation), 2.5)

    assert [a.evaluation.test for a in of(io.PassJudgement, actions)] == [Counts(6, 8, 10)]
    state, _ = rounds.step(state, io.Over("finished", ""), 3.0)
    assert state_of(state, "eu").phase == "finished"


def test_what_is_recalled_is_forgotten_and_the_next_round_begins_anew() -> None:
    state, _ = rounds.step(gathered()[0], ROUND, 2.0)
    state, _ = send(state, trained("one"), 1000)
    state, actions = rounds.step(state, io.Recalled(), 3.0)

    assert io.Unstage() in actions
    assert state_of(state, "eu").phase == "waiting", "those below stop"
    state, _ = rounds.step(state, replace(ROUND, round=5), 4.0)
    assert (state.phase, state.round, dict(state.counted)) == ("round", 5, {})


def test_a_members_fault_is_told_above_and_no_maximum_wait_ends_it_here() -> None:
    state, _ = rounds.step(gathered()[0], ROUND, 2.0)
    _, late = rounds.step(state, io.Tick(), 2.0 + 10 * RunSettings().max_wait)
    failed, blamed = rounds.step(state, io.HereHeard("trainer-one", "eu", here("one", fault="no disk")), 3.0)

    assert not of(io.Blame, late)
    assert of(io.Blame, blamed) == [io.Blame("no disk")]
    assert not of(events.Failed, blamed)
    assert failed.phase == "failed"


def partial(name: str, **participants: int) -> UpdateManifest:
    samples = sum(participants.values())
    return trained(name, samples=samples, participants=participants, size=SUM_BYTES)


def above() -> Leader:
    """A root of two middle aggregators in the round that they were assigned."""
    state = Leader(TERM, RunSettings(rounds=9), Members({"default": NAMES}, {}))
    for name in NAMES:
        state, _ = rounds.step(state, io.HereHeard(f"trainer-{name}", "default", here(name, trainers=3)), 1.0)
    state, _ = rounds.step(state, io.Holding(replace(GIVEN, round=4)), 1.1)
    assert state.round == 4
    return state


def test_a_root_counts_who_is_in_partial_sums() -> None:
    state, first = send(above(), partial("one", a=4, b=6), SUM_BYTES)
    state, second = send(state, partial("two", c=5), SUM_BYTES)

    assert [(a.share, a.trainers) for a in of(io.Count, first)] == [(2, 6)]
    assert [a.participants for a in of(io.MakeModel, second)] == [("a", "b", "c")]
    _, closed = rounds.step(state, io.Holding(Held(1, 5, "c" * 64, 1000), ("a", "b", "c")), 3.1)
    assert [e.participants for e in of(events.RoundClosed, closed)] == [{"a": 4, "b": 6, "c": 5}]


@pytest.mark.parametrize(
    ("manifest", "size", "reason"),
    [
        (partial("two", b=1, c=5), SUM_BYTES, "conflict"),
        (replace(partial("two", c=5), samples=6), SUM_BYTES, "malformed"),
        (partial("two", c=5), 1000, "wrong_shape"),
    ],
)
def test_a_partial_sum_that_can_not_be_is_dropped(manifest: UpdateManifest, size: int, reason: str) -> None:
    state, _ = send(above(), partial("one", a=4, b=6), SUM_BYTES)
    state, actions = send(state, manifest, size)

    assert [a.reason for a in of(io.Drop, actions)] == [reason]
    assert set(state.counted) == {"one"}


def test_two_sums_with_one_participant_are_told_apart_also_when_they_come_at_once() -> None:
    state = above()
    for name, manifest in (("one", partial("one", a=4)), ("two", partial("two", a=4))):
        state, _ = rounds.step(state, io.Offered(f"trainer-{name}", manifest, SUM_BYTES), 2.0)
    state, _ = rounds.step(state, io.Came("one", 1, whole=True), 2.1)
    state, _ = rounds.step(state, io.Counted("one"), 2.1)
    state, actions = rounds.step(state, io.Came("two", 1, whole=True), 2.2)

    assert [a.reason for a in of(io.Drop, actions)] == ["conflict"]
    assert set(members(state_of(state, "default").selected, state_of(state, "default").received)) == {"one"}
