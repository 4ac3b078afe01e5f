"""Progress as lines, for logs and for programs."""

import io
import sys

import pytest

from report.live import view_for
from report.plain import PlainView, describe, to_stdout
from tests.report.build import BEGUN, LEADER, MODEL_BYTES, star, story
from worker import events as ev


def test_a_run_is_told_in_lines_that_matter_with_the_time_since_its_start() -> None:
    lines: list[str] = []
    now = 100.0
    view = PlainView(lines.append, lambda: now)
    told = story(rounds=2)
    for event in told.events:
        now = 100.0 + event.time - BEGUN
        view.event(event)

    assert lines[0] == "   0:00  aggregator-all-0 leads (term 1)"
    assert sum("is ready in" in line for line in lines) == 3
    assert sum("trained" in line for line in lines) == 6, "each of three regions in each of two rounds"
    assert any("round 1 of 2 took" in line and "53,970 samples of 3 trainers" in line for line in lines)
    assert any("round 2 of 2: accuracy 97.68 %" in line for line in lines)
    assert "finished after 2 rounds: model" in lines[-1]
    assert len(lines) < len(told.events) / 2, "progress twice a second is no news in a log"
    assert all("\n" not in line for line in lines)


def test_a_flood_of_bad_messages_is_told_in_ever_rarer_lines() -> None:
    lines: list[str] = []
    view = PlainView(lines.append, lambda: 0.0)
    for number in range(1, 1001):
        view.event(ev.Dropped(worker=LEADER, sender="mallory", reason="stale", detail="round 1", count=number))

    assert [line.split(" dropped ")[1] for line in lines] == [
        "1 message of mallory (stale): round 1",
        "10 messages of mallory (stale): round 1",
        "100 messages of mallory (stale): round 1",
        "1,000 messages of mallory (stale): round 1",
    ]


@pytest.mark.parametrize(
    ("number", "missing", "reason", "said"),
    [
        (0, ["eu", "us"], "waits for 'eu', 'us'", "the run waits for eu and us"),
        (3, ["eu"], "its trainer left", "round 3 waits for eu: its trainer left"),
        (3, [], "", "round 3 waits for its quorum"),
    ],
)
def test_what_a_run_waits_for_is_said_once(number: int, missing: list[str], reason: str, said: str) -> None:
    lines: list[str] = []
    event = ev.Waiting(worker=LEADER, round=number, missing=missing, reason=reason)
    PlainView(lines.append, lambda: 0.0).event(event)

    assert lines == [f"   0:00  {said}"]


@pytest.mark.parametrize("detail", ["two\nlines", "\x1b[31mred", "nul\x00"])
def test_a_sender_can_not_forge_a_line(detail: str) -> None:
    lines: list[str] = []
    PlainView(lines.append, lambda: 0.0).event(ev.Dropped(worker=LEADER, sender="x", reason="stale", detail=detail))

    assert lines[0].isprintable()


def test_as_json_every_event_is_a_line_that_reads_back_and_talk_goes_elsewhere(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = story(rounds=1)
    with view_for(star(), as_json=True) as view:
        for event in told.events:
            view.event(event)
        view.tick()
        view.say("a line for the user")

    out, err = capsys.readouterr()
    assert out.splitlines() == [event.to_json() for event in told.events]
    assert all(ev.read_event(line) for line in out.splitlines())
    assert err == "a line for the user\n"


def test_letters_that_the_terminal_lacks_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii", errors="strict"))

    to_stdout("loss – 1.00")

    assert raw.getvalue() == b"loss ? 1.00\n"


def test_the_made_up_runs_move_as_many_bytes_as_mnist_does() -> None:
    """Guards the other tests' figures: an update is a model and little more."""
    uploaded = [e for e in story(rounds=1).events if isinstance(e, ev.Uploaded)]

    assert all(MODEL_BYTES < e.sent < 1.02 * MODEL_BYTES for e in uploaded)


def test_pairs_are_told_by_aggregator_and_who_waits_for_a_coordinator_is_named() -> None:
    followers = {"m-1": ["c"], "m-0": ["a", "b"]}
    waits = ev.Waiting(worker="m-0", round=2, reason="m-0 waits for its coordinator")

    assert describe(ev.Paired(round=2, group="eu", followers=followers)) == "round 2: m-0 has a and b; m-1 has c"
    assert describe(ev.Paired(round=0, group="eu", followers=followers)) is None, "no round has begun"
    assert describe(waits) == "round 2: m-0 waits for its coordinator"
