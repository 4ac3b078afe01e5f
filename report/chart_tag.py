"""tag.png: the roles, channels, groups and workers of a federation, as the run had them; and of any TAG."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from report.drawing import MARGIN, WIDTH, Chart, place, png_of, render, sheet, style, svg_of
from report.graph.build import from_plan
from report.graph.describe import describe, headline
from report.graph.layout import arrange
from report.graph.model import Graph
from report.graph.shapes import Box, Dots, Label, Line, Sheet
from report.graph.svg import standalone
from report.palette import GRID, INK, MUTED, PANEL, colours_of, group_colours
from report.record import Record
from report.summary import total
from report.text import clean, count, plural
from tag.plan import PlannedWorker

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROUND = "round,pad=0,rounding_size=0.07"


def tag_chart(record: Record, colours: dict[str, str]) -> Chart:
    """The diagram of a run; roles with data at the bottom, each channel between the roles that it joins."""
    notes = {worker.spec.worker: _note(record, worker) for worker in record.plan.workers}
    graph = from_plan(record.plan, notes)
    samples = total(state.samples for state in record.history.states.values())
    data = f", {count(samples)} samples" if samples else ""
    trainers = len(record.members)
    title = f"{plural(trainers, 'trainer')} in {plural(len(record.groups), 'region')}{data}: data stays, models move"
    subtitle = (
        f"Roles of the TAG “{record.plan.tag}”, the channels that join them, and the workers of {record.federation}."
    )
    figure = draw(graph, title, subtitle, colours)
    return render("tag", title, f"{title}. {describe(graph)}", figure, colours)


def _note(record: Record, worker: PlannedWorker) -> str:
    """What is said of a worker at the right: its samples, or that it led last."""
    if worker.spec.dataset is None:
        if worker.spec.worker not in record.history.leaders:
            return ""
        return "led the run" if record.lineage.makes(worker.spec.worker) else "led"
    state = record.history.states.get(worker.spec.dataset.name)
    return "" if state is None or state.samples is None else count(state.samples)


def picture(graph: Graph, form: Literal["svg", "png"]) -> bytes:
    """The picture of a TAG that was not run, with its name above it, as a file; the same graph gives the same bytes."""
    title, subtitle = headline(graph)
    colours = colours_of(graph.groups, graph.regions)
    names = [graph.name, graph.federation, *(role.name for role in graph.roles), *graph.groups]
    names += [channel.name for channel in graph.channels]
    names += {member.label for role in graph.roles for crowd in role.crowds for member in crowd.members}
    with style([clean(name) for name in names]):
        figure = draw(graph, title, subtitle, colours)
        if form == "png":
            return png_of(figure)
        return standalone(svg_of(figure, "tag"), title, f"{subtitle} {describe(graph)}", colours).encode()


def draw(graph: Graph, title: str, subtitle: str, colours: Mapping[str, str]) -> "Figure":
    """A figure with a title and the picture of a graph.

    Args:
        graph: what it shows.
        title: above it.
        subtitle: below that.
        colours: of the regions; other groups get the palette's next ones, as far as it goes.
    """
    from report.ruler import ruler

    laid = arrange(graph, ruler(), WIDTH - 2 * MARGIN)
    figure, _ = sheet(title, subtitle, laid.high + MARGIN, wide=laid.wide + 2 * MARGIN)
    axes = place(figure, MARGIN, MARGIN, laid.wide, laid.high)
    axes.set(xlim=(0, laid.wide), ylim=(laid.high, 0))
    axes.axis("off")
    _Painter(axes, group_colours(graph.groups, colours)).paint(laid)
    return figure


class _Painter:
    """Puts a layout on axes whose unit is an inch."""

    def __init__(self, axes: "Axes", colours: Mapping[str, str]) -> None:
        self.axes, self.colours = axes, colours

    def paint(self, laid: Sheet) -> None:
        """Everything, the larger boxes first."""
        for box in laid.boxes:
            self._box(box)
        for dots in laid.dots:
            self._dots(dots)
        for line in laid.lines:
            self._line(line)
        for label in laid.labels:
            self._label(label)

    def _colour(self, group: str) -> str:
        return self.colours.get(group, MUTED)

    def _box(self, box: Box) -> None:
        if box.kind == "role":
            self._patch(box, facecolor="none", edgecolor=GRID)
        elif box.kind == "channel":
            self._patch(box, facecolor=PANEL, edgecolor=GRID)
        else:
            colour = self._colour(box.group)
            self._patch(box, facecolor=colour, alpha=0.09, linewidth=0)
            self._patch(box, facecolor="none", edgecolor=colour, linewidth=1 if box.kind == "group" else 0.7)

    def _patch(self, box: Box, **look: Any) -> None:
        from matplotlib.patches import FancyBboxPatch

        patch = FancyBboxPatch((box.x, box.y), box.wide, box.high, boxstyle=_ROUND, **({"linewidth": 1} | look))
        patch.set_clip_on(False)
        self.axes.add_artist(patch)

    def _dots(self, dots: Dots) -> None:
        """One path of squares, so that ten thousand are one thing to draw."""
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path

        side = dots.pitch * 0.62
        corners, codes = [], []
        for number in range(dots.count):
            row, column = divmod(number, dots.columns)
            x, y = dots.x + column * dots.pitch, dots.y + row * dots.pitch
            corners += [(x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y)]
            codes += [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
        patch = PathPatch(Path(corners, codes), facecolor=self._colour(dots.group), linewidth=0, alpha=0.75)
        self.axes.add_artist(patch)

    def _line(self, line: Line) -> None:
        """The way, with a head at its last point and, for both, at its first."""
        from matplotlib.patches import FancyArrowPatch
        from matplotlib.path import Path

        colour = self._colour(line.group)
        points = list(line.points)
        style = "<|-|>" if line.both else "-|>"
        look: dict[str, Any] = {"color": colour, "linewidth": 1.5, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 9}
        path = Path(points, [Path.MOVETO, *[Path.LINETO] * (len(points) - 1)])
        self.axes.add_artist(FancyArrowPatch(path=path, arrowstyle=style, clip_on=False, joinstyle="miter", **look))

    def _label(self, label: Label) -> None:
        look: dict[str, Any] = {"size": label.size, "ha": label.align, "color": MUTED if label.muted else INK}
        weight = "bold" if label.bold else "normal"
        self.axes.text(label.x, label.y, label.text, va="center", weight=weight, **look)
