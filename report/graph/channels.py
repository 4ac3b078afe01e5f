"""Channels between two tiers: a box with name, groups and functions, and lines to the roles that it joins. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from report.graph.blocks import Placed
from report.graph.model import ChannelView, Crowd
from report.graph.shapes import SMALL, Frame, Sheet
from report.graph.words import functions_of, groups_of
from tag.spec import EVERY_GROUP

_PAD, _LINE = 0.13, 0.19
_WIDE = 6.0
_BESIDE = 0.2
_IN = 0.25
"""Inches from the end of a box to a line that leaves it where the other box is not below or above."""


@dataclass(frozen=True)
class Duct:
    """The channels that share a box; they join the same roles."""

    channels: tuple[ChannelView, ...]

    @property
    def upper(self) -> str:
        """The role farther from the data."""
        return self.channels[0].upper

    @property
    def lower(self) -> str:
        """The other role."""
        return self.channels[0].lower


@dataclass(frozen=True)
class _Spot:
    """Where a line meets a block.

    Attributes:
        x: inches from the left.
        box: the number of the box.
        group: of the channel there; empty where the line is for all of them.
    """

    x: float
    box: int
    group: str


def place_ducts(sheet: Sheet, ducts: Sequence[Duct], at: Frame) -> tuple[list[int], float]:
    """Boxes beside each other; gives their numbers and their height."""
    each = (at.wide - _BESIDE * (len(ducts) - 1)) / len(ducts)
    texts = [[line for channel in duct.channels for line in _lines(channel, each)] for duct in ducts]
    high = max(len(own) for own in texts) * _LINE + 2 * _PAD - 0.04
    boxes = []
    for number, own in enumerate(texts):
        frame = Frame(at.x + number * (each + _BESIDE), at.y, each, high)
        box = sheet.box("channel", frame)
        boxes.append(box)
        for row, (left, right, bold) in enumerate(own):
            y, room = frame.y + _PAD + 0.075 + row * _LINE, each - 2 * _PAD
            size = SMALL if not bold else 8.5
            taken = sheet.label((frame.x + _PAD, y), left, room, inside=box, size=size, bold=bold, muted=not bold)
            end, rest = (frame.right - _PAD, y), room - taken - 0.2
            sheet.label(end, right, max(rest, 0.3), inside=box, size=SMALL, muted=True, align="right")
    return boxes, high


def _lines(channel: ChannelView, wide: float) -> list[tuple[str, str, bool]]:
    """Texts at the left and at the right, and whether the left is a name."""
    does, name = functions_of(channel), f"channel {channel.name}"
    if wide < _WIDE:
        return [(name, "", True), (groups_of(channel, int(wide * 4)), "", False), *((text, "", False) for text in does)]
    return [(name, groups_of(channel), True), *([("   ·   ".join(does), "", False)] if does else [])]


def connect(sheet: Sheet, duct: Duct, box: int, placed: Mapping[str, Placed], *, alone: bool) -> None:
    """The lines from a duct to the blocks of its roles.

    Args:
        sheet: with the blocks and the duct.
        duct: the channels.
        box: the duct's number.
        placed: the blocks by role.
        alone: the duct takes the whole width, so that each group may have a line of its own.
    """
    upper, lower = placed[duct.upper], placed[duct.lower]
    each = alone and len(duct.channels) == 1
    name = duct.channels[0].name
    above = _spots(sheet, upper, duct.upper, name, below=False) if each else []
    below = _spots(sheet, lower, duct.lower, name, below=True) if each else []
    above, below = _for_every_group(sheet, above, below), _for_every_group(sheet, below, above)
    above, below = above or [_middle(sheet, upper, box)], below or [_middle(sheet, lower, box)]
    if len(above) == len(below) == 1:
        above, below = _in_line(sheet, above[0], below[0])
    for spot in (*above, *below):
        _line(sheet, box, spot)


def _in_line(sheet: Sheet, above: _Spot, below: _Spot) -> tuple[list[_Spot], list[_Spot]]:
    """Two single lines below each other, where both boxes allow it."""
    left = max(sheet.boxes[spot.box].x for spot in (above, below)) + _IN
    right = min(sheet.boxes[spot.box].right for spot in (above, below)) - _IN
    if left > right:
        return [above], [below]
    narrow = min((above, below), key=lambda spot: sheet.boxes[spot.box].wide)
    x = min(max(narrow.x, left), right)
    return [_Spot(x, above.box, above.group)], [_Spot(x, below.box, below.group)]


def _spots(sheet: Sheet, block: Placed, role: str, channel: str, *, below: bool) -> list[_Spot]:
    """A line for each card, where the cards stand in one row that lines can reach; else none."""
    if not block.row or (below and not block.open_above) or role != block.block.roles[-1 if not below else 0].name:
        return []
    return [_Spot(sheet.boxes[card].middle, card, _group(crowd, channel)) for card, crowd in block.cards]


def _group(crowd: Crowd, channel: str) -> str:
    group = crowd.groups.get(channel, "")
    return group if group in (crowd.group, EVERY_GROUP) else ""


def _for_every_group(sheet: Sheet, own: list[_Spot], other: list[_Spot]) -> list[_Spot]:
    """A card for every group has a line of each group that stands at the other side."""
    if len(own) != 1 or own[0].group != EVERY_GROUP or not other[1:]:
        return own
    card = sheet.boxes[own[0].box]
    inside = all(card.x + _IN / 2 < spot.x < card.right - _IN / 2 for spot in other)
    return [_Spot(spot.x, own[0].box, spot.group) for spot in other] if inside else own


def _middle(sheet: Sheet, block: Placed, duct: int) -> _Spot:
    """The middle of what a block and a duct share of the width, or the nearest place of the block."""
    frame, box = sheet.boxes[block.frame], sheet.boxes[duct]
    left, right = max(frame.x, box.x), min(frame.right, box.right)
    x = (left + right) / 2 if right - left > 2 * _IN else min(max(box.middle, frame.x + _IN), frame.right - _IN)
    return _Spot(x, block.frame, "")


def _line(sheet: Sheet, duct: int, spot: _Spot) -> None:
    box, target = sheet.boxes[duct], sheet.boxes[spot.box]
    x = min(max(spot.x, box.x + _IN / 2), box.right - _IN / 2)
    above = target.y < box.y
    points = ((spot.x, target.bottom), (x, box.y)) if above else ((x, box.bottom), (spot.x, target.y))
    ends = (spot.box, duct) if above else (duct, spot.box)
    sheet.line(points, ends, "" if spot.group == EVERY_GROUP else spot.group)
