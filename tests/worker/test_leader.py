"""A leader's rounds alone, with a clock of the test's own."""

from itertools import permutations

import pytest
from msgspec.structs import replace

from tag.settings import RunSettings
from tests.worker.leaders import BASE, NAMES, TERM, begun, here, send, told, update
from worker import events
from worker.protocol import leader as rounds
from worker.protocol import leader_io
from worker.protocol.leader_state import Leader
from worker.protocol.members import Members
from worker.protocol.messages import Counts, Evaluation, Held, Here, UpdateManifest


def test_the_first_round_waits_for_all_of_the_roster_and_says_for_whom() -> None:
    state = Leader(TERM, RunSettings(), Members({"g": NAMES}, {}))
    state, actions = rounds.step(state, leader_io.HereHeard("trainer-one", "g", here("one")), 1.0)

    waiting = [e for e in told(actions) if isinstance(e, events.Waiting)]

    assert state.phase == "waiting", "whoever comes first must not train alone"
    assert [e.missing for e in waiting] == [["three", "two"]]


@pytest.mark.parametrize("order", list(permutations(NAMES)))
def test_a_round_closes_when_every_selected_trainer_is_in_whatever_the_order(order: tuple[str, ...]) -> None:
    state, _ = begun()
    made: list[leader_io.MakeModel] = []
    for name in order:
        state, actions = send(state, name, 2.0)
        made += [a for a in actions if isinstance(a, leader_io.MakeModel)]

    assert [m.participants for m in made] == [NAMES], "once, with all, in the order of names"


@pytest.mark.parametrize(("own", "asked"), [(3, True), (6, False)])
def test_a_leader_goes_on_from_the_newest_model_whether_it_or_a_trainer_holds_it(own: int, *, asked: bool) -> None:
    mine, theirs = Held(1, own, "c" * 64, 1000), Held(1, 5, "d" * 64, 1000)
    state = Leader(TERM, RunSettings(run=2, rounds=2), Members({"g": ("one",)}, {}))
    state, _ = rounds.step(state, leader_io.Holding(mine), 0.5)
    present = replace(here("one"), holds=theirs)
    state, actions = rounds.step(state, leader_io.HereHeard("trainer-one", "g", present), 1.0)

    assert [a.held for a in actions if isinstance(a, leader_io.AskModel)] == ([theirs] if asked else [])
    if asked:
        state, _ = rounds.step(state, leader_io.Holding(theirs), 1.1)
    assert state.phase == "round"
    assert state.base == (theirs if asked else mine)


def test_a_run_ends_after_its_rounds_and_the_last_evaluation() -> None:
    state, _ = begun()
    for number in (1, 2):
        for name in NAMES:
            state, _ = send(state, name, float(number))
        state, actions = rounds.step(
            state, leader_io.Holding(Held(1, number + 1, str(number) * 64, 1000)), number + 0.5
        )
    assert state.phase == "evaluation"
    for name in NAMES:
        found = Evaluation(1, TERM, "2" * 64, name, Counts(9, 10, 2**20), Counts(5, 10, 0))
        state, actions = rounds.step(state, leader_io.Judged(f"trainer-{name}", found), 3.0)

    (evaluated,) = [e for e in told(actions) if isinstance(e, events.Evaluated)]
    (finished,) = [e for e in told(actions) if isinstance(e, events.Finished)]

    assert (evaluated.round, evaluated.accuracy, evaluated.count) == (2, 0.9, 30)
    assert evaluated.validation["one"]["accuracy"] == 0.5
    assert (state.phase, finished.model) == ("finished", "2" * 64)


