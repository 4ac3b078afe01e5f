"""What a person sees while a run goes on, in a terminal of 80 columns."""

import io
from collections.abc import Callable, Iterable

import pytest
from rich.console import Console

from report.live import LiveView, view_for
from report.plain import PlainView
from tag.plan import Plan
from tests.report.build import BEGUN, LEADER, Story, star, story
from worker import events as ev


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def _view(plan: Plan, *, height: int = 24) -> tuple[LiveView, Clock, Callable[[], list[str]]]:
    """A view, its clock, and what it shows now as lines of text."""
    clock = Clock()
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=height, legacy_windows=False)
    view = LiveView(plan, console, clock)

    def shown() -> list[str]:
        paper = Console(file=io.StringIO(), width=80, height=height, legacy_windows=False)
        with paper.capture() as captured:
            paper.print(view.picture())
        return captured.get().splitlines()

    return view, clock, shown


def _feed(view: LiveView, clock: Clock, events: Iterable[ev.Event]) -> None:
    for event in sorted(events, key=lambda e: e.time):
        clock.time = event.time - BEGUN
        view.event(event)


def _told(until: int, rounds: int = 5) -> Story:
    """A run of three regions whose rounds up to `until` are closed, and whose next has begun."""
    told = Story(star(rounds=rounds), rounds).start()
    for number in range(1, until + 1):
        told.round(number)
    told.open(until + 1)
    told.judge(until)
    told.now += 1
    return told


def test_every_region_is_there_before_anything_was_heard() -> None:
    _, _, shown = _view(star())

    text = "\n".join(shown())
    assert "starting" in text
    assert "not evaluated yet" in text
    assert all(region in text for region in ("asia", "eu", "us"))


def test_a_round_under_way_is_shown_with_its_phases_scores_and_bytes() -> None:
    view, clock, shown = _view(star())
    told = _told(2)
    told.tell(ev.Progress(**told.of("mnist-eu"), round=3, phase="training", done=0.5, loss=0.1234, sent=281_000))
    told.tell(ev.Progress(**told.of("mnist-us"), round=3, phase="uploading", sent=281_000, received=420_000))
    _feed(view, clock, told.events)

    lines = shown()
    (eu,) = (line for line in lines if "mnist-eu" in line)
    (us,) = (line for line in lines if "mnist-us" in line)
    assert "round 3 of 5" in lines[0]
    assert "accuracy 97.68 %" in lines[1]
    assert "after round 2" in lines[1]
    assert "training" in eu
    assert "0.1234" in eu
    assert "281 kB" in eu
    assert "━" in eu, "training has a bar"
    assert "uploading" in us
    assert "420 kB" in us
    assert "━" not in us, "an upload tells no share"


def test_the_time_left_is_that_of_the_rounds_so_far_and_never_negative() -> None:
    view, clock, shown = _view(star())
    assert view.remaining() is None, "nothing can be said before the first round"
    _feed(view, clock, _told(2, rounds=4).events)

    closed = view.remaining()
    assert closed is not None
    clock.time += 5
    assert view.remaining() == pytest.approx(closed - 5)
    assert " left" in shown()[0]
    clock.time += 10_000
    assert view.remaining() == 0


def test_a_later_run_of_the_federation_is_timed_by_itself() -> None:
    """Round 1 of run 2 is a round of its own; the five of run 1 are over."""
    view, clock, _ = _view(star())
    _feed(view, clock, story().events)
    again = Story(star(), 5, run=2)
    again.now = BEGUN + 1000
    again.round(1)
    _feed(view, clock, again.events)

    left = view.remaining()
    assert left is not None
    assert 30 < left < 60, "four rounds of about eleven seconds"


def test_no_time_is_left_when_the_run_is_over() -> None:
    view, clock, shown = _view(star())
    _feed(view, clock, story().events)

    assert "finished 5 rounds" in shown()[0]
    assert "left" not in shown()[0]


@pytest.mark.parametrize(("regions", "each"), [(3, 1), (3, 10), (30, 1), (40, 3)])
def test_the_picture_fits_the_terminal_whatever_the_federation(regions: int, each: int) -> None:
    plan = star(regions, each, 2)
    view, clock, shown = _view(plan)
    _feed(view, clock, Story(plan, 2).whole().events)

    lines = shown()
    assert max(len(line) for line in lines) <= 80
    assert len(lines) < 24, "what is cut off at the bottom can't be read"
    if regions * each > 20:
        assert any("more" in line or "trainers" in line for line in lines), "what is left out is counted"


def test_many_trainers_become_a_row_for_each_region() -> None:
    plan = star(3, 10, 2)
    view, clock, shown = _view(plan)
    told = Story(plan, 2).start()
    for index in range(1, 8):
        told.tell(ev.Progress(**told.of(f"eu-{index:02d}"), round=1, phase="training", done=0.5, loss=0.2))
    _feed(view, clock, told.events)

    (line,) = (line for line in shown() if line.startswith("eu "))
    assert "10 trainers" in line
    assert "7 training" in line
    assert "0.2000" in line


def test_what_a_run_waits_for_is_named_until_it_goes_on() -> None:
    view, clock, shown = _view(star())
    told = Story(star()).start()
    _feed(view, clock, told.events)
    assert "waits for mnist-asia, mnist-eu and mnist-us: trainers are not there yet" in shown()[-1]

    told.open(1)
    _feed(view, clock, told.events[-1:])
    assert not any("waits" in line for line in shown())


def test_a_model_that_was_better_before_is_recalled() -> None:
    view, clock, shown = _view(star())
    scores = {0: 0.1, 1: 0.9, 2: 0.8, 3: 0.9}
    best = {}
    for number, accuracy in scores.items():
        event = ev.Evaluated(time=BEGUN + number, worker=LEADER, round=number, rounds=5, accuracy=accuracy, count=10)
        _feed(view, clock, [event])
        best[number] = "best 90.00 %" in shown()[1]

    assert best == {0: False, 1: False, 2: True, 3: False}


def test_names_can_not_move_the_cursor_or_style_the_view() -> None:
    view, clock, shown = _view(star())
    text = "\x1b[2J[bold]x[/bold]"
    _feed(view, clock, [ev.Waiting(time=BEGUN, worker=LEADER, round=1, missing=[text], reason=text)])
    view.say(text)

    written = "\n".join(shown())
    assert "\x1b[2J" not in written
    assert "[bold]x[/bold]" in written, "a name is no markup"


def test_it_is_drawn_at_most_ten_times_a_second() -> None:
    """Hundreds of trainers tell their progress twice a second each; drawing must not eat the CPU they train on."""
    view, clock, _ = _view(star())
    drawn: list[float] = []
    view._live.update = lambda *_args, **_more: drawn.append(clock.time)  # type: ignore[method-assign]
    for step in range(1000):
        clock.time = step / 1000
        view.tick()

    assert 9 <= len(drawn) <= 11


def test_a_picture_stays_when_the_view_is_left() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80, height=24, legacy_windows=False)
    view = LiveView(star(), console, Clock())
    view.start()
    for event in story().events:
        view.event(event)
    view.stop()

    assert "finished 5 rounds" in file.getvalue()
    assert file.getvalue().endswith("\x1b[?25h"), "the cursor is shown again"


def test_without_a_terminal_lines_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    with view_for(star()) as view:
        assert isinstance(view, PlainView)
        view.event(ev.Leading(time=BEGUN, worker=LEADER, term=1))

    assert capsys.readouterr().out.endswith("aggregator-all-0 leads (term 1)\n")
