"""The box of one crowd of workers, as its size allows: their names, dots, or only their number. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from report.graph.model import Crowd, Member
from report.graph.shapes import SMALL, Dots, Frame, Sheet
from report.graph.words import times, title_of, workers_of

HEAD = 0.34
LINE = 0.19
_CHIP, _CHIP_EDGE = 0.26, 0.09
EDGE = 0.11
"""Inches from a box's side to its text."""
GAP = 0.12
"""Inches between boxes in a row."""
MOST_LISTED = 12
_NARROW, _FEW, _APART, _NOTE = 3.0, 4, 0.3, 0.2
_PITCH = 0.088
_BOX, _LINK = 0.28, 0.24
"""Inches of a role's box in a column, and between two."""


class Card(Protocol):
    """How a crowd is shown."""

    def height(self, sheet: Sheet, wide: float, /) -> float:
        """Inches that it needs at a width."""
        ...

    def place(self, sheet: Sheet, at: Frame, inside: int) -> int:
        """Adds it to the sheet; gives the number of its box."""
        ...


def opened(sheet: Sheet, at: Frame, inside: int, crowd: Crowd, note: str, *, chip: bool = False) -> int:
    """The box with its title at the left and a note at the right."""
    box = sheet.box("group", at, crowd.group, inside)
    edge = _CHIP_EDGE if chip else EDGE
    y, room = at.y + (_CHIP if chip else HEAD) / 2 + 0.01, at.wide - 2 * edge
    taken = sheet.label((at.right - edge, y), note, room * 0.7, inside=box, size=SMALL, muted=True, align="right")
    sheet.label((at.x + edge, y), title_of(crowd), room - taken - (0.1 if note else 0), inside=box, bold=True)
    return box


@dataclass(frozen=True)
class Chip:
    """A title and a number, and below them a few dots.

    Attributes:
        unit: workers of a dot; 0 is no dots.
    """

    crowd: Crowd
    note: str
    unit: int = 0

    def height(self, _sheet: Sheet, _wide: float, /) -> float:
        """One line, and the dots."""
        return _CHIP + (_PITCH + 0.06 if self.unit else 0)

    def place(self, sheet: Sheet, at: Frame, inside: int) -> int:
        """The box."""
        box = opened(sheet, at, inside, self.crowd, self.note, chip=True)
        if self.unit and self.crowd.members:
            count = math.ceil(len(self.crowd.members) / self.unit)
            sheet.field(Dots(at.x + _CHIP_EDGE, at.y + _CHIP, count, count, _PITCH, self.crowd.group))
        return box

    def width(self, sheet: Sheet) -> float:
        """Inches that its text and its dots take."""
        title = sheet.width(title_of(self.crowd), bold=True)
        text = title + (sheet.width(self.note, SMALL) + 0.12 if self.note else 0)
        dots = math.ceil(len(self.crowd.members) / self.unit) * _PITCH if self.unit else 0
        return max(text, dots) + 2 * _CHIP_EDGE


@dataclass(frozen=True)
class Listed:
    """The workers' names, in columns where there is room."""

    crowd: Crowd

    @property
    def _lines(self) -> Sequence[Member]:
        return self.crowd.members or (Member(workers_of(self.crowd.count)),)

    def _columns(self, sheet: Sheet, wide: float) -> int:
        if wide < _NARROW and len(self._lines) <= _FEW:
            return 1
        return max(1, min(len(self._lines), int((wide - 2 * EDGE + _APART) / (self._longest(sheet) + _APART))))

    def _longest(self, sheet: Sheet) -> float:
        """Inches of the longest line, its note not far from its name."""
        return max(
            sheet.width(member.label, SMALL) + (sheet.width(member.note, SMALL) + _NOTE if member.note else 0)
            for member in self._lines
        )

    def height(self, sheet: Sheet, wide: float, /) -> float:
        """The title and the rows."""
        return HEAD + LINE * math.ceil(len(self._lines) / self._columns(sheet, wide)) + 0.06

    def place(self, sheet: Sheet, at: Frame, inside: int) -> int:
        """The box with its names."""
        several = len(self.crowd.members) > 1
        box = opened(sheet, at, inside, self.crowd, workers_of(self.crowd.count) if several else "")
        columns = self._columns(sheet, at.wide)
        each = (at.wide - 2 * EDGE + _APART) / columns - _APART
        wide = each if columns == 1 else min(each, self._longest(sheet) + 0.01)
        for number, member in enumerate(self._lines):
            row, column = divmod(number, columns)
            x, y = at.x + EDGE + column * (each + _APART), at.y + HEAD + 0.06 + row * LINE
            end = (x + wide, y)
            noted = sheet.label(end, member.note, wide / 2, inside=box, size=SMALL, muted=True, align="right")
            room, plain = wide - noted - (0.08 if noted else 0), bool(self.crowd.members)
            sheet.label((x, y), member.label, room, inside=box, size=SMALL, muted=not plain)
        return box


