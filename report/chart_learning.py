"""learning.png: how good the global model is after each round, on the test set and in each region."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from report import experiments as several
from report.drawing import LABEL_GAP, MARGIN, WIDTH, Chart, place, render, round_ticks, sheet, spread
from report.palette import INK, MUTED, region_colours
from report.record import Record
from report.rounds import Round
from report.summary import of_region, regions
from report.text import clean, loss, percent, plural, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Say = Callable[[float], str]
"""Says a value in words."""
_HEIGHT = 3.9
_LABEL_INCHES = 1.5
_AXIS_INCHES = 0.55
_NAME = 13
_MANY = 40
_NAMED = 4
"""Experiments up to which the title names all."""

_THICK = 8
"""Curves that are drawn thick; more would hide each other."""

_FLAT = 1e-3
"""Span below which a curve would be drawn as if it rose."""

_WIDE = (0.06, 0.006)
"""Spans of accuracies down to which whole percents, and tenths of them, tell the ticks apart."""


@dataclass(frozen=True)
class Line:
    """A curve with its label.

    Attributes:
        name: at its end.
        colour: of the curve.
        points: (round, value); values are finite.
        main: drawn thick, above the others, and always labelled.
    """

    name: str
    colour: str
    points: tuple[tuple[int, float], ...]
    main: bool = False

    @property
    def end(self) -> float:
        """Its last value."""
        return self.points[-1][1]


def learning_chart(record: Record, colours: dict[str, str]) -> Chart | None:
    """The curves of accuracy and loss; None if no round's model was evaluated."""
    if record.experiments:
        return _experiments_chart(record, colours)
    run = record.run
    scored = [r for r in run.scored if r.number >= 1]
    if not scored:
        return None
    shown = scored if len(scored) > 1 else run.scored
    last = scored[-1]
    planned = f" of {record.planned}" if record.planned > last.number else ""
    many = plural(last.number, "round") if not planned else f"{last.number}{planned} rounds"
    title = f"The global model is right on {percent(last.accuracy)} of the test set after {many}"
    first = run.initial
    before = (
        f" Before training: {percent(first.accuracy)}, loss {loss(first.loss)}." if first and shown is scored else ""
    )
    subtitle = f"Bold: the global model on the test set. In colour: on each region's own validation part.{before}"
    figure, _ = sheet(title, subtitle, _HEIGHT)
    _two(figure, lambda what: _lines(record, shown, colours, what))
    ends = "; ".join(f"{line.name} {percent(line.end)}" for line in _lines(record, shown, colours, "accuracy")[1:])
    alt = f"{title}, with loss {loss(last.loss)}. On the regions' own validation parts: {ends or 'not known'}."
    return render("learning", title, alt, figure, colours)


def _two(figure: "Figure", lines: Callable[[str], list[Line]]) -> None:
    """Accuracy at the left, loss at the right."""
    width = (WIDTH - 2 * MARGIN - 2 * (_LABEL_INCHES + _AXIS_INCHES)) / 2
    for number, what in enumerate(("accuracy", "loss")):
        left = MARGIN + _AXIS_INCHES + number * (width + _LABEL_INCHES + _AXIS_INCHES)
        axes = place(figure, left, MARGIN + 0.35, width, _HEIGHT - MARGIN - 0.65)
        axes.set_title(what, loc="left", color=MUTED, size=9.5)
        draw_lines(axes, lines(what), percent if what == "accuracy" else loss)
        axes.set_xlabel("round")


def _experiments_chart(record: Record, colours: dict[str, str]) -> Chart | None:
    """The curves of several experiments in one picture."""
    entries = several.entries(record)
    ranked = sorted((e for e in entries if e.last), key=lambda e: (-e.accuracy, e.title))
    if not ranked:
        return None
    ends = ", ".join(f"{entry.title} {percent(entry.accuracy)}" for entry in ranked)
    title = f"After the last round: {ends}" if len(ranked) <= _NAMED else several.headline(entries)
    own = {**region_colours([e.title for e in record.experiments]), **colours}
    subtitle = (
        f"The models of {len(entries)} experiments that share nothing, each on its own trainers' part of the test set."
    )

    def lines(what: str) -> list[Line]:
        found = []
        for part in record.experiments:
            later = [r for r in part.run.scored if r.number >= 1]
            scored = later if len(later) > 1 else part.run.scored
            found.append(_line(part.title, own[part.title], [(r.number, getattr(r, what)) for r in scored]))
        return [line for line in found if line.points]

    figure, _ = sheet(title, subtitle, _HEIGHT)
    _two(figure, lines)
    return render("learning", title, f"{title}. Accuracy after the last round: {ends}.", figure, colours)


