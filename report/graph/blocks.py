"""A role, or several whose groups stand below each other, as a frame with a description and a grid of cards. Pure."""

import math
from dataclasses import dataclass
from typing import Literal

from report.graph.cards import GAP, Chip, Column
from report.graph.choice import LEAST_LISTED, LEAST_RING, Block, Choice, Entry, choose, fits_in_a_row
from report.graph.model import Crowd, RoleView
from report.graph.ring import Ring
from report.graph.shapes import SMALL, Frame, Sheet
from report.graph.words import replicas_of, ring_of, said_of, workers_of

SIDE = 1.85
"""Inches of the description at the left of a wide block."""
WIDE = 5.4
"""Inches from which a block has its description at the left."""
_PAD = 0.13
_LINE = 0.185
_MOST_ROWS = 4
_MOST_CARD = 2.4
_CHIP_GAP = 0.08
_SPACE = 0.09
_SECTION = 0.24


@dataclass(frozen=True)
class Placed:
    """A block on the sheet.

    Attributes:
        block: what it shows.
        frame: the number of its box.
        cards: the numbers of the cards' boxes, with the crowds of the first role.
        row: the cards stand in one row.
        open_above: nothing stands between the frame's upper edge and the cards.
    """

    block: Block
    frame: int
    cards: tuple[tuple[int, Crowd], ...]
    row: bool
    open_above: bool


