"""The state machines alone: elections, rounds and trainers, with a clock of the test's own."""

from itertools import permutations

import pytest
from msgspec.structs import replace

from tag.plan import RunSettings
from worker import events
from worker.protocol import leader as rounds
from worker.protocol import leader_io, trainer_io
from worker.protocol import replica as election
from worker.protocol import trainer as follower
from worker.protocol.leader_state import Leader
from worker.protocol.members import Members
from worker.protocol.messages import Counts, Evaluation, Held, Here, State, Term, UpdateManifest, bits, members
from worker.protocol.slots import Coming, grant
from worker.protocol.streams import Stream
from worker.protocol.trainer_state import Trainer

TERM: Term = (1, "aggregator-all-0")
BASE = Held(0, 0, "a" * 64, 1000)
NAMES = ("one", "three", "two")


def here(name: str, **changes: object) -> Here:
    known = Here("x", name, ready=True, term=TERM, samples=10, initial=BASE, structure="s")
    return Here(**{f: getattr(known, f) for f in known.__struct_fields__} | changes)  # type: ignore[arg-type]


def told(actions: list[leader_io.Action]) -> list[events.Event]:
    return [a.event for a in actions if isinstance(a, leader_io.Tell)]


def begun(settings: RunSettings | None = None) -> tuple[Leader, list[leader_io.Action]]:
    """A leader of three trainers that are here, with the model that it asked for."""
    state = Leader(TERM, settings or RunSettings(rounds=2), Members({"g": NAMES}, {}))
    actions: list[leader_io.Action] = []
    for name in NAMES:
        state, actions = rounds.step(state, leader_io.HereHeard(f"trainer-{name}", "g", here(name)), 1.0)
    assert any(isinstance(a, leader_io.AskModel) for a in actions), "it asks for the initial model once all are here"
    return rounds.step(state, leader_io.Holding(BASE), 1.1)


def update(name: str, state: Leader, digest: str = "") -> UpdateManifest:
    base = state.base.digest if state.base else ""
    return UpdateManifest(state.run, state.round, TERM, base, name, 10, digest or (name[0] * 64), 1000)


def send(state: Leader, name: str, now: float, digest: str = "") -> tuple[Leader, list[leader_io.Action]]:
    """An update comes whole, and is counted."""
    manifest = update(name, state, digest)
    state, actions = rounds.step(state, leader_io.Offered(f"trainer-{name}", manifest), now)
    if not any(isinstance(a, leader_io.Stage) for a in actions):
        return state, actions
    state, more = rounds.step(state, leader_io.Came(name, 1, whole=True), now)
    assert any(isinstance(a, leader_io.Count) for a in more)
    state, last = rounds.step(state, leader_io.Counted(name), now)
    return state, actions + more + last


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


def test_an_update_counts_once_and_a_second_one_is_a_conflict() -> None:
    state, _ = begun()
    state, _ = send(state, "one", 2.0)
    state, again = send(state, "one", 2.1)
    state, other = send(state, "one", 2.2, digest="f" * 64)

    assert not [a for a in again if isinstance(a, leader_io.Stage | leader_io.Drop)], "a duplicate is harmless"
    assert [a.reason for a in other if isinstance(a, leader_io.Drop)] == ["conflict"]
    assert state.counted["one"][0] == "o" * 64, "the first stands"


def test_stale_and_foreign_updates_are_dropped_with_their_reason() -> None:
    state, _ = begun()
    good = update("one", state)
    stale = UpdateManifest(good.run, 7, TERM, good.base, "one", 10, good.digest, 1000)
    elsewhere = UpdateManifest(good.run, good.round, TERM, "e" * 64, "one", 10, good.digest, 1000)
    large = UpdateManifest(good.run, good.round, TERM, good.base, "one", 10, good.digest, 2000)
    cases = [("trainer-one", stale), ("trainer-one", elsewhere), ("trainer-two", good), ("trainer-one", large)]

    reasons = []
    for worker, manifest in cases:
        _, actions = rounds.step(state, leader_io.Offered(worker, manifest), 2.0)
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


# --- the election


def elected(replicas: list[election.Replica], until: float, *, deaf: bool = False) -> list[election.Replica]:
    """Replicas that hear each other's claims and beats, from second 0 on."""
    replicas = [election.step(r, election.Up(), 0.0)[0] for r in replicas]
    now = 0.0
    while now < until:
        now += 0.1
        said: list[tuple[str, Term, str]] = []
        for index, replica in enumerate(replicas):
            after, actions = election.step(replica, election.Tick(), now)
            replicas[index] = after
            said += [(after.me, a.term, "claim") for a in actions if isinstance(a, election.SendClaim)]
            said += [(after.me, after.term, "beat")] if after.post == "leader" else []
        for me, term, kind in [] if deaf else said:
            for index, replica in enumerate(replicas):
                if replica.me != me:
                    replicas[index], _ = election.step(replica, election.TermHeard(term, kind), now)  # type: ignore[arg-type]
    return replicas


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_one_replica_of_many_leads_and_the_lowest_index_is_it(count: int) -> None:
    found = elected([election.Replica(f"a-{i}", i) for i in range(count)], until=10.0)

    assert [r.me for r in found if r.post == "leader"] == ["a-0"]
    assert len({r.term for r in found}) == 1, "all know its term"


