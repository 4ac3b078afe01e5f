"""phases.png and bytes.png: where each region's time goes in each round, and what it sends and receives."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from report.drawing import MARGIN, WIDTH, Chart, place, render, round_ticks, sheet, write
from report.palette import GRID, INK, MUTED, PAPER
from report.record import Record
from report.rounds import PHASES, Round
from report.summary import RegionRound, mean, of_region, regions, total
from report.text import clean, plural, seconds, shorten, volume

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FEW, _SOME = 3, 12
_AXIS = 0.62
_LEGEND = 0.3
_WAITING = "waiting"
_PALE = 0.45
_GAPS = 40
"""Rounds up to which there are gaps between bars; between more they would flicker."""

_HEIGHTS, _LOW = ((1, 2.5), (4, 1.6)), 1.05
"""Inches of a panel where there are at most so many rows of them, and where there are more."""


def phases_chart(record: Record, colours: dict[str, str]) -> Chart | None:
    """The time of each region in each round, by phase; None if no trainer told of any."""
    shown = [r for r in record.run.rounds if any(s.training is not None for s in r.shares.values())]
    if not shown:
        return None
    places = regions(record)
    means = {name: mean(of_region(r, ds).training for r in shown) or 0.0 for name, ds in places.items()}
    slowest = max(means, key=lambda name: means[name])
    lasting = mean(r.seconds for r in shown)
    over = mean(r.overhead for r in shown)
    overhead = f", and {seconds(over)} of overhead" if over is not None else ""
    where = f" in {shorten(slowest, 16)}, the slowest" if len(places) > 1 else ""
    title = f"A round takes {seconds(lasting)}: {seconds(means[slowest])} of training{where}{overhead}"
    several = " (mean of its trainers)" if any(len(ds) > 1 for ds in places.values()) else ""
    subtitle = f"Seconds of each phase in each round, for each region{several}; times in words are means of all rounds."
    notes = {name: f"{seconds(means[name])} training" for name in places}
    figure, top, panels = _panels(title, subtitle, places, colours, notes)
    high = max(sum(of_region(r, ds).phases.values()) for r in shown for ds in places.values())
    high = max([high, *(r.seconds for r in shown if r.seconds)]) * 1.05
    for name, axes in panels:
        _stack(axes, shown, [of_region(r, places[name]) for r in shown], colours[name])
        axes.set_ylim(0, high or 1)
        axes.yaxis.set_major_formatter(lambda v, _: f"{v:g} s")
    _legend(figure, top, _fills(next(iter(colours.values()))))
    alt = f"{title}. Mean training by region: " + "; ".join(f"{n} {seconds(m)}" for n, m in means.items()) + "."
    return render("phases", title, alt, figure, colours)


def _stack(axes: "Axes", shown: Sequence[Round], parts: Sequence[RegionRound], colour: str) -> None:
    x = [r.number for r in shown]
    bottom = [0.0] * len(x)
    for phase, fill, alpha in _fills(colour):
        heights = [part.phases.get(phase, 0.0) for part in parts]
        if phase == _WAITING:
            heights = [max(0.0, (r.seconds or 0.0) - b) for r, b in zip(shown, bottom, strict=True)]
        _bars(axes, x, heights, fill, bottom=bottom, alpha=alpha)
        bottom = [b + h for b, h in zip(bottom, heights, strict=True)]
    _rounds_axis(axes, x)


def _fills(colour: str) -> Iterator[tuple[str, str, float]]:
    looks = {
        "training": (colour, 1.0),
        "evaluating": (colour, _PALE),
        "receiving": (MUTED, 1.0),
        "uploading": (INK, 1.0),
    }
    for phase in PHASES:
        yield phase, *looks[phase]
    yield _WAITING, GRID, 1.0


def _legend(figure: "Figure", top: float, looks: Iterable[tuple[str, str, float]]) -> None:
    """What each look stands for, in a row above the panels."""
    from matplotlib.patches import Rectangle

    wide, high = figure.get_size_inches()
    x, y = MARGIN + _AXIS, top
    for phase, fill, alpha in looks:
        box = Rectangle((x / wide, (y - 0.13) / high), 0.13 / wide, 0.13 / high, facecolor=fill, alpha=alpha)
        figure.add_artist(box)
        write(figure, x + 0.19, y + 0.01, phase, size=8.5, color=INK)
        x += 0.45 + 0.085 * len(phase)


def bytes_chart(record: Record, colours: dict[str, str]) -> Chart | None:
    """The bytes of each region in each round; None if no trainer told of any."""
    shown = [r for r in record.run.rounds if any(s.sent is not None for s in r.shares.values())]
    if not shown:
        return None
    places = regions(record)
    parts = {name: [of_region(r, ds) for r in shown] for name, ds in places.items()}
    sums = {n: (total(p.sent for p in ps) or 0, total(p.received for p in ps) or 0) for n, ps in parts.items()}
    up, down = (sum(pair[i] for pair in sums.values()) for i in (0, 1))
    each = f"A round moves {volume(up / len(shown))} up and {volume(down / len(shown))} down"
    all_told = f"; {plural(len(shown), 'round')} moved {volume(up)} and {volume(down)}" if len(shown) > 1 else ""
    title = f"{each}{all_told}"
    subtitle = "MQTT payload of each region's trainers in each round: sent above the line, received below it."
    notes = {name: f"{volume(pair[0])} up, {volume(pair[1])} down" for name, pair in sums.items()}
    figure, top, panels = _panels(title, subtitle, places, colours, notes)
    high = max((max(p.sent or 0, p.received or 0) for ps in parts.values() for p in ps), default=0) or 1
    for name, axes in panels:
        x = [r.number for r in shown]
        _bars(axes, x, [p.sent or 0 for p in parts[name]], colours[name])
        _bars(axes, x, [-(p.received or 0) for p in parts[name]], colours[name], alpha=_PALE)
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.set_ylim(-1.1 * high, 1.1 * high)
        axes.yaxis.set_major_formatter(lambda v, _: volume(abs(v)).replace(".0 ", " ") if v else "0")
        _rounds_axis(axes, x)
    one = next(iter(colours.values()))
    _legend(figure, top, [("sent", one, 1.0), ("received", one, _PALE)])
    alt = f"{title}. By region: " + "; ".join(f"{name} {note}" for name, note in notes.items()) + "."
    return render("bytes", title, alt, figure, colours)


def _bars(
    axes: "Axes",
    x: Sequence[int],
    heights: Sequence[float],
    colour: str,
    *,
    bottom: Sequence[float] = (),
    alpha: float = 1,
) -> None:
    """Bars of rounds, as one shape: hundreds of single ones take seconds. Pale ones do not let the grid through."""
    from matplotlib.collections import PolyCollection

    half = 0.4 if len(x) <= _GAPS else 0.5
    corners = [
        ((at - half, low), (at - half, low + high), (at + half, low + high), (at + half, low))
        for at, high, low in zip(x, heights, bottom or [0.0] * len(x), strict=True)
    ]
    for fill, opacity in ((PAPER, 1.0), (colour, alpha)) if alpha < 1 else ((colour, 1.0),):
        axes.add_collection(PolyCollection(corners, facecolor=fill, alpha=opacity, linewidth=0))


def _rounds_axis(axes: "Axes", numbers: Sequence[int]) -> None:
    """Rounds from left to right; few rounds are not stretched over the whole width."""
    first, last = min(numbers), max(numbers)
    half, middle = max(4, last - first + 1) / 2 + 0.1, (first + last) / 2
    axes.set_xlim(middle - half, middle + half)
    inches = axes.get_window_extent().width / axes.figure.dpi
    round_ticks(axes, last, max(2, int(inches / 0.3)))


def _panels(
    title: str, subtitle: str, places: dict[str, tuple[str, ...]], colours: dict[str, str], notes: dict[str, str]
) -> tuple["Figure", float, list[tuple[str, "Axes"]]]:
    """A panel for each region, with its name, colour and note, all of one scale; and where a legend may be put."""
    columns = len(places) if len(places) <= _FEW else 3 if len(places) <= _SOME else 5
    rows = -(-len(places) // columns)
    high = next((high for most, high in _HEIGHTS if rows <= most), _LOW)
    head = 0.44
    row = high + head + 0.38
    figure, taken = sheet(title, subtitle, rows * row + _LEGEND + MARGIN)
    top = figure.get_size_inches()[1] - taken
    gap = 0.22
    wide = (WIDTH - 2 * MARGIN - _AXIS - gap * (columns - 1)) / columns
    panels = []
    for number, name in enumerate(places):
        line, column = divmod(number, columns)
        left = MARGIN + _AXIS + column * (wide + gap)
        axes = place(figure, left, top - _LEGEND - (line + 1) * row + 0.38, wide, high)
        if column:
            axes.tick_params(labelleft=False)
        lowest = number + columns >= len(places)
        axes.tick_params(labelbottom=lowest)
        if lowest:
            axes.set_xlabel("round", size=8.5)
        _heading(axes, name, notes[name], colours[name], wide)
        panels.append((name, axes))
    return figure, top, panels


def _heading(axes: "Axes", name: str, note: str, colour: str, inches: float) -> None:
    """A region's name with its colour, and below it a note."""
    x, high = 0.17 / inches, axes.get_window_extent().height / axes.figure.dpi
    above: dict[str, Any] = {"transform": axes.transAxes, "va": "bottom", "color": INK, "clip_on": False}
    axes.plot(
        [0.05 / inches], [1 + 0.29 / high], "s", color=colour, markersize=7, transform=axes.transAxes, clip_on=False
    )
    axes.text(x, 1 + 0.22 / high, shorten(clean(name), int(inches / 0.095)), size=9, weight="bold", **above)
    below: dict[str, Any] = {**above, "color": MUTED}
    axes.text(0, 1 + 0.06 / high, note, size=7.5, **below)
