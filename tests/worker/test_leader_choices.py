"""Whom a leader asks, from what it goes on, and what it does when an update is lost."""

import pytest
from msgspec.structs import replace

from tag.options import Optimizer, Selector
from tag.settings import RunSettings
from tests.worker.leaders import NAMES, TERM, begun, here, send, told
from worker import events
from worker.protocol import leader as rounds
from worker.protocol import leader_io
from worker.protocol.leader_state import Leader
from worker.protocol.members import Members
from worker.protocol.messages import Held, Here


def chosen(sort: str, k: int, **more: object) -> RunSettings:
    selector = Selector(sort=sort, kwargs={"k": k}).filled(seed=3)
    return RunSettings.model_validate({"rounds": 2, "selector": selector, **more})


def opened(actions: list[leader_io.Action]) -> list[list[str]]:
    return [e.selected for e in told(actions) if isinstance(e, events.RoundOpened)]


def test_a_round_asks_the_selected_and_the_last_model_is_judged_by_all() -> None:
    state, actions = begun(chosen("roundRobin", 2))
    asked = opened(actions)
    for number in (1, 2):
        for name in sorted(state.selected):
            state, _ = send(state, name, float(number))
        held = Held(1, number + 1, str(number) * 64, 1000)
        state, actions = rounds.step(state, leader_io.Holding(held), number + 0.5)
        asked += opened(actions)

    assert asked == [["one", "three"], ["one", "two"]]
    assert (state.phase, state.selected) == ("evaluation", frozenset(NAMES))


def test_an_update_of_one_who_is_not_selected_is_dropped() -> None:
    state, _ = begun(chosen("roundRobin", 2))

    _, actions = send(state, "two", 2.0)

    assert [a.reason for a in actions if isinstance(a, leader_io.Drop)] == ["stale"]


def test_one_who_is_not_selected_may_leave_and_one_who_is_may_not() -> None:
    state, _ = begun(chosen("roundRobin", 2))
    gone = Here("x", gone=True)
    for name in ("two", "three"):
        state, _ = rounds.step(state, leader_io.HereHeard(f"trainer-{name}", "g", gone), 2.0)
    state, actions = send(state, "one", 2.1)

    assert not any(isinstance(a, leader_io.MakeModel) for a in actions)
    assert state.message == "waits for 'three'"


def test_a_standby_that_has_a_model_waits_for_the_selected_alone() -> None:
    state = Leader(TERM, chosen("roundRobin", 1), Members({"g": NAMES}, {}))
    state, _ = rounds.step(state, leader_io.Holding(Held(1, 2, "c" * 64, 1000)), 0.5)
    state, early = rounds.step(state, leader_io.HereHeard("trainer-one", "g", here("one")), 1.0)
    state, actions = rounds.step(state, leader_io.HereHeard("trainer-three", "g", here("three")), 1.1)

    assert (opened(early), opened(actions)) == ([], [["three"]])


def test_a_leader_with_an_optimizers_state_repeats_the_rounds_since_its_checkpoint() -> None:
    """What trainers hold is newer, but has no state; going on from it would end with another model."""
    mine, theirs = Held(1, 2, "c" * 64, 1000), Held(1, 4, "d" * 64, 1000)
    asked = {}
    for sort in ("fedavg", "fedadam"):
        settings = RunSettings(rounds=9, optimizer=Optimizer(sort=sort).filled())
        state = Leader(TERM, settings, Members({"g": ("one",)}, {}))
        state, _ = rounds.step(state, leader_io.Holding(mine), 0.5)
        present = leader_io.HereHeard("trainer-one", "g", replace(here("one"), holds=theirs))
        state, actions = rounds.step(state, present, 1.0)
        asked[sort] = [a.held for a in actions if isinstance(a, leader_io.AskModel)]

    assert asked == {"fedavg": [theirs], "fedadam": []}
    assert (state.phase, state.base, state.round) == ("round", mine, 2)


def counted_all(settings: RunSettings) -> Leader:
    """A leader whose round has closed with all updates."""
    state, _ = begun(settings)
    for name in NAMES:
        state, _ = send(state, name, 2.0)
    assert state.making
    return state


def test_a_lost_update_is_waited_for_with_quorum_all() -> None:
    state = counted_all(RunSettings(rounds=2))
    state, actions = rounds.step(state, leader_io.Lost(frozenset({"two"})), 3.0)
    assert not [a for a in actions if isinstance(a, leader_io.MakeModel)]

    state, again = send(state, "two", 4.0)

    assert [a.participants for a in again if isinstance(a, leader_io.MakeModel)] == [NAMES]


@pytest.mark.parametrize(("quorum", "made"), [(2, [("one", "three")]), (3, [])])
def test_a_round_that_was_closed_goes_on_at_once_without_a_lost_update_if_the_quorum_is_met(
    quorum: int, made: list[tuple[str, ...]]
) -> None:
    state = counted_all(RunSettings(rounds=2, quorum=quorum, deadline=3600))
    state, actions = rounds.step(state, leader_io.Lost(frozenset({"two"})), 3.0)

    assert [a.participants for a in actions if isinstance(a, leader_io.MakeModel)] == made
