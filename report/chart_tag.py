"""tag.png: the roles, channels, groups and workers of a federation, as the run had them."""

from typing import TYPE_CHECKING, Any

from report.drawing import MARGIN, WIDTH, Chart, place, render, sheet
from report.palette import GRID, INK, MUTED, PANEL
from report.record import Record
from report.summary import total
from report.tag_layout import ChannelLine, Group, RoleRow, channel_lines, role_rows
from report.text import clean, count, listing, plural, shorten
from tag.plan import EVERY_GROUP

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINE = 0.19
_HEAD = 0.34
_PAD = 0.14
_GAP = 0.42
_BAR = 0.5
_LETTER = 0.078
_FEW, _SOME = 3, 6
_MOST_LINES, _MANY_LINES = 12, 2
_MOST_GROUPS = 60
Frame = tuple[float, float, float, float]
"""Left, top, width and height, in inches."""


class _Canvas:
    """Inches from the upper left corner of the drawing."""

    def __init__(self, axes: "Axes") -> None:
        self.axes = axes

    def box(self, x: float, y: float, wide: float, high: float, **look: Any) -> None:
        """A box with round corners."""
        from matplotlib.patches import FancyBboxPatch

        shape = "round,pad=0,rounding_size=0.07"
        self.axes.add_patch(FancyBboxPatch((x, y), wide, high, boxstyle=shape, **({"linewidth": 1} | look)))

    def text(self, x: float, y: float, text: str, **look: Any) -> None:
        """Text whose middle line is at y."""
        self.axes.text(x, y, text, **{"va": "center", "size": 8.5, **look})

    def line(self, x: float, top: float, bottom: float, colour: str) -> None:
        """An upright line with a head at both ends."""
        arrow = {"arrowstyle": "<|-|>", "color": colour, "linewidth": 1.6, "shrinkA": 0, "shrinkB": 0}
        self.axes.annotate("", (x, top), (x, bottom), arrowprops=arrow | {"mutation_scale": 9})


def tag_chart(record: Record, colours: dict[str, str]) -> Chart:
    """The diagram; roles with data at the bottom, each channel between the roles that it joins."""
    rows, channels = role_rows(record.plan), channel_lines(record.plan)
    samples = total(state.samples for state in record.history.states.values())
    data = f", {count(samples)} samples" if samples else ""
    trainers = len(record.members)
    title = f"{plural(trainers, 'trainer')} in {plural(len(record.groups), 'region')}{data}: data stays, models move"
    subtitle = (
        f"Roles of the TAG “{record.plan.tag}”, the channels that join them, and the workers of {record.federation}."
    )
    levels = sorted({row.depth for row in rows}, reverse=True)
    heights = {d: max(_row_height(row) for row in rows if row.depth == d) for d in levels}
    below = {d: [c for c in channels if _above(c, rows) == d] for d in levels}
    tall = sum(heights.values()) + sum(2 * _GAP + _BAR * len(lines) - 0.1 for lines in below.values() if lines)
    figure, _ = sheet(title, subtitle, tall + MARGIN)
    axes = place(figure, MARGIN, MARGIN, WIDTH - 2 * MARGIN, tall)
    axes.set(xlim=(0, WIDTH - 2 * MARGIN), ylim=(tall, 0))
    axes.axis("off")
    _Diagram(record, colours, _Canvas(axes)).draw(rows, heights, below)
    alt = "; ".join(f"role {row.name}: {plural(row.workers, 'worker')}" for row in rows)
    joins = "; ".join(
        f"channel {c.name} joins {c.pair[0]} and {c.pair[1]} in groups {listing(list(c.groups))}" for c in channels
    )
    return render("tag", title, f"{title}. {alt}; {joins}.", figure, colours)


def _above(channel: ChannelLine, rows: list[RoleRow]) -> int:
    """The depth of the row that a channel is drawn below: of the upper of its roles."""
    return max((row.depth for row in rows if row.name in channel.pair), default=0)


def _groups(channel: ChannelLine) -> str:
    names = [shorten(clean(group), 14) for group in channel.groups]
    named = f": {listing(names)}" if 0 < len(names) <= _FEW else ""
    return plural(len(names), "group") + named if names else "one group"


def _columns(groups: int) -> int:
    return groups if groups <= _FEW else min(groups, _SOME) if groups <= _SOME else 5


def _shown(row: RoleRow) -> tuple[list[Group], int]:
    """The groups that are drawn, and how many are not."""
    return list(row.groups[:_MOST_GROUPS]), max(0, len(row.groups) - _MOST_GROUPS)


def _lines(row: RoleRow) -> int:
    """Lines of workers in each box of a row."""
    most = _MOST_LINES if len(row.groups) <= _SOME else _MANY_LINES
    return min(most, max(len(group.workers) for group in row.groups))