def dot_unit(largest: int, most: int) -> int:
    """Workers that a dot stands for, so that the largest crowd has at most so many dots: 1, 5, 10, 50, 100 …."""
    unit = 1
    while largest > unit * most:
        unit *= 2 if str(unit)[0] == "5" else 5
    return unit


@dataclass(frozen=True)
class Field:
    """A crowd too large for names: a field of dots.

    Attributes:
        unit: workers of a dot.
    """

    crowd: Crowd
    unit: int

    def _shape(self, wide: float) -> tuple[int, int]:
        dots = math.ceil(len(self.crowd.members) / self.unit)
        columns = min(dots, int((wide - 2 * EDGE) / _PITCH))
        return columns, math.ceil(dots / columns)

    def height(self, _sheet: Sheet, wide: float, /) -> float:
        """The title, the first and last name, and the dots."""
        return HEAD + LINE + 0.03 + _PITCH * self._shape(wide)[1] + 0.06

    def place(self, sheet: Sheet, at: Frame, inside: int) -> int:
        """The box with its dots."""
        crowd, room = self.crowd, at.wide - 2 * EDGE
        box = opened(sheet, at, inside, crowd, workers_of(crowd.count))
        names = [crowd.members[0].label, crowd.members[-1].label]
        half = (room - sheet.width(" … ", SMALL)) / 2
        text = " … ".join(sheet.fit(name, half, SMALL) for name in names)
        sheet.label((at.x + EDGE, at.y + HEAD + 0.06), text, room, inside=box, size=SMALL, muted=True)
        columns, _ = self._shape(at.wide)
        count = math.ceil(len(crowd.members) / self.unit)
        sheet.field(Dots(at.x + EDGE, at.y + HEAD + LINE + 0.02, count, columns, _PITCH, crowd.group))
        return box


@dataclass(frozen=True)
class Column:
    """A group's crowds of several roles below each other, joined by their channels.

    Attributes:
        roles: name and crowd of each, the upper first.
        rings: the roles whose workers form rings.
    """

    roles: tuple[tuple[str, Crowd], ...]
    rings: frozenset[str] = frozenset()

    def height(self, _sheet: Sheet, _wide: float, /) -> float:
        """The title, and a box for each role."""
        return HEAD + len(self.roles) * (_BOX + _LINK) - _LINK + GAP

    def width(self, sheet: Sheet) -> float:
        """Inches that its texts take."""
        notes = [(name, times(crowd.count, ring=name in self.rings)) for name, crowd in self.roles]
        inner = max(sheet.width(n, SMALL) + sheet.width(t, SMALL) + 0.1 for n, t in notes) + 2 * EDGE
        return max(inner + 2 * EDGE, sheet.width(title_of(self.roles[-1][1]), bold=True) + 2 * EDGE)

    def place(self, sheet: Sheet, at: Frame, inside: int) -> int:
        """The box with the roles'."""
        box = opened(sheet, at, inside, self.roles[-1][1], "")
        before: int | None = None
        for number, (name, crowd) in enumerate(self.roles):
            frame = Frame(at.x + EDGE, at.y + HEAD + number * (_BOX + _LINK), at.wide - 2 * EDGE, _BOX)
            own = sheet.box("worker", frame, crowd.group, box)
            note, room = times(crowd.count, ring=name in self.rings), frame.wide - 2 * EDGE
            y = frame.centre
            taken = sheet.label((frame.right - EDGE, y), note, room, inside=own, size=SMALL, muted=True, align="right")
            sheet.label((frame.x + EDGE, y), name, room - taken - (0.06 if note else 0), inside=own, size=SMALL)
            if before is not None:
                sheet.line(((frame.middle, frame.y - _LINK), (frame.middle, frame.y)), (before, own), crowd.group)
            before = own
        return box