def test_with_quorum_all_a_round_also_waits_for_who_left_before_it_began() -> None:
    state, _ = begun()
    for name in ("one", "three"):
        state, _ = send(state, name, 2.0)
    manifest = update("two", state)
    state, _ = rounds.step(state, leader_io.Offered("trainer-two", manifest, 1000), 2.1)
    state, _ = rounds.step(state, leader_io.Came("two", 1, whole=True), 2.1)
    state, _ = rounds.step(state, leader_io.HereHeard("trainer-one", "g", Here("", gone=True)), 2.1)
    state, _ = rounds.step(state, leader_io.Counted("two"), 2.2)
    state, _ = rounds.step(state, leader_io.Holding(Held(1, 2, "b" * 64, 1000), NAMES), 2.3)

    assert (state.round, sorted(state.selected)) == (2, sorted(NAMES)), "its replacement repeats the round"


def test_an_update_counts_once_and_a_second_one_is_a_conflict() -> None:
    state, _ = begun()
    state, _ = send(state, "one", 2.0)
    state, again = send(state, "one", 2.1)
    state, other = send(state, "one", 2.2, digest="f" * 64)

    assert not [a for a in again if isinstance(a, leader_io.Stage | leader_io.Drop)], "a duplicate is harmless"
    assert [a.reason for a in other if isinstance(a, leader_io.Drop)] == ["conflict"]
    assert state.counted["one"].digest == "o" * 64, "the first stands"


def test_stale_and_foreign_updates_are_dropped_with_their_reason() -> None:
    state, _ = begun()
    good = update("one", state)
    stale = UpdateManifest(good.run, 7, TERM, good.base, "one", 10, good.digest, 1000)
    elsewhere = UpdateManifest(good.run, good.round, TERM, "e" * 64, "one", 10, good.digest, 1000)
    large = UpdateManifest(good.run, good.round, TERM, good.base, "one", 10, good.digest, 2000)
    cases = [("trainer-one", stale), ("trainer-one", elsewhere), ("trainer-two", good), ("trainer-one", large)]

    reasons = []
    for worker, manifest in cases:
        _, actions = rounds.step(state, leader_io.Offered(worker, manifest, 1000), 2.0)
        reasons += [a.reason for a in actions if isinstance(a, leader_io.Drop)]

    assert reasons == ["stale", "stale", "foreign", "wrong_shape"]


def test_with_a_quorum_the_deadline_closes_a_round_and_before_it_nothing_does() -> None:
    state, _ = begun(RunSettings(rounds=2, quorum=2, deadline=5.0))
    for name in ("one", "two"):
        state, _ = send(state, name, 2.0)
    early, before = rounds.step(state, leader_io.Tick(), 6.0)
    _, after = rounds.step(early, leader_io.Tick(), 6.2)

    assert not [a for a in before if isinstance(a, leader_io.MakeModel)]
    assert [a.participants for a in after if isinstance(a, leader_io.MakeModel)] == [("one", "two")]


def test_max_wait_ends_a_run_whose_quorum_never_comes() -> None:
    state = Leader(TERM, RunSettings(max_wait=10.0), Members({"g": NAMES}, {}))
    state, actions = rounds.step(state, leader_io.Tick(), 10.5)

    (failed,) = [e for e in told(actions) if isinstance(e, events.Failed)]

    assert (state.phase, failed.bad_input) == ("failed", False)
    assert "maxWait of 10 s" in failed.message
    assert "'three'" in failed.message


def test_two_models_of_different_structure_fail_the_run_as_bad_input() -> None:
    state = Leader(TERM, RunSettings(), Members({"g": ("one", "two")}, {}))
    state, _ = rounds.step(state, leader_io.HereHeard("trainer-one", "g", here("one")), 1.0)
    state, actions = rounds.step(state, leader_io.HereHeard("trainer-two", "g", here("two", structure="other")), 1.0)

    (failed,) = [e for e in told(actions) if isinstance(e, events.Failed)]

    assert failed.bad_input
    assert "'one' and 'two' build different models" in failed.message


