"""The live view of a run in a terminal: the round, what each region does, how good the model is, how long it takes."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from report.histories import Histories
from report.history import History
from report.plain import JsonView, PlainView, View, describe, to_stderr, to_stdout, waiting
from report.record import members, planned_rounds
from report.states import State
from report.text import clean, clock, loss, percent, plural, shorten, volume
from tag.plan import Plan
from tag.roots import lineage
from worker import events as ev

REFRESH_S = 0.1
_HEAD_LINES = 6
_NAME_LETTERS = 14
_BAR_CELLS = 12
_LINES = (ev.Leading, ev.Dropped, ev.Waiting, ev.Noted)
"""Events that also leave a line above the view."""


@dataclass
class _Pace:
    """How fast a run's rounds go: how long each took, as its leader says, and the last closing by this view's clock."""

    last: float = 0.0
    took: dict[int, float] = field(default_factory=dict)


class LiveView:
    """A picture of the run that changes in place.

    Args:
        plan: of the federation.
        console: where it is shown.
        now: seconds, of any zero.
        elapsed: seconds for which the run has gone on already.
    """

    def __init__(
        self, plan: Plan, console: Console, now: Callable[[], float] = time.monotonic, *, elapsed: float = 0.0
    ) -> None:
        self._lineage = lineage(plan)
        self._histories = Histories(self._lineage)
        self._console = console
        self._plan = plan
        self._now = now
        self._begun = now() - elapsed
        self._paces: dict[tuple[str, int], _Pace] = {}
        self._drawn = float("-inf")
        self._live = Live(console=console, auto_refresh=False, transient=False)
        for member in members(plan):
            self._histories.of(member.worker).state(member.dataset, member.group).worker = member.worker

    @property
    def history(self) -> History:
        """What is known so far; of several experiments, of the first."""
        return next(iter(self._histories.by_title.values()))

    def start(self) -> None:
        """Begin to draw."""
        self._live.start()
        self._draw()

    def stop(self) -> None:
        """Draw for the last time and leave the picture there."""
        self._draw()
        self._live.stop()

    def event(self, event: ev.Event) -> None:
        """Take in an event."""
        self._histories.add(event)
        if isinstance(event, ev.RoundClosed):
            pace = self._paces.setdefault((self._lineage.title(event.worker), event.run), _Pace())
            pace.took[event.round] = max(0.0, event.seconds)
            pace.last = self._now()
        if isinstance(event, _LINES) and (line := describe(event, self._lineage)) is not None:
            self.say(line)
        self.tick()

    def say(self, line: str) -> None:
        """Show a line above the picture."""
        self._console.print(Text(clean(line)), soft_wrap=True)

    def tick(self) -> None:
        """Draw anew, if the picture is older than a tenth of a second."""
        if self._now() - self._drawn >= REFRESH_S:
            self._draw()

    def remaining(self) -> float | None:
        """Seconds until the last round ends, judged by those that have ended; None before the first has."""
        known = [self._left(title, history) for title, history in self._histories.by_title.items()]
        return max((left for left in known if left is not None), default=None)

    def _left(self, title: str, history: History) -> float | None:
        pace, rounds = self._paces.get((title, history.current.number)), self._rounds(history)
        if pace is None or not rounds:
            return None
        left = max(0, rounds - max(pace.took)) * sum(pace.took.values()) / len(pace.took)
        return max(0.0, left - (self._now() - pace.last))

    def _rounds(self, history: History) -> int:
        return history.current.planned or planned_rounds(self._plan)

    def _draw(self) -> None:
        self._drawn = self._now()
        self._live.update(self.picture(), refresh=True)

    def picture(self) -> RenderableType:
        """What is shown now."""
        told = self._experiments() if self._histories.several else _scores(self.history)
        parts: list[RenderableType] = [self._headline(), told, self._table()]
        for title, history in self._histories.by_title.items():
            if (awaited := history.current.waiting) is not None:
                line = waiting(awaited, self._lineage)
                line = f"{title}: {line}" if title else line
                parts.append(Text(clean(line), style="yellow", overflow="ellipsis", no_wrap=True))
        return Group(*parts)

    def _headline(self) -> Text:
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(clean(shorten(self._plan.federation, 30)), style="bold")
        what = (
            plural(len(self._histories.by_title), "experiment") if self._histories.several else self._at(self.history)
        )
        line.append(f"  {what}", style="bold cyan")
        line.append(f"  {clock(self._now() - self._begun)} elapsed")
        left = self.remaining()
        over = all(h.current.final or h.current.failure for h in self._histories.by_title.values())
        if left is not None and not over:
            line.append(f", about {clock(left)} left")
        return line

    def _at(self, history: History) -> str:
        """How far a run is."""
        run, rounds = history.current, self._rounds(history)
        now = run.rounds[-1].number if run.rounds else 0
        if run.failure:
            return "failed"
        if run.final:
            return f"finished {plural(rounds, 'round')}"
        return f"round {now} of {rounds}" if now else "starting"

    def _experiments(self) -> Table:
        """A line for each experiment, as many as there is room for."""
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False, expand=False)
        room = max(3, self._console.height // 2)
        for title, history in list(self._histories.by_title.items())[:room]:
            name = Text(shorten(clean(title), _NAME_LETTERS), style="bold")
            table.add_row(name, Text(self._at(history), style="cyan"), _scores(history))
        if len(self._histories.by_title) > room:
            table.add_row(f"{len(self._histories.by_title) - room} more")
        return table

    def _table(self) -> Table:
        table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", expand=False)
        for name in ("region", "dataset"):
            table.add_column(name, no_wrap=True, overflow="ellipsis", max_width=_NAME_LETTERS)
        table.add_column("phase", no_wrap=True, min_width=10)
        table.add_column("", no_wrap=True, min_width=_BAR_CELLS)
        for name in ("loss", "up", "down"):
            table.add_column(name, justify="right", no_wrap=True, min_width=7)
        known = [s for history in self._histories.by_title.values() for s in history.states.values()]
        states = sorted(known, key=lambda s: (s.group, s.dataset))
        more = min(len(self._histories.by_title), self._console.height // 2 + 1) if self._histories.several else 0
        room = max(3, self._console.height - _HEAD_LINES - more)
        rows = [_row(s) for s in states] if len(states) <= room else _by_group(states)
        for row in rows[:room]:
            table.add_row(*row)
        if len(rows) > room:
            table.add_row(f"{len(rows) - room} more")
        return table


def _scores(history: History) -> Text:
    """How good the newest model is."""
    scored = history.current.scored
    if not scored:
        return Text("global model: not evaluated yet", style="dim")
    last, best = scored[-1], max(scored, key=lambda r: r.accuracy or 0.0)
    when = f"after round {last.number}" if last.number else "before training"
    text = f"global model: accuracy {percent(last.accuracy)}, loss {loss(last.loss)} {when}"
    if percent(best.accuracy) != percent(last.accuracy):
        text += f"; best {percent(best.accuracy)}"
    return Text(text, no_wrap=True, overflow="ellipsis")


def _row(state: State) -> list[RenderableType]:
    names = (state.group, state.dataset)
    return [
        *(Text(shorten(clean(name), _NAME_LETTERS)) for name in names),
        Text(clean(state.phase), style="green" if state.phase == "training" else ""),
        _bar(state.done) if state.phase == "training" else Text(""),
        Text(loss(state.loss)),
        Text(volume(state.sent)),
        Text(volume(state.received)),
    ]


def _by_group(states: list[State]) -> list[list[RenderableType]]:
    """One row for each region, where there are more trainers than lines."""
    rows: list[list[RenderableType]] = []
    for group in sorted({s.group for s in states}):
        own = [s for s in states if s.group == group]
        training = [s for s in own if s.phase == "training"]
        losses = [s.loss for s in own if s.loss is not None]
        common = max(sorted({s.phase for s in own}), key=lambda phase: sum(s.phase == phase for s in own))
        rows.append(
            [
                Text(shorten(clean(group), _NAME_LETTERS)),
                Text(plural(len(own), "trainer")),
                Text(f"{sum(s.phase == common for s in own)} {clean(common)}"),
                _bar(sum(s.done for s in training) / len(training)) if training else Text(""),
                Text(loss(sum(losses) / len(losses) if losses else None)),
                Text(volume(sum(s.sent for s in own))),
                Text(volume(sum(s.received for s in own))),
            ]
        )
    return rows


def _bar(done: float) -> RenderableType:
    return ProgressBar(total=1.0, completed=done, width=_BAR_CELLS)


@contextmanager
def view_for(plan: Plan, *, as_json: bool = False, elapsed: float = 0.0) -> Iterator[View]:
    """The view that fits the output: JSON lines if asked for, the live picture in a terminal, or plain lines.

    Args:
        plan: of the federation.
        as_json: events as JSON lines.
        elapsed: seconds for which the run has gone on already.
    """
    if as_json:
        yield JsonView(to_stdout, to_stderr)
        return
    console = Console(file=sys.stdout, highlight=False)
    if not console.is_terminal or console.is_dumb_terminal:
        yield PlainView(to_stdout, elapsed=elapsed, lineage=lineage(plan))
        return
    view = LiveView(plan, console, elapsed=elapsed)
    view.start()
    try:
        yield view
    finally:
        view.stop()
