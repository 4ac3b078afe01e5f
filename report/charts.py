"""A run's pictures: its TAG, its learning, its time, its bytes and, where there is one, the comparison."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from report.comparison import Verdict, verdict
from report.drawing import LABEL_GAP, MARGIN, Chart, place, render, round_ticks, sheet, spread, style
from report.palette import GRID, INK, MUTED, PANEL, region_colours
from report.record import Record
from report.rounds import PHASES
from report.summary import RegionRound, of_region, regions
from report.tagdrawing import tag_chart
from report.text import clean, listing, percent, plural, seconds, shorten, volume

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HEIGHT = 3.4
_WIDE = 10.0 - 2 * MARGIN
_RIGHT = 1.6
"""Inches right of the axes, for the labels at the ends of lines."""
_LEFT = 0.75
_MARKED = 25
"""Rounds up to which each is marked."""
_ALPHAS = {"receiving": 0.35, "evaluating": 0.55, "training": 1.0, "uploading": 0.75}
_HATCHES = {"receiving": "....", "evaluating": "////", "training": "", "uploading": "\\\\\\\\"}


def charts(record: Record) -> list[Chart]:
    """All pictures of a run, in the order in which a page shows them; those without data are left out."""
    colours = region_colours(list(record.groups))
    names = [record.federation, record.plan.tag, *record.groups, *(m.dataset for m in record.members)]
    found = verdict(record)
    with style(names):
        made = [tag_chart(record, colours)]
        if record.run.scored:
            made.append(_learning(record, colours))
        if record.run.rounds:
            made += [_phases(record, colours), _bytes(record, colours)]
        if found is not None:
            made.append(_comparison(found, record, colours))
    return made


def _learning(record: Record, colours: dict[str, str]) -> Chart:
    scored = record.run.scored
    last = scored[-1]
    title = f"{percent(last.accuracy)} of the test set right after {plural(last.number, 'round')}"
    subtitle = (
        "Left: the global model on the whole test set and each region's own validation part. Right: its test loss."
    )
    figure, _ = sheet(title, subtitle, _HEIGHT + MARGIN)
    half = (_WIDE - 2 * _RIGHT - 2 * _LEFT) / 2
    left = place(figure, MARGIN + _LEFT, MARGIN + 0.4, half, _HEIGHT - 0.5)
    right = place(figure, MARGIN + 2 * _LEFT + half + _RIGHT, MARGIN + 0.4, half, _HEIGHT - 0.5)
    lines: list[tuple[str, str, list[tuple[int, float]], bool]] = []
    for region, datasets in regions(record).items():
        own = [(r.number, of_region(r, datasets).validation) for r in scored]
        known = [(n, 100 * v) for n, v in own if v is not None]
        if known:
            lines.append((region, colours[region], known, False))
    lines.append(("global", INK, [(r.number, 100 * (r.accuracy or 0.0)) for r in scored], True))
    _draw_lines(left, lines)
    left.set_ylabel("accuracy, %")
    _draw_lines(right, [("global", INK, [(r.number, r.loss or 0.0) for r in scored], True)])
    right.set_ylabel("mean test loss")
    right.set_ylim(bottom=0)
    for axes in (left, right):
        _round_axis(axes, scored[0].number, last.number)
    points = ", ".join(f"round {r.number} {percent(r.accuracy)}" for r in scored[-10:])
    return render("learning", title, f"{title}. Global test accuracy: {points}.", figure, colours)


def _draw_lines(axes: "Axes", lines: Sequence[tuple[str, str, list[tuple[int, float]], bool]]) -> None:
    """Lines with their names at their ends, apart from each other."""
    for _, colour, points, bold in lines:
        xs, ys = zip(*points, strict=True)
        mark = "o" if len(points) <= _MARKED else ""
        axes.plot(xs, ys, color=colour, linewidth=2.4 if bold else 1.4, marker=mark, markersize=4, zorder=3 + bold)
    axes.margins(x=0.03, y=0.12)
    low, high = axes.get_ylim()
    inches = axes.get_position().height * _inches_of(axes)
    gap = LABEL_GAP * (high - low) / inches
    room = int(inches / LABEL_GAP)
    shown = [line for line in lines if line[3]] + [line for line in lines if not line[3]][: room - 2]
    ends = [line[2][-1][1] for line in shown]
    for (name, colour, points, bold), at in zip(shown, spread(ends, gap, low, high), strict=True):
        weight = "bold" if bold else "normal"
        axes.annotate(
            shorten(clean(name), 18), (points[-1][0], at), xytext=(8, 0), textcoords="offset points",
            color=colour, va="center", fontsize=8.5, fontweight=weight, annotation_clip=False,
        )  # fmt: skip


def _inches_of(axes: "Axes") -> float:
    """Inches of the whole figure, from top to bottom."""
    figure = axes.get_figure(root=True)
    return float(figure.get_size_inches()[1]) if figure is not None else _HEIGHT


def _round_axis(axes: "Axes", first: int, last: int) -> None:
    axes.set_xlabel("round")
    if last >= 1:
        round_ticks(axes, last)
    axes.set_xlim(min(first, last - 1) - 0.2, last + 0.2)


def _phases(record: Record, colours: dict[str, str]) -> Chart:
    made = record.run.rounds
    numbers = [r.number for r in made]
    by_region = {name: [of_region(r, datasets) for r in made] for name, datasets in regions(record).items()}
    training = sum(r.training or 0.0 for rounds in by_region.values() for r in rounds)
    everything = sum(sum(r.phases.values()) for rounds in by_region.values() for r in rounds)
    share = percent(training / everything, 0) if everything else "—"
    title = f"Training takes {share} of the trainers' time"
    subtitle = (
        "Seconds of each phase per region and round, the mean over a region's trainers; the rest of a round is waiting."
    )

    def stack(axes: "Axes", region: str, rounds: list[RegionRound], numbers: list[int]) -> None:
        base = [0.0] * len(rounds)
        for phase in PHASES:
            values = [r.phases.get(phase, 0.0) for r in rounds]
            axes.bar(
                numbers, values, 0.8, bottom=base, color=colours[region], alpha=_ALPHAS[phase], hatch=_HATCHES[phase],
                edgecolor="white", linewidth=0.0, label=phase,
            )  # fmt: skip
            base = [a + b for a, b in zip(base, values, strict=True)]

    means = ", ".join(
        f"{name} {seconds(sum(r.training or 0.0 for r in rounds) / len(rounds))}" for name, rounds in by_region.items()
    )
    alt = f"{title}. Mean seconds of training per round: {means}."
    return _small_multiples(
        "phases", (title, subtitle, alt), colours, by_region, numbers=numbers, draw=stack, unit="seconds"
    )


def _bytes(record: Record, colours: dict[str, str]) -> Chart:
    made = record.run.rounds
    numbers = [r.number for r in made]
    by_region = {name: [of_region(r, datasets) for r in made] for name, datasets in regions(record).items()}
    up = sum(r.sent or 0 for rounds in by_region.values() for r in rounds)
    down = sum(r.received or 0 for rounds in by_region.values() for r in rounds)
    title = f"{volume(up)} went up from the regions and {volume(down)} down to them"
    subtitle = "MQTT payload per region and round, in kB: solid up (updates, events), hatched down (models, beats)."

    def pair(axes: "Axes", region: str, rounds: list[RegionRound], numbers: list[int]) -> None:
        for offset, values, hatch, alpha in (
            (-0.2, [(r.sent or 0) / 1000 for r in rounds], "", 1.0),
            (0.2, [(r.received or 0) / 1000 for r in rounds], "////", 0.45),
        ):
            places = [n + offset for n in numbers]
            label = "up" if offset < 0 else "down"
            axes.bar(
                places, values, 0.38, color=colours[region], alpha=alpha, hatch=hatch, edgecolor="white", linewidth=0.0,
                label=label,
            )  # fmt: skip

    return _small_multiples(
        "bytes", (title, subtitle, title + "."), colours, by_region, numbers=numbers, draw=pair, unit="kB"
    )


def _small_multiples(
    name: str,
    texts: tuple[str, str, str],
    colours: dict[str, str],
    by_region: dict[str, list[RegionRound]],
    *,
    numbers: list[int],
    draw: Callable[["Axes", str, list[RegionRound], list[int]], None],
    unit: str,
) -> Chart:
    """A panel per region, with the same scales; many regions take several rows."""
    title, subtitle, alt = texts
    columns = min(3, len(by_region))
    rows = -(-len(by_region) // columns)
    tall = 2.5 if rows == 1 else 1.7
    figure, _ = sheet(title, subtitle, rows * (tall + 0.55) + MARGIN + 0.35)
    width = (_WIDE - _LEFT) / columns - 0.25
    panels: list[Axes] = []
    for index, (region, rounds) in enumerate(by_region.items()):
        row, column = divmod(index, columns)
        x = MARGIN + _LEFT + column * (width + 0.25)
        y = MARGIN + 0.65 + (rows - 1 - row) * (tall + 0.55)
        axes = place(figure, x, y, width, tall, **({"sharey": panels[0], "sharex": panels[0]} if panels else {}))
        draw(axes, region, rounds, numbers)
        axes.set_title(shorten(clean(region), 30), loc="left", fontsize=9.5, color=colours[region], fontweight="bold")
        round_ticks(axes, max(numbers), 6)
        axes.set_xlim(min(numbers) - 0.6, max(numbers) + 0.6)
        axes.tick_params(labelleft=column == 0)
        if column == 0:
            axes.set_ylabel(unit)
        panels.append(axes)
    handles, labels = panels[0].get_legend_handles_labels()
    legend = figure.legend(handles, labels, loc="lower left", ncols=len(labels), frameon=False, fontsize=8.5)
    legend.set_bbox_to_anchor((MARGIN / 10.0, 0.0))
    for text in legend.get_texts():
        text.set_color(MUTED)
    return render(name, title, alt, figure, colours)


def _comparison(found: Verdict, record: Record, colours: dict[str, str]) -> Chart:
    by_dataset = {m.dataset: colours[m.group] for m in record.members}
    tints: dict[str, str] = {"federated": INK, "pooled": MUTED}
    entrants = sorted(found.entrants, key=lambda e: e.last.accuracy, reverse=True)
    title = found.headline
    subtitle = "Accuracy on the whole test set after the last round, of the same program with the same settings."
    figure, _ = sheet(title, subtitle, 0.36 * len(entrants) + 0.7 + MARGIN)
    axes = place(figure, MARGIN + 2.3, MARGIN + 0.4, _WIDE - 3.4, 0.36 * len(entrants))
    for index, entrant in enumerate(reversed(entrants)):
        value = 100 * entrant.last.accuracy
        colour = tints.get(entrant.kind) or by_dataset.get(entrant.dataset, GRID)
        axes.plot([value], [index], marker="o", markersize=9, color=colour, zorder=3)
        axes.annotate(f"{value:.2f} %", (value, index), xytext=(9, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(entrants)), [shorten(clean(e.name), 34) for e in reversed(entrants)])
    axes.set_ylim(-0.6, len(entrants) - 0.4)
    axes.grid(visible=True, axis="both", color=GRID)
    axes.margins(x=0.15)
    axes.set_xlabel("test accuracy, %")
    axes.set_facecolor(PANEL)
    alt = f"{title} " + listing([f"{e.name} {percent(e.last.accuracy)}" for e in entrants], 40)
    return render("comparison", title, alt, figure, colours)