def test_a_region_that_left_the_roster_and_is_gone_is_waited_for_no_more() -> None:
    state, _ = begun()
    for name in ("one", "two"):
        state, _ = send(state, name, 2.0)
    state, _ = rounds.step(state, leader_io.HereHeard("trainer-three", "g", Here("", gone=True)), 3.0)
    state, waits = rounds.step(state, leader_io.Tick(), 3.1)
    state, actions = rounds.step(state, leader_io.RosterRead({"g": ("one", "two")}), 4.0)

    assert not [a for a in waits if isinstance(a, leader_io.MakeModel)], (
        "with quorum all the round waits for the lost one"
    )
    assert [a.participants for a in actions if isinstance(a, leader_io.MakeModel)] == [("one", "two")]


def said(actions: list[leader_io.Action]) -> list[str]:
    return [a.group if isinstance(a, leader_io.SayState) else "alive" for a in actions if "Say" in type(a).__name__]


def test_a_leader_says_a_group_s_state_when_it_changes_and_every_two_seconds_and_meanwhile_only_that_it_leads() -> None:
    state = Leader(TERM, RunSettings(rounds=2), Members({"g": ("one",), "h": ("two",)}, {}))
    for name, group in (("one", "g"), ("two", "h")):
        state, _ = rounds.step(state, leader_io.HereHeard(f"trainer-{name}", group, here(name)), 1.0)
    state, actions = rounds.step(state, leader_io.Holding(BASE), 1.0)
    heard = [said(actions)]
    evaluation = Evaluation(1, TERM, BASE.digest, "two", Counts(1, 2, 3), Counts(1, 2, 3))
    for now in (1.5, 2.0, 2.5, 3.0):
        event = leader_io.Judged("trainer-two", evaluation) if now == 2.0 else leader_io.Tick()
        state, actions = rounds.step(state, event, now)
        heard.append(said(actions))

    assert heard == [["g", "h"], ["alive"], ["h"], ["alive"], ["g", "h"]]


def test_a_leader_who_is_given_its_followers_selects_no_other_and_sends_its_model_to_nobody_unasked() -> None:
    members = Members({"g": ("one", "two")}, {}, paired=True)
    state = Leader(TERM, RunSettings(rounds=2), members, "aggregator-all-0")
    elsewhere = (1, "aggregator-all-1")
    for name, term in (("one", TERM), ("two", elsewhere), ("three", TERM)):
        state, actions = rounds.step(state, leader_io.HereHeard(f"trainer-{name}", "g", here(name, term=term)), 1.0)
    waiting = [a for a in actions if isinstance(a, leader_io.AskModel)]
    state, actions = rounds.step(state, leader_io.HereHeard("trainer-two", "g", here("two")), 1.0)
    assert not waiting, "what the second holds was told to another leader, so it may be old"
    assert [a.dataset for a in actions if isinstance(a, leader_io.AskModel)] == ["one"]
    state, actions = rounds.step(state, leader_io.Holding(BASE), 1.1)
    assert [type(a) for a in actions if isinstance(a, leader_io.Gathered)] == [leader_io.Gathered]

    model = Held(1, 1, "e" * 64, 1000)
    state, actions = rounds.step(state, leader_io.Assigned("train", model, 1, 1, 2, 3), 2.0)

    assert state.selected == {"one", "two"}
    assert not [a for a in actions if isinstance(a, leader_io.PublishModel)]
    _, dropped = rounds.step(state, leader_io.Offered("trainer-three", update("three", state), 1000), 2.1)
    assert [a.reason for a in dropped if isinstance(a, leader_io.Drop)] == ["stale"]


def test_who_leads_nobody_who_is_here_now_still_knows_their_model_and_is_no_fault_where_it_does_not() -> None:
    members = Members({"g": ("one",)}, {}).heard("trainer-one", "g", here("one"))
    left = members.heard("trainer-one", "g", Here("", gone=True))
    above = Members({}, {}).heard("middle-0", "g", here("a")).heard("middle-1", "g", here("b", structure=""))

    assert left.structure == "s", "a middle aggregator says it above while its trainers are away"
    assert above.fault == ""
