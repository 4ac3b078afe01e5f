"""What happened, folded from events that may be late, doubled, lost or hostile."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from report.history import History
from tests.report.build import BEGUN, LEADER, STANDBY, Story, sha, star, story
from worker import events as ev


def picture(history: History) -> object:
    """All that a report shows of rounds."""
    return [
        (r.number, r.score, r.validation, r.seconds, r.model, r.overhead, r.total, sorted(r.shares.items(), key=str))
        for r in history.current.rounds
    ]


def test_a_whole_run_is_known_round_by_round() -> None:
    run = History(story(rounds=3).events).current

    assert [r.number for r in run.rounds] == [1, 2, 3]
    assert [round(r.accuracy or 0, 4) for r in run.scored] == [0.098, 0.966, 0.9768, 0.9814], "0 is the initial model"
    assert run.final == run.model == sha("model", 1, 3)
    assert run.rounds[0].total == 18_000 + 17_990 + 17_980
    assert run.waiting is None, "the wait for the first trainers is over"


def test_overhead_is_what_a_round_takes_beyond_its_slowest_participant() -> None:
    told = Story(star(), rounds=1).start()
    told.round(1)
    record = History(told.events).current.rounds[0]
    slowest = max(s.training + s.evaluating for s in record.shares.values() if s.training and s.evaluating)

    assert record.overhead == pytest.approx((record.seconds or 0) - slowest)


def test_overhead_is_unknown_where_a_participants_time_is_lost() -> None:
    """The lost one may have been the slowest; an overhead that is too large would be a lie."""
    events = [e for e in story(rounds=1).events if not (isinstance(e, ev.Trained) and e.dataset == "mnist-us")]

    assert History(events).current.rounds[0].overhead is None


def test_a_slow_trainer_that_the_quorum_left_out_does_not_count_as_busy() -> None:
    told = Story(star(), rounds=1).start()
    told.round(1, absent=["mnist-us"])
    told.tell(ev.Trained(**told.of("mnist-us"), round=1, training=500.0, samples=17_980))
    history = History(told.events)

    assert 0 < (history.current.rounds[0].overhead or 0) < 1
    assert history.current.rounds[0].samples("mnist-us") == 0
    assert [i.text for i in history.incidents] == ["round 1 was closed without mnist-us"]


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False))
def test_neither_order_nor_doubled_events_change_what_is_known(dice: random.Random) -> None:
    events = story(regions=2, rounds=2).events
    mixed = events + dice.sample(events, len(events) // 3)
    dice.shuffle(mixed)

    assert picture(History(mixed)) == picture(History(events))


def test_a_round_that_a_standby_repeats_replaces_the_first_attempt() -> None:
    told = Story(star(), rounds=2).start()
    told.round(1)
    told.open(2)
    told.train(2)
    told.now += 20
    told.tell(ev.Leading(time=told.now, worker=STANDBY, term=2))
    told.open(2, worker=STANDBY)
    told.close(2, told.train(2), worker=STANDBY)
    history = History(told.finish().events)
    second = history.current.rounds[1]

    assert history.leader == STANDBY
    assert len(history.current.rounds) == 2, "a repeated round is one round"
    assert (second.overhead or 0) < 1, "times of the first attempt are forgotten"
    assert [i.text for i in history.incidents] == [
        f"{STANDBY} took over the leadership (term 2)",
        f"round 2 was repeated; opened by {LEADER}, then {STANDBY}",
    ]


def test_a_round_that_a_new_leader_closes_with_updates_made_before_has_no_overhead() -> None:
    """A broker that dies takes no update with it: trainers hand them to whoever leads then, within milliseconds."""
    told = Story(star(), rounds=1).start()
    told.open(1)
    told.train(1)
    told.now += 20
    told.tell(ev.Leading(time=told.now, worker=STANDBY, term=2))
    told.open(1, worker=STANDBY)
    told.close(1, 0.02, worker=STANDBY)
    (only,) = History(told.finish().events).current.rounds

    assert only.seconds is not None
    assert only.seconds < 1
    assert only.overhead is None, "a negative one would say that the round was faster than its training"


def test_of_two_closings_that_of_the_higher_term_holds_even_if_it_is_heard_first() -> None:
    stale = ev.RoundClosed(time=BEGUN + 9, worker=LEADER, round=1, model="a" * 64, participants={"x": 1}, seconds=9)
    right = ev.RoundClosed(time=BEGUN + 8, worker=STANDBY, round=1, model="b" * 64, participants={"x": 1}, seconds=8)
    terms = [ev.Leading(time=BEGUN, worker=LEADER, term=1), ev.Leading(time=BEGUN + 5, worker=STANDBY, term=2)]

    for order in ([*terms, right, stale], [stale, right, *terms]):
        history = History(order)
        assert history.current.rounds[0].model == "b" * 64
        assert any("different models" in i.text for i in history.incidents), "a fork is shown"


def test_counters_of_a_restarted_worker_go_on() -> None:
    told = Story(star(regions=1), rounds=1)
    history = History()
    for after, sent in ((1, 100), (2, 300), (3, 50)):
        history.add(ev.Progress(**told.of("mnist-region-01", after), sent=sent, received=sent))
    for after, count in ((1, 4), (2, 7), (3, 2)):
        history.add(ev.Dropped(time=BEGUN + after, worker=LEADER, sender="x", reason="stale", count=count))

    assert history.states["mnist-region-01"].sent == 350, "300 before the restart, 50 since"
    assert [(t.sender, t.reason, t.count) for t in history.dropped] == [("x", "stale", 9)]


def test_messages_that_several_workers_dropped_are_added_up() -> None:
    events = [
        ev.Dropped(worker=w, sender="x", reason="stale", count=n, detail=w) for w, n in ((LEADER, 3), (STANDBY, 2))
    ]

    assert [(t.count, t.sender) for t in History(events).dropped] == [(5, "x")]


def test_a_restart_and_a_wait_are_told() -> None:
    told = Story(star(), rounds=2).start()
    told.round(1)
    told.open(2)
    for after in (3.0, 8.0):
        told.tell(ev.Waiting(**told.lead(after), round=2, missing=["mnist-eu"], reason="its worker is gone"))
    told.tell(ev.Ready(**told.of("mnist-eu", 9), samples=17_990))
    history = History(told.events)

    assert history.current.waiting is not None
    assert [i.text for i in history.incidents] == [
        "round 2 waited for mnist-eu, at least 5.0 s: its worker is gone",
        "the trainer of mnist-eu was started again",
    ]


def test_a_run_that_never_began_says_what_it_waited_for() -> None:
    events = Story(star(), rounds=2).start().events[:2]

    assert "waited for mnist-asia, mnist-eu and mnist-us" in History(events).incidents[0].text


def test_a_failure_is_an_incident_and_ends_the_waiting() -> None:
    told = Story(star(), rounds=2).start()
    told.tell(ev.Waiting(**told.lead(), round=1, missing=["mnist-eu"]))
    told.tell(ev.Failed(**told.lead(5), round=1, message="quorum 3 was not met; 2 came"))
    history = History(told.events)

    assert history.current.waiting is None
    assert history.incidents[-1].text == "the run failed: quorum 3 was not met; 2 came"


def test_the_report_is_about_the_greatest_run_that_a_leader_spoke_of() -> None:
    first, second = story(rounds=1), Story(star(), rounds=1, run=2)
    second.now = first.now + 10
    second.round(1)
    stray = ev.Trained(dataset="mnist-eu", run=9, round=1, training=1.0)
    history = History([*first.events, *second.events, stray])

    assert history.current.number == 2
    assert sorted(n for n, run in history.runs.items() if run.rounds) == [1, 2]


@pytest.mark.parametrize(
    "event",
    [
        ev.Evaluated(round=1, accuracy="high"),  # type: ignore[arg-type] # what a broken worker sends
        ev.RoundClosed(round=1, participants={"x": "many"}),  # type: ignore[dict-item] # likewise
        ev.Trained(dataset="x", round=None),  # type: ignore[arg-type] # likewise
        ev.Progress(dataset=["x"]),  # type: ignore[arg-type] # likewise
    ],
)
def test_an_event_with_a_field_of_a_wrong_type_is_counted_and_left_out(event: ev.Event) -> None:
    history = History([event])

    assert (history.unreadable, history.current.rounds, history.states) == (1, [], {})


def test_a_hostile_trainer_cannot_add_rounds() -> None:
    events = [*story(rounds=1).events, ev.Trained(dataset="mnist-eu", round=10**9, training=1.0)]

    assert [r.number for r in History(events).current.rounds] == [1], "only a leader's word makes a round"