def test_a_standby_leads_under_a_higher_term_within_five_seconds_of_silence() -> None:
    first, second = elected([election.Replica("a-0", 0), election.Replica("a-1", 1)], until=6.0)
    now, leads = 6.0, None
    while leads is None and now < 20.0:
        now += 0.1
        second, actions = election.step(second, election.Tick(), now)
        leads = next((a for a in actions if isinstance(a, election.Lead)), None)

    assert leads is not None
    assert leads.term > first.term
    assert now - 6.0 <= 5.0


def test_a_leader_that_hears_a_higher_term_stops() -> None:
    (leader,) = elected([election.Replica("a-0", 0)], until=3.0)
    after, actions = election.step(leader, election.TermHeard((9, "a-1"), "beat"), 4.0)

    assert actions == [election.StepDown((9, "a-1"))]
    assert after.post == "standby"


def test_a_claim_rises_above_any_term_that_members_remember() -> None:
    replica, _ = election.step(election.Replica("a-0", 0), election.Up(), 0.0)
    replica, _ = election.step(replica, election.Tick(), 1.0)
    replica, actions = election.step(replica, election.TermHeard((7, "a-1"), "hearsay"), 1.2)

    assert actions == [election.SendClaim((8, "a-0"))]


# --- the trainer


def beat(**changes: object) -> State:
    known = State(TERM, 1, 1, 2, "round", BASE.digest, BASE.size, 1, ("one",), bits(("one",), frozenset()))
    return State(**{f: getattr(known, f) for f in known.__struct_fields__} | changes)  # type: ignore[arg-type]


def trained() -> Trainer:
    """A trainer that has evaluated and trained the first round."""
    state, _ = follower.step(Trainer("one"), trainer_io.Prepared(BASE), 0.0)
    state, actions = follower.step(state, trainer_io.StateHeard("agg", beat()), 0.1)
    assert [a.task.kind for a in actions if isinstance(a, trainer_io.Compute)] == ["evaluate"]
    found = Evaluation(1, TERM, BASE.digest, "one", Counts(1, 2, 3), Counts())
    state, actions = follower.step(state, trainer_io.Evaluated(found), 0.2)
    assert [type(a) for a in actions] == [trainer_io.Compute]
    manifest = UpdateManifest(1, 1, TERM, BASE.digest, "one", 10, "f" * 64, 1000)
    state, actions = follower.step(state, trainer_io.Trained(manifest), 5.0)
    assert [(a.first, a.last) for a in actions if isinstance(a, trainer_io.SendUpdate)] == [(0, 1)]
    return state


def evaluated(phase: str) -> tuple[Trainer, list[trainer_io.Action]]:
    """A trainer that has just evaluated the base at 0.2 s, and what it does then."""
    state, _ = follower.step(Trainer("one"), trainer_io.Prepared(BASE), 0.0)
    state, _ = follower.step(state, trainer_io.StateHeard("agg", beat(phase=phase)), 0.1)
    found = Evaluation(1, TERM, BASE.digest, "one", Counts(1, 2, 3), Counts())
    return follower.step(state, trainer_io.Evaluated(found), 0.2)


def judgements(actions: list[trainer_io.Action]) -> list[trainer_io.Action]:
    return [a for a in actions if isinstance(a, trainer_io.SendEvaluation)]


def test_an_evaluation_goes_by_itself_while_training_lasts_and_with_the_update_when_it_is_short() -> None:
    state, at_once = evaluated("round")
    _, waited = follower.step(state, trainer_io.Tick(), 0.31)
    manifest = UpdateManifest(1, 1, TERM, BASE.digest, "one", 10, "f" * 64, 1000)
    state, sent = follower.step(state, trainer_io.Trained(manifest), 0.21)
    _, after = follower.step(state, trainer_io.Tick(), 0.35)

    assert not judgements(at_once)
    assert judgements(waited), "the user sees the accuracy while the round goes on"
    assert [a.manifest.evaluation for a in sent if isinstance(a, trainer_io.SendUpdate)] == [
        Evaluation(1, TERM, BASE.digest, "one", Counts(1, 2, 3), Counts())
    ]
    assert not judgements(sent)
    assert not judgements(after), "the update has told it"


def test_the_last_evaluation_does_not_wait() -> None:
    state, at_once = evaluated("evaluation")
    _, soon = follower.step(state, trainer_io.Tick(), 0.3)
    _, late = follower.step(state, trainer_io.Tick(), 2.5)

    assert judgements(at_once)
    assert not judgements(soon)
    assert judgements(late), "what the beat lacks is sent again"