def _row_height(row: RoleRow) -> float:
    shown, hidden = _shown(row)
    boxes = -(-len(shown) // _columns(len(shown)))
    high = _HEAD + _LINE * _lines(row)
    return _HEAD + boxes * (high + _PAD) + (0.25 if hidden else 0)


class _Diagram:
    """Draws rows of roles and the channels below them."""

    def __init__(self, record: Record, colours: dict[str, str], canvas: _Canvas) -> None:
        self.record, self.colours, self.canvas = record, colours, canvas
        self.wide = WIDTH - 2 * MARGIN

    def draw(self, rows: list[RoleRow], heights: dict[int, float], below: dict[int, list[ChannelLine]]) -> None:
        """Everything, from the top."""
        y = 0.0
        incoming: float | None = None
        for depth, high in heights.items():
            own = [row for row in rows if row.depth == depth]
            each = (self.wide - _PAD * (len(own) - 1)) / len(own)
            for number, row in enumerate(own):
                self._role(row, (number * (each + _PAD), y, each, high), incoming)
            y += high
            incoming = None
            if below[depth]:
                incoming = self._channels(below[depth], y)
                y = incoming + _GAP

    def _channels(self, channels: list[ChannelLine], y: float) -> float:
        """Bars below a row; gives where the last one ends."""
        top = y + _GAP
        for number, channel in enumerate(channels):
            at = top + number * _BAR
            self.canvas.box(0, at, self.wide, _BAR - 0.1, facecolor=PANEL, edgecolor=GRID)
            name = f"channel {clean(channel.name)}"
            if channel.pair[0] == channel.pair[1]:
                name += f" among {clean(channel.pair[0])}"
            moves = ", models down, updates up" if channel.name == self.record.plan.model_channel else ""
            self.canvas.text(_PAD, at + 0.2, shorten(name, 42), weight="bold")
            said = f"over the broker{moves}; {_groups(channel)}"
            self.canvas.text(self.wide - _PAD, at + 0.2, shorten(said, 82), ha="right", color=MUTED)
        self.canvas.line(self.wide / 2, y, top, MUTED)
        return top + _BAR * len(channels) - 0.1

    def _role(self, row: RoleRow, at: Frame, incoming: float | None) -> None:
        x, y, wide, high = at
        self.canvas.box(x, y, wide, high, facecolor="none", edgecolor=GRID)
        self.canvas.text(x + _PAD, y + 0.19, f"role {clean(row.name)}", weight="bold")
        self.canvas.text(x + wide - _PAD, y + 0.19, plural(row.workers, "worker"), ha="right", color=MUTED)
        shown, hidden = _shown(row)
        columns = _columns(len(shown))
        box = (wide - _PAD * (columns + 1)) / columns
        tall = _HEAD + _LINE * _lines(row)
        several = len(shown) > columns
        for number, group in enumerate(shown):
            line, column = divmod(number, columns)
            left, top = x + _PAD + column * (box + _PAD), y + _HEAD + line * (tall + _PAD)
            self._group(group, (left, top, box, tall), _lines(row))
            if incoming is not None and not several:
                self.canvas.line(left + box / 2, incoming, y + _HEAD, self._colour(group))
        if incoming is not None and several:
            self.canvas.line(x + wide / 2, incoming, y, MUTED)
        if hidden:
            self.canvas.text(x + _PAD, y + high - 0.18, f"and {hidden} more groups", color=MUTED)

    def _colour(self, group: Group) -> str:
        return self.colours.get(group.name, MUTED)

    def _group(self, group: Group, frame: Frame, lines: int) -> None:
        x, y, wide, high = frame
        colour = self._colour(group)
        self.canvas.box(x, y, wide, high, facecolor=colour, alpha=0.09, linewidth=0)
        self.canvas.box(x, y, wide, high, facecolor="none", edgecolor=colour)
        name = "every group" if group.name == EVERY_GROUP else clean(group.name)
        letters = int((wide - 0.25) / _LETTER)
        hidden = len(group.workers) > lines
        title = (
            f"{name}, {plural(len(group.workers), 'worker')}" if hidden or len(group.workers) > _MANY_LINES else name
        )
        self.canvas.text(x + 0.12, y + 0.19, shorten(title, letters), weight="bold", color=INK)
        shown = group.workers[: lines - 1] if hidden else group.workers
        for number, worker in enumerate(shown):
            at = y + _HEAD + 0.05 + number * _LINE
            own = self._note(worker.spec.worker, worker.spec.dataset.name if worker.spec.dataset else None)
            what = worker.spec.dataset.name if worker.spec.dataset else worker.spec.worker
            self.canvas.text(x + 0.12, at, shorten(clean(what), max(4, letters - len(own))), size=8)
            self.canvas.text(x + wide - 0.12, at, own, size=8, ha="right", color=MUTED)
        if hidden:
            at = y + _HEAD + 0.05 + len(shown) * _LINE
            self.canvas.text(x + 0.12, at, f"and {len(group.workers) - len(shown)} more", size=8, color=MUTED)

    def _note(self, worker: str, dataset: str | None) -> str:
        """What is said of a worker at the right: its samples, or that it led last."""
        if dataset is None:
            return "led the run" if worker == self.record.history.leader else ""
        state = self.record.history.states.get(dataset)
        return "" if state is None or state.samples is None else count(state.samples)
