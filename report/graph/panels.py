"""What stands at the side of the tiers: a coordinator, or channels that pass over a tier. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from report.graph.blocks import Placed
from report.graph.model import ChannelView, RoleView
from report.graph.shapes import SMALL, Frame, Kind, Sheet
from report.graph.words import groups_of, only_default, workers_of
from tag.rules.structure import COORDINATE

_PAD, _LINE = 0.14, 0.185
_HEAD = 0.56
_APART = 0.12
_UNDER = 0.16
"""Inches below a tier of a line that goes around other roles."""


@dataclass(frozen=True)
class Entry:
    """A channel's end at a tier.

    Attributes:
        role: that it reaches there.
        band: number of the tier from the top.
        lines: the channel's name, then what is said of it.
    """

    role: str
    band: int
    lines: tuple[str, ...]

    @property
    def high(self) -> float:
        """Inches that it needs."""
        return _LINE * len(self.lines) + _APART


@dataclass(frozen=True)
class Panel:
    """A column beside the tiers.

    Attributes:
        kind: of its box.
        title: of it.
        said: below the title.
        entries: its ends, from the top.
    """

    kind: Kind
    title: str
    said: str
    entries: tuple[Entry, ...]

    @classmethod
    def of_role(cls, role: RoleView, channels: Sequence[ChannelView], bands: Mapping[str, int]) -> "Panel | None":
        """A coordinator and its channels."""
        entries = []
        for channel in channels:
            other = channel.other(role.name)
            if other in bands:
                entries.append(Entry(other, bands[other], _lines(channel, other, role.name)))
        return cls("role", f"role {role.name}", f"{workers_of(role.count)}, coordinates", _ordered(entries))

    @classmethod
    def of_channels(cls, channels: Sequence[ChannelView], bands: Mapping[str, int]) -> "Panel | None":
        """Channels whose roles are more than a tier apart; None if there are none."""
        ends = [(channel, end) for channel in channels for end in (channel.upper, channel.lower)]
        entries = _ordered([Entry(end, bands[end], _lines(channel, end)) for channel, end in ends])
        said = "between roles that are not neighbours"
        return cls("channel", "channels past a tier", said, entries) if entries else None

    @property
    def first(self) -> int:
        """The number of the highest tier that it reaches."""
        return self.entries[0].band if self.entries else 0


def _ordered(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    return tuple(sorted(entries, key=lambda entry: (entry.band, entry.lines)))


def _lines(channel: ChannelView, *roles: str) -> tuple[str, ...]:
    """The name of a channel, its groups and what roles do there, where that is more than what is said already."""
    groups = [] if only_default(channel) else [groups_of(channel)]
    does = [(role, channel.functions.get(role, ())) for role in roles]
    said = [f"{role}: {', '.join(own)}" for role, own in does if own not in ((), (COORDINATE,))]
    return (f"channel {channel.name}", *groups, *said)


def needed(panel: Panel, band: int) -> float:
    """Inches of height that a panel needs beside a tier: down to the first line of the last channel there."""
    own = [entry.high for entry in panel.entries if entry.band == band]
    return sum(own[:-1]) + (_HEAD if band == panel.first else _APART) + _HEAD / 2 if own else 0


def place_panel(sheet: Sheet, panel: Panel, at: Frame, bands: Sequence[Frame], placed: Mapping[str, Placed]) -> float:
    """Adds a panel and its lines; gives its lower edge.

    Args:
        sheet: with the blocks.
        panel: what to place.
        at: its left edge and its width.
        bands: where the tiers stand.
        placed: the blocks by role.
    """
    last = panel.entries[-1].band if panel.entries else 0
    around = [_around(sheet, entry, at, bands, placed) for entry in panel.entries]
    top, bottom = bands[panel.first].y, bands[last].bottom + (2 * _UNDER if any(around) else 0)
    bottom = max(bottom, _text_end(panel, bands))
    box = sheet.box(panel.kind, Frame(at.x, top, at.wide, bottom - top))
    x, room = at.x + _PAD, at.wide - 2 * _PAD
    sheet.label((x, top + 0.2), panel.title, room, inside=box, bold=True)
    sheet.label((x, top + 0.2 + _LINE), panel.said, room, inside=box, size=SMALL, muted=True)
    used = top + _HEAD
    for entry, goes_around in zip(panel.entries, around, strict=True):
        band = bands[entry.band]
        start = max(used, band.y + _APART)
        for number, text in enumerate(entry.lines):
            y, bold = start + 0.1 + number * _LINE, number == 0
            sheet.label((x, y), text, room, inside=box, size=8.5 if bold else SMALL, bold=bold, muted=not bold)
        used = start + entry.high
        target = placed[entry.role].frame
        level = band.bottom + _UNDER if goes_around else start + 0.1
        _reach(sheet, box, target, level, around=goes_around)
    return bottom


def _text_end(panel: Panel, bands: Sequence[Frame]) -> float:
    """Where the last line ends, if each channel begins at its tier or, later, below the one before."""
    used = bands[panel.first].y + _HEAD
    for entry in panel.entries:
        used = max(used, bands[entry.band].y + _APART) + entry.high
    return used + _APART / 2


def _around(sheet: Sheet, entry: Entry, at: Frame, bands: Sequence[Frame], placed: Mapping[str, Placed]) -> bool:
    """Whether other roles of the tier stand between the panel and the role."""
    target, band = sheet.boxes[placed[entry.role].frame], bands[entry.band]
    return target.right < band.right - 0.01 if at.x > band.x else target.x > band.x + 0.01


def _reach(sheet: Sheet, box: int, target: int, level: float, *, around: bool) -> None:
    """The line from the panel to a block, at a height; around others it comes from below."""
    panel, block = sheet.boxes[box], sheet.boxes[target]
    right = panel.x > block.x
    edge = panel.x if right else panel.right
    if around:
        x = block.right - 0.4 if right else block.x + 0.4
        sheet.line(((edge, level), (x, level), (x, block.bottom)), (box, target))
    else:
        sheet.line(((edge, level), (block.right if right else block.x, level)), (box, target))