def test_an_update_is_sent_again_until_the_beat_names_it() -> None:
    state = trained()
    state, early = follower.step(state, trainer_io.Tick(), 6.0)
    state, late = follower.step(state, trainer_io.Tick(), 7.5)
    heard = beat(received=bits(("one",), frozenset({"one"})))
    state, done = follower.step(state, trainer_io.StateHeard("agg", heard), 8.0)
    _, after = follower.step(state, trainer_io.Tick(), 20.0)

    assert not [a for a in early if isinstance(a, trainer_io.SendUpdate)]
    assert [a for a in late if isinstance(a, trainer_io.SendUpdate)], "what the beat lacks is sent again"
    assert [a for a in done if isinstance(a, trainer_io.Confirmed)]
    assert not [a for a in after if isinstance(a, trainer_io.SendUpdate)]


def test_a_new_leader_gets_presence_and_the_same_update_without_new_training() -> None:
    state, actions = follower.step(trained(), trainer_io.StateHeard("other", beat(term=(2, "other"))), 6.0)

    assert [a.term for a in actions if isinstance(a, trainer_io.SayHere)] == [(2, "other")]
    assert [a.to for a in actions if isinstance(a, trainer_io.SendUpdate)] == ["other"]
    assert not [a for a in actions if isinstance(a, trainer_io.Compute)], "the round's base is the same"
    assert state.leader == "other"


def test_a_beat_below_the_highest_term_is_not_followed() -> None:
    state = replace(trained(), term=(5, "z"))
    after, _ = follower.step(state, trainer_io.StateHeard("agg", beat(round=2)), 6.0)

    assert after.state is not None
    assert after.state.round == 1


def test_training_stops_when_a_newer_round_is_heard() -> None:
    state, _ = follower.step(Trainer("one"), trainer_io.Prepared(BASE), 0.0)
    state, _ = follower.step(state, trainer_io.StateHeard("agg", beat()), 0.1)
    found = Evaluation(1, TERM, BASE.digest, "one", Counts(1, 2, 3), Counts())
    state, _ = follower.step(state, trainer_io.Evaluated(found), 0.2)
    _, actions = follower.step(state, trainer_io.StateHeard("agg", beat(round=2, model="b" * 64)), 1.0)

    assert trainer_io.Stop() in actions


def test_a_model_that_does_not_come_is_asked_for() -> None:
    state, _ = follower.step(Trainer("one"), trainer_io.Prepared(BASE), 0.0)
    state, _ = follower.step(state, trainer_io.StateHeard("agg", beat(round=2, model="b" * 64)), 1.0)
    _, early = follower.step(state, trainer_io.Tick(), 2.0)
    _, late = follower.step(state, trainer_io.Tick(), 3.1)

    assert not [a for a in early if isinstance(a, trainer_io.SendWant)]
    assert [(a.want.digest, a.want.ask) for a in late if isinstance(a, trainer_io.SendWant)] == [("b" * 64, True)]


# --- flow control


def test_a_model_goes_at_most_a_window_ahead_of_its_slowest_live_reader() -> None:
    stream, first = Stream.to(["fast", "slow"], "d", 100, 0.0).advance(0.0)
    stream, held = stream.confirm("fast", 32, 1.0).advance(1.0)
    stream, on = stream.confirm("slow", 16, 2.0).advance(2.0)
    _, left = stream.confirm("fast", 48, 13.0).advance(13.0)

    assert first == range(32)
    assert held == range(0), "the slow one holds it"
    assert on == range(32, 48)
    assert left == range(48, 80), "after ten seconds of silence it is left behind"


def test_a_model_is_not_sent_where_no_live_reader_is_left() -> None:
    """Its broker would have to keep it, and drop what exceeds its log."""
    stream, _ = Stream.to(["one"], "d", 100, 0.0).advance(0.0)

    assert stream.advance(30.0)[1] == range(0)


def test_only_a_few_large_updates_have_slots_and_an_idle_one_gives_its_up() -> None:
    big = 40_000_000
    manifest = UpdateManifest(1, 1, TERM, "a" * 64, "x", 1, "b" * 64, big)
    coming = {name: Coming(manifest, 8, 8, 0.0) for name in ("a", "b", "c", "d")}
    granted = grant(coming, 1.0)
    moved = {n: replace(c, at=20.0) if n in "cd" else c for n, c in granted.items()}
    later = grant(moved, 20.0)

    assert [name for name, c in granted.items() if c.upto > 8] == ["a", "b"]
    assert {name for name, c in later.items() if c.upto > 8} == {"a", "b", "c", "d"}


def test_bits_say_whose_and_survive_nonsense() -> None:
    assert members(NAMES, bits(NAMES, frozenset({"one", "two"}))) == {"one", "two"}
    assert members(NAMES, "zz") == frozenset()
