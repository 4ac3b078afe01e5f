"""Trees in a report: trainers are counted, not those who pass on; whose validation, leadership and wait it is."""

import csv
import io
import random
from pathlib import Path

import pytest

from report.history import History
from report.html import page
from report.leaders import leaders
from report.metrics import metrics_csv
from report.plain import PlainView
from report.record import Record, read_record
from report.summary import region_summaries
from report.tables import summarize
from report.traffic import Ledger
from tag.roots import lineage
from tests.report.build import keep
from tests.report.told import SIZE, TOP, Told, tree, tree_plan
from worker import events as ev

MIDDLE = "middle-aggregator-eu"


def known(told: Told) -> History:
    return History(told.events, lineage(told.plan))


def lines_of(told: Told) -> list[str]:
    lines: list[str] = []
    view = PlainView(lines.append, lambda: 0.0, lineage=lineage(told.plan))
    for event in told.events:
        view.event(event)
    return [line.strip().partition("  ")[2] for line in lines]


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return read_record(keep(tree(), tmp_path / "run"))  # type: ignore[arg-type]  # what a story has, Told has


def test_lines_count_trainers_and_say_what_is_passed_on() -> None:
    lines = lines_of(tree())

    assert "round 1 of 2 begins with 3 trainers" in lines
    assert f"round 1: {MIDDLE} passes on 1,800 samples of 2 trainers after 0.70 s" in lines


def test_each_region_has_the_validation_that_its_aggregator_heard(record: Record) -> None:
    assert {r.name: r.validation for r in region_summaries(record)} == {
        "eu": pytest.approx(0.7),
        "us": pytest.approx(0.7),
    }, "that of the second model; the top aggregator's own word is of its two middle aggregators"


def test_shares_are_of_datasets_only(record: Record) -> None:
    (first, _) = record.run.rounds

    assert sorted(first.shares) == ["a", "b", "c"]
    assert first.total == 2700
    assert first.overhead == pytest.approx(0.8 - 0.45)


def test_neither_order_nor_doubled_events_change_what_is_known_of_a_tree() -> None:
    told = tree()
    mixed = told.events + told.events[::2]
    random.Random(3).shuffle(mixed)

    def picture(history: History) -> object:
        return [(r.validation, r.passings, r.moved, r.score, r.closing) for r in history.current.rounds]

    assert picture(History(mixed, lineage(told.plan))) == picture(known(told))


def test_leaders_of_each_tier_are_no_failover_and_a_new_one_of_a_region_is_told_as_its() -> None:
    told = tree()
    assert known(told).incidents == [], "each of three has led from the beginning"

    told.tell(ev.Leading, f"{MIDDLE}-1", 5, term=2)

    assert [i.text for i in known(told).incidents] == [f"{MIDDLE}-1 took over the leadership of {MIDDLE} (term 2)"]
    assert known(told).leader == TOP
    assert set(known(told).leaders) == {TOP, f"{MIDDLE}-1", "middle-aggregator-us-0"}


def test_a_higher_term_of_a_region_does_not_decide_between_closings_of_the_root() -> None:
    told = tree(rounds=1)
    told.tell(ev.Leading, f"{MIDDLE}-1", -5, term=9)

    (closing,) = known(told).current.rounds[0].closings
    assert closing.term == 1


def test_a_round_without_a_trainer_names_the_trainer_not_its_aggregator() -> None:
    told = Told(tree_plan()).start()
    told.tree_round(1, absent="b")

    assert [i.text for i in known(told).incidents] == ["round 1 was closed without b"]


def test_a_wait_says_whom_and_where_and_the_cause_rather_than_what_follows_from_it() -> None:
    told = Told(tree_plan()).start()
    told.tree_round(1)
    told.tell(ev.RoundOpened, TOP, round=2, rounds=2, selected=[MIDDLE, "middle-aggregator-us"], trainers=3)
    told.tell(ev.Waiting, f"{MIDDLE}-0", 1, round=2, missing=["b"], reason="waits for 'b'")
    told.tell(ev.Waiting, TOP, 2, round=2, missing=[MIDDLE], reason=f"waits for {MIDDLE!r}")

    waiting = known(told).current.waiting
    assert waiting is not None
    assert (waiting.worker, waiting.missing) == (f"{MIDDLE}-0", ["b"])
    assert lines_of(told)[-2:] == [f"round 2: {MIDDLE} waits for b", f"round 2 waits for {MIDDLE}"]
    assert [i.text for i in known(told).incidents] == [
        f"{MIDDLE}, in round 2, waited for b: waits for 'b'",
        f"round 2 waited for {MIDDLE}: waits for {MIDDLE!r}",
    ]

    told.tell(ev.PassedOn, f"{MIDDLE}-0", 3, round=2, name=MIDDLE, participants={"a": 900, "b": 900})
    left = known(told).current.waiting
    assert left is not None
    assert left.worker == TOP, "the region's wait is over, the root has not said that its own is"


def test_aggregators_have_their_seconds_and_bytes(record: Record) -> None:
    found = {leader.name: leader for leader in leaders(record)}

    assert list(found) == ["top-aggregator-default", MIDDLE, "middle-aggregator-us"]
    assert (found[MIDDLE].seconds, found[MIDDLE].trainers) == (pytest.approx(0.7), 2)
    assert (found[MIDDLE].sent, found[MIDDLE].received) == (6 * SIZE, 4 * SIZE)
    assert found["top-aggregator-default"].seconds == pytest.approx(0.8)
    row = next(csv.DictReader(io.StringIO(metrics_csv(record))))
    assert (row[f"seconds.{MIDDLE}"], row[f"sent.{MIDDLE}"]) == ("0.700000", str(3 * SIZE))
    assert row["received.top-aggregator-default"] == str(4 * SIZE)


def test_links_and_channels_have_their_bytes(record: Record) -> None:
    traffic = record.traffic

    assert (traffic.up, traffic.down) == ({"eu": 4 * SIZE, "us": 2 * SIZE}, {"eu": 4 * SIZE, "us": 2 * SIZE})
    assert {name: moved.sent for name, moved in traffic.channels.items()} == {
        "global": 2 * (2 * 2 + 1) * SIZE,
        "param": 2 * (3 + 2) * SIZE,
    }
    assert traffic.told()["workers"]["trainer-eu-a"] == {"param": {"sent": 2 * SIZE, "received": 2 * SIZE}}


def test_doubled_events_are_counted_once_a_repeated_round_twice_and_channels_before_the_whole() -> None:
    told = Told(tree_plan()).start()
    told.tree_round(1)
    once = Ledger(told.plan, told.events).traffic()
    assert Ledger(told.plan, told.events * 2).traffic() == once

    told.tree_round(1)
    again = Ledger(told.plan, told.events).traffic()
    assert again.told()["workers"][TOP] == {"global": {"sent": 2 * SIZE, "received": 8 * SIZE}}

    told.tell(ev.Moved, "trainer-us-c", 9, round=1, sent={"param": 7}, received={"param": 8})
    by_channel = Ledger(told.plan, told.events).traffic()
    assert by_channel.told()["workers"]["trainer-us-c"] == {"param": {"sent": 7, "received": 8}}


def test_the_terminal_and_the_page_show_them(record: Record) -> None:
    text = summarize(record, width=80, colour=False)
    html = page(record, [])

    rows = [line.split() for line in text.splitlines()]
    assert [MIDDLE, "2", "0.70", "s", "186", "kB", "124", "kB"] in rows
    assert "passes on sums" in html
    assert "Payload over each region&#39;s link" in html
    assert "Seconds from a round&#39;s opening at each middle aggregator" in html
