"""The picture of a TAG: the roles without data, the channel, and the regions with their datasets."""

from typing import TYPE_CHECKING

from report.drawing import MARGIN, Chart, place, render, sheet
from report.palette import INK, MUTED, PANEL
from report.record import Record
from report.summary import regions
from report.text import clean, count, plural, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = 5
_SHOWN = 4
"""Datasets that a region's box names; further ones are counted."""
_SHOWN_AGGREGATORS = 3
_BOX, _GAP, _LINE = 1.55, 0.5, 0.2


def tag_chart(record: Record, colours: dict[str, str]) -> Chart:
    """Aggregators above, their channel as a bar, and a box for each region below it."""
    plan = record.plan
    found = regions(record)
    title = (
        f"{clean(plan.tag)}: {plural(len(plan.trainers), 'trainer')} in {plural(len(found), 'region')}, "
        f"{plural(len(plan.aggregators), 'aggregator')}"
    )
    subtitle = (
        f"Federation {record.federation}; models go down and updates up on channel {plan.model_channel} over MQTT."
    )
    columns = min(_COLUMNS, max(1, len(found)))
    rows = -(-len(found) // columns)
    height = 2.0 + rows * (_BOX + 0.35)
    figure, _ = sheet(title, subtitle, height + MARGIN)
    axes = place(figure, MARGIN, MARGIN, 10.0 - 2 * MARGIN, height)
    width = 10.0 - 2 * MARGIN
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    axes.axis("off")
    _aggregators(axes, record, width, height)
    bar = height - 1.45
    _bar(axes, clean(plan.model_channel), width, bar)
    step = (width + _GAP) / columns
    for index, region in enumerate(found):
        row, column = divmod(index, columns)
        x, top = column * step, bar - 0.55 - row * (_BOX + 0.35)
        if row == 0:
            _arrow(axes, x + (step - _GAP) / 2, bar - 0.02, top + 0.02, colours[region])
        _region(axes, record, region, at=(x, top - _BOX, step - _GAP), colour=colours[region])
    names = ", ".join(f"{region} with {plural(len(d), 'dataset')}" for region, d in list(found.items())[:30])
    return render("tag", title, f"{title}. Regions: {names}.", figure, colours)


def _box(axes: "Axes", place_: tuple[float, float, float, float], colour: str, *, fill: str = "none") -> None:
    from matplotlib.patches import FancyBboxPatch

    x, y, wide, high = place_
    axes.add_patch(
        FancyBboxPatch(
            (x + 0.05, y + 0.05),
            wide - 0.1,
            high - 0.1,
            boxstyle="round,pad=0,rounding_size=0.1",
            facecolor=fill,
            edgecolor=colour,
            linewidth=1.6,
        )
    )


def _aggregators(axes: "Axes", record: Record, width: float, height: float) -> None:
    workers = record.plan.aggregators
    shown = workers[:_SHOWN_AGGREGATORS]
    more = f"and {len(workers) - len(shown) + 1} more"
    wide = 2.6
    start = (width - wide * len(shown)) / 2
    for index, worker in enumerate(shown):
        x = start + index * wide
        _box(axes, (x, height - 0.9, wide, 0.8), INK, fill=PANEL)
        axes.text(x + wide / 2, height - 0.38, clean(worker.spec.role), ha="center", fontweight="bold", fontsize=10)
        name = worker.spec.worker if len(workers) <= len(shown) or index < len(shown) - 1 else more
        axes.text(x + wide / 2, height - 0.64, shorten(clean(name), 34), ha="center", color=MUTED, fontsize=8)
    _arrow(axes, width / 2, height - 0.88, height - 1.22, INK)


def _bar(axes: "Axes", name: str, width: float, at: float) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((0, at), width, 0.22, facecolor=PANEL, edgecolor=MUTED, linewidth=0.8))
    axes.text(width / 2, at + 0.11, f"channel {name}", ha="center", va="center", fontsize=8.5, color=INK)


def _arrow(axes: "Axes", x: float, top: float, bottom: float, colour: str) -> None:
    style_ = {"arrowstyle": "<->", "color": colour, "linewidth": 1.6, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (x, bottom), (x, top), arrowprops=style_)


def _region(axes: "Axes", record: Record, region: str, *, at: tuple[float, float, float], colour: str) -> None:
    x, y, wide = at
    datasets = regions(record)[region]
    _box(axes, (x, y, wide, _BOX), colour)
    letters = int(wide * 11)
    top = y + _BOX - 0.32
    axes.text(x + 0.18, top, shorten(clean(region), letters), color=colour, fontweight="bold", fontsize=10.5)
    shown = datasets if len(datasets) <= _SHOWN else datasets[: _SHOWN - 1]
    for index, dataset in enumerate(shown):
        state = record.history.states.get(dataset)
        size = f"  {count(state.samples)}" if state and state.samples else ""
        text = shorten(clean(dataset), max(6, letters - len(size))) + size
        axes.text(x + 0.18, top - _LINE * (index + 1.2), text, fontsize=8, color=INK)
    if len(datasets) > len(shown):
        text = f"and {len(datasets) - len(shown)} more"
        axes.text(x + 0.18, top - _LINE * (len(shown) + 1.2), text, fontsize=8, color=MUTED)