class Plot:
    """A block of a given width, before it has its place."""

    def __init__(self, block: Block, wide: float, sheet: Sheet) -> None:
        self.block, self.wide, self.sheet = block, wide, sheet
        self._set(beside=len(block.roles) == 1 and wide >= WIDE)
        if self.beside and self._rows > _MOST_ROWS:
            self._set(beside=False)
        self.card = max(entry.card.height(sheet, self.each) for _, entries in self.sections for entry in entries)
        self.lines = self._description()
        if self.beside and self._rows == 1:
            self.card = max(self.card, self._text)

    def _set(self, *, beside: bool) -> None:
        self.beside = beside
        self.room = self.wide - 2 * _PAD - (SIDE if beside else 0)
        self.choice: Choice = choose(self.block, self.room)
        self.gap = _CHIP_GAP if isinstance(self.choice.entries[0].card, Chip) else GAP
        self.sections = self._sections()
        self.columns = self._columns()
        self.each = (self.room + self.gap) / self.columns - self.gap

    @property
    def _rows(self) -> int:
        return sum(math.ceil(len(entries) / self.columns) for _, entries in self.sections)

    @property
    def _text(self) -> float:
        return sum(_LINE if any(line) else _SPACE for line in self.lines) + 0.06

    @property
    def height(self) -> float:
        """Inches that it needs."""
        titles = sum(_SECTION for title, _ in self.sections if title)
        cards = titles + self._rows * (self.card + self.gap) - self.gap
        return max(self._text, cards) + 2 * _PAD if self.beside else self._text + cards + 2 * _PAD + 0.04

    def _sections(self) -> list[tuple[str, list[Entry]]]:
        """The cards, by the group of the tier above that they belong to, where there are several."""
        entries = list(self.choice.entries)
        above: dict[str, list[Entry]] = {}
        for entry in entries:
            group = entry.crowd.groups.get(self.block.parent, "") if entry.crowd else ""
            above.setdefault(group, []).append(entry)
        if not 1 < len(above) < len(entries):
            return [("", entries)]
        if self._in_a_row(len(entries)):
            return [("", [entry for _, own in sorted(above.items()) for entry in own])]
        return sorted(above.items())

    def _in_a_row(self, cards: int) -> bool:
        return fits_in_a_row(cards, self.room, rings=bool(self.block.rings))

    def _columns(self) -> int:
        """Cards in a row."""
        largest = max(len(entries) for _, entries in self.sections)
        if len(self.sections) == 1 and self._in_a_row(largest):
            return largest
        cards = [entry.card for entry in self.choice.entries]
        widths = [card.width(self.sheet) for card in cards if isinstance(card, Chip | Column)]
        ring = any(isinstance(card, Ring) for card in cards)
        least = min(max(widths), _MOST_CARD) if widths else LEAST_RING if ring else LEAST_LISTED
        columns = max(1, min(largest, int((self.room + self.gap) / (least + self.gap))))
        return math.ceil(largest / math.ceil(largest / columns))

    def _description(self) -> list[tuple[str, str]]:
        """Lines of text, each with what is said at its right or, beside the cards, below it."""
        lines: list[tuple[str, str]] = []
        roles, channels = self.block.roles, self.block.inner
        for number, role in enumerate(roles):
            lines.append((f"role {role.name}", self._count(role)))
            lines += [("", text) for text in self._more(role)]
            for ring in self.block.graph.between(role.name, role.name):
                lines += [("", "")] if self.beside else []
                lines += [(f"channel {ring.name}", ring_of(ring))]
            for channel in channels if number < len(roles) - 1 else ():
                if channel.upper == role.name:
                    lines.append((f"channel {channel.name}", said_of(channel)))
        if not self.beside:
            return lines
        return [line for left, right in lines for line in _stacked(left, right)]

    def _count(self, role: RoleView) -> str:
        text = workers_of(role.count)
        if self.beside or len(role.crowds) == 1:
            return text
        return f"{text} in {len(role.crowds):,} groups" + (
            f", {self.choice.equal:,} in each" if self.choice.equal else ""
        )

    def _more(self, role: RoleView) -> list[str]:
        lines = [f"in {len(role.crowds):,} groups"] if self.beside and len(role.crowds) > 1 else []
        if self.choice.equal and self.beside:
            lines.append(f"{self.choice.equal:,} in each")
        if self.choice.unit:
            lines.append("a dot is a worker" if self.choice.unit == 1 else f"a dot is {self.choice.unit:,} workers")
        replicas = replicas_of(self.block.graph, role)
        return [*lines, replicas] if replicas else lines

    def place(self, at: Frame) -> Placed:
        """Adds it to the sheet."""
        sheet = self.sheet
        frame = sheet.box("role", at)
        x, y = at.x + _PAD, at.y + _PAD
        line = y + 0.1 - _LINE
        for left, right in self.lines:
            line += _LINE if left or right else _SPACE
            if self.beside:
                wide = SIDE - 0.15
                sheet.label((x + 0.03, line), left, wide, inside=frame, bold=True)
                sheet.label((x + 0.03, line), right, wide, inside=frame, size=SMALL, muted=True)
            else:
                share = at.wide - 2 * _PAD
                taken = sheet.label((x, line), left, share * (0.62 if right else 1), inside=frame, bold=True)
                rest = share - taken - (0.15 if taken else 0)
                place = (x, line) if not left else (at.right - _PAD, line)
                align: Literal["left", "right"] = "left" if not left else "right"
                sheet.label(place, right, rest, inside=frame, size=SMALL, muted=True, align=align)
        top = y if self.beside else y + self._text + 0.04
        cards, rows = self._grid(at.x + _PAD + (SIDE if self.beside else 0), top, frame)
        return Placed(self.block, frame, tuple(cards), rows == 1, self.beside)

    def _grid(self, left: float, top: float, frame: int) -> tuple[list[tuple[int, Crowd]], int]:
        cards: list[tuple[int, Crowd]] = []
        rows, y = 0, top
        for title, entries in self.sections:
            if title:
                self.sheet.label(
                    (left, y + 0.1),
                    f"group {title} of channel {self.block.parent}",
                    self.room,
                    inside=frame,
                    size=SMALL,
                    muted=True,
                )
                y += _SECTION
            for number, entry in enumerate(entries):
                row, column = divmod(number, self.columns)
                at = Frame(
                    left + column * (self.each + self.gap), y + row * (self.card + self.gap), self.each, self.card
                )
                box = entry.card.place(self.sheet, at, frame)
                cards += [(box, entry.crowd)] if entry.crowd else []
            used = math.ceil(len(entries) / self.columns)
            rows, y = rows + used, y + used * (self.card + self.gap)
        return cards, rows


def _stacked(left: str, right: str) -> list[tuple[str, str]]:
    """A line of the description in a narrow column; one without text stays, as a space."""
    return [line for line in ((left, ""), ("", right)) if any(line)] or [("", "")]
