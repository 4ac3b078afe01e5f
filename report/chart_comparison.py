"""comparison.png: the federated model beside that of the pooled data and those of each region alone."""

import math
from typing import TYPE_CHECKING

from report.chart_learning import Line, draw_lines
from report.comparison import FEDERATED, POOLED, Z95, Entrant, Verdict, verdict
from report.drawing import MARGIN, WIDTH, Chart, place, render, sheet, write
from report.palette import INK, MUTED
from report.record import Record
from report.text import clean, percent, points, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW = 0.25
_NAMES = 1.45
_VALUES = 1.25
_CURVES = 2.9
_LABELS = 1.45
_AXIS = 0.6
_NAME = 18
_MOST_ROWS = 42

_LABELLED = 7
"""Curves that are labelled; more labels say less than the dots at the right."""

_WIDE = 0.03
"""Span of accuracies in which whole percents tell the ticks apart."""


def comparison_chart(record: Record, colours: dict[str, str]) -> Chart | None:
    """The comparison's curves and final accuracies; None if the run has none."""
    found = verdict(record)
    if found is None:
        return None
    region_of = {member.dataset: member.group for member in record.members}
    look = {e.dataset: colours.get(region_of.get(e.dataset, ""), MUTED) for e in found.alone}
    rows = _rows(found)
    height = max(3.75, _ROW * len(rows) + 1.2)
    left_out = len(found.entrants) - len(rows)
    rest = f" {left_out} in the middle are left out." if left_out else ""
    tested = f"; bars: 95 % interval for {found.tested:,} test samples" if found.tested else ""
    subtitle = f"Left: accuracy on the whole test set by round. Right: after the last round{tested}.{rest}"
    figure, _ = sheet(found.headline, subtitle, height)
    tall = min(4.4, height - 1.05)
    axes = place(figure, MARGIN + _AXIS, height - 0.35 - tall, _CURVES, tall)
    axes.set_title("accuracy by round", loc="left", color=MUTED, size=9.5)
    draw_lines(axes, _lines(found, look), percent)
    axes.set_xlabel("round")
    start = MARGIN + _AXIS + _CURVES + _LABELS + _NAMES
    dots = place(figure, start, 0.65, WIDTH - start - MARGIN - _VALUES, height - 1.0)
    write(figure, start - _NAMES + 0.1, height - 0.1, "final accuracy, and what federation adds", color=MUTED, size=9.5)
    _dots(dots, found, rows, look)
    alt = "; ".join(f"{entrant.name} {percent(entrant.last.accuracy)}" for entrant in found.entrants)
    return render("comparison", found.headline, f"{found.sentence} Final accuracies: {alt}.", figure, colours)


def _rows(found: Verdict) -> list[Entrant]:
    """Best first; of very many only the best and the worst."""
    ordered = sorted(found.entrants, key=lambda e: (-e.last.accuracy, e.name))
    if len(ordered) <= _MOST_ROWS:
        return ordered
    half = _MOST_ROWS // 2
    return [e for i, e in enumerate(ordered) if i < half or i >= len(ordered) - half or e.kind != "alone"]


def _lines(found: Verdict, look: dict[str, str]) -> list[Line]:
    """Curves from round 1 on; the first model is the same for all."""
    looks = {FEDERATED: INK, POOLED: MUTED}
    few = len(found.entrants) <= _LABELLED
    lines = []
    for entrant in found.entrants:
        kept = [p for p in entrant.points if math.isfinite(p.accuracy)]
        later = tuple((p.round, p.accuracy) for p in kept if p.round >= 1)
        whole = later if len(later) > 1 else tuple((p.round, p.accuracy) for p in kept)
        if whole:
            named = few or entrant.kind != "alone"
            colour = looks.get(entrant.kind) or look[entrant.dataset]
            name = "pooled" if entrant.kind == POOLED else entrant.name
            lines.append(Line(clean(name) if named else "", colour, whole, entrant.kind != "alone"))
    return lines


def _dots(axes: "Axes", found: Verdict, rows: list[Entrant], look: dict[str, str]) -> None:
    for number, entrant in enumerate(rows):
        y, value = len(rows) - 1 - number, entrant.last.accuracy
        bold = "bold" if entrant is found.federated else "normal"
        colour = {FEDERATED: INK, POOLED: MUTED}.get(entrant.kind) or look[entrant.dataset]
        half = Z95 * math.sqrt(max(0.0, value * (1 - value)) / found.tested) if found.tested else 0.0
        axes.plot([value - half, value + half], [y, y], color=colour, linewidth=1.6, alpha=0.6)
        axes.plot([value], [y], "D" if entrant.kind != "alone" else "o", color=colour, markersize=6)
        name = shorten(clean(entrant.name), _NAME - 6) + (" alone" if entrant.kind == "alone" else "")
        axes.text(-0.03, y, name, transform=axes.get_yaxis_transform(), ha="right", va="center", size=8.5, weight=bold)
        gap = "" if entrant is found.federated else f"  {points(found.difference(entrant))}"
        said = f"{percent(value)}{gap}"
        axes.text(1.03, y, said, transform=axes.get_yaxis_transform(), va="center", size=8.5, weight=bold)
    axes.axvline(found.federated.last.accuracy, color=INK, linewidth=0.8, linestyle=(0, (3, 3)), zorder=0)
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.set_yticks([])
    axes.grid(visible=True, axis="x")
    low, high = axes.get_xlim()
    axes.set_xlim(low, min(high, 1.0) if low < 1 else high)
    axes.locator_params(axis="x", nbins=2)
    digits = 0 if high - low > _WIDE else 1
    axes.xaxis.set_major_formatter(lambda v, _: percent(v, digits))