def _lines(record: Record, shown: Sequence[Round], colours: dict[str, str], what: str) -> list[Line]:
    found = [_line("global", INK, [(r.number, getattr(r, what)) for r in shown], main=True)]
    of = "validation" if what == "accuracy" else "validation_loss"
    for region, datasets in regions(record).items():
        values = [(r.number, getattr(of_region(r, datasets), of)) for r in shown]
        found.append(_line(region, colours[region], values))
    return [line for line in found if line.points]


def _line(name: str, colour: str, values: list[tuple[int, float | None]], *, main: bool = False) -> Line:
    points = tuple((number, value) for number, value in values if value is not None and math.isfinite(value))
    return Line(clean(name), colour, points, main)


def draw_lines(axes: "Axes", lines: Sequence[Line], say: Say) -> None:
    """Draw curves over rounds, and label them at their ends where there is room."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    if not lines:
        return
    last = max(line.points[-1][0] for line in lines)
    start = min(line.points[0][0] for line in lines)
    thin = len(lines) > _THICK or last > _MANY
    for line in sorted(lines, key=lambda one: one.main):
        x, y = zip(*line.points, strict=True)
        dots = "o" if last <= _MANY else ""
        wide = 2.6 if line.main else (0.9 if thin else 1.6)
        axes.plot(
            x, y, color=line.colour, linewidth=wide, marker=dots, markersize=3 + wide, zorder=3 if line.main else 2
        )
    edge = 0.03 * max(1, last - start)
    axes.set_xlim(start - edge, last + edge)
    round_ticks(axes, last, 6)
    if start == 0:
        axes.set_xticks([0, *axes.get_xticks()])
    low, high = axes.get_ylim()
    if high - low < _FLAT:
        axes.set_ylim(low - _FLAT / 2, high + _FLAT / 2)
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    span = axes.get_ylim()[1] - axes.get_ylim()[0]
    digits = sum(span <= wide for wide in _WIDE)
    formatter = (lambda v, _: percent(v, digits)) if say is percent else (lambda v, _: f"{v:.3g}")
    axes.yaxis.set_major_formatter(FuncFormatter(formatter))
    _label_ends(axes, lines, say)


def _label_ends(axes: "Axes", lines: Sequence[Line], say: Say) -> None:
    high = axes.get_window_extent().height / axes.figure.dpi
    room = int(high / LABEL_GAP)
    named = [line for line in lines if line.name]
    chosen = _chosen(named, room)
    bottom, top = axes.get_ylim()
    inches = [(line.end - bottom) / (top - bottom) * high for line in chosen]
    for line, wanted, at in zip(chosen, inches, spread(inches, LABEL_GAP, 0, high), strict=True):
        axes.plot(
            [1.01, 1.03, 1.05], [wanted / high, at / high, at / high],
            color=line.colour, linewidth=1.6, transform=axes.transAxes, clip_on=False,
        )  # fmt: skip
        text = f"{shorten(line.name, _NAME)} {say(line.end)}"
        weight = "bold" if line.main else "normal"
        axes.text(1.065, at / high, text, transform=axes.transAxes, va="center", size=8.5, weight=weight, color=INK)
    if len(chosen) < len(named):
        note = f"{len(named) - len(chosen)} between"
        axes.text(1.065, -0.06, note, transform=axes.transAxes, va="center", size=8, color=MUTED)


def _chosen(lines: Sequence[Line], room: int) -> list[Line]:
    """All lines if they fit; else the main ones and the extremes of the others."""
    if len(lines) <= room:
        return list(lines)
    main = [line for line in lines if line.main]
    rest = sorted((line for line in lines if not line.main), key=lambda line: line.end)
    side = max(1, min(3, (room - len(main)) // 2))
    return main + rest[:side] + rest[-side:]
