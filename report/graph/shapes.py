"""What a layout is made of: boxes, labels, lines and fields of dots, in inches from the upper left corner. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from report.text import clean, shorten

Ruler = Callable[[str, float, Literal["normal", "bold"]], float]
"""Inches that a text takes: text, size in points, bold."""
Point = tuple[float, float]
Kind = Literal["role", "group", "worker", "channel"]
SIZE = 8.5
SMALL = 8.0
_ROOM = 1.02
"""Texts are taken a little wider than the ruler says, as renderers round letters to pixels."""


@dataclass(frozen=True)
class Frame:
    """A rectangle; `y` grows downwards."""

    x: float
    y: float
    wide: float
    high: float

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.wide

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.high

    @property
    def middle(self) -> float:
        """Half way from left to right."""
        return self.x + self.wide / 2

    @property
    def centre(self) -> float:
        """Half way from top to bottom."""
        return self.y + self.high / 2


@dataclass(frozen=True)
class Box(Frame):
    """A box.

    Attributes:
        kind: what it stands for.
        group: whose colour it has; empty is none.
        inside: the number of the box around it; None is the sheet.
    """

    kind: Kind
    group: str = ""
    inside: int | None = None


@dataclass(frozen=True)
class Label:
    """A line of text; `y` is its middle.

    Attributes:
        wide: inches that it takes.
        align: whether `x` is its left end, its middle or its right end.
        inside: the number of its box.
    """

    x: float
    y: float
    text: str
    wide: float
    size: float = SIZE
    bold: bool = False
    muted: bool = False
    align: Literal["left", "center", "right"] = "left"
    inside: int | None = None


@dataclass(frozen=True)
class Line:
    """A line from one box to another, by level and upright parts or slanted.

    Attributes:
        points: from the first box's edge to the second's.
        ends: the numbers of the boxes.
        group: whose colour it has; empty is none.
        both: it has a head at both ends, not at the last only.
    """

    points: tuple[Point, ...]
    ends: tuple[int, int]
    group: str = ""
    both: bool = True


@dataclass(frozen=True)
class Dots:
    """A field of dots, from the left to the right and downwards.

    Attributes:
        count: how many there are.
        columns: dots in a row.
        pitch: inches from one to the next.
    """

    x: float
    y: float
    count: int
    columns: int
    pitch: float
    group: str = ""


@dataclass
class Sheet:
    """A layout that grows.

    Attributes:
        ruler: measures its texts.
        wide: inches.
        high: inches.
    """

    ruler: Ruler = field(compare=False)
    wide: float
    high: float = 0.0
    boxes: list[Box] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    dots: list[Dots] = field(default_factory=list)

    def box(self, kind: Kind, at: Frame, group: str = "", inside: int | None = None) -> int:
        """Adds a box; gives its number."""
        self.boxes.append(Box(at.x, at.y, at.wide, at.high, kind, group, inside))
        return len(self.boxes) - 1

    def width(self, text: str, size: float = SIZE, *, bold: bool = False) -> float:
        """Inches that a text takes."""
        return self.ruler(text, size, "bold" if bold else "normal") * _ROOM

    def fit(self, text: str, wide: float, size: float = SIZE, *, bold: bool = False) -> str:
        """The text, shortened in its middle until it is at most so wide."""
        text = clean(text)
        letters = len(text)
        while letters > 1 and self.width(shorten(text, letters), size, bold=bold) > wide:
            over = self.width(shorten(text, letters), size, bold=bold) / wide
            letters = min(letters - 1, int(letters / max(over, 1.0)) + 1)
        return shorten(text, letters)

    def label(
        self,
        at: Point,
        text: str,
        wide: float,
        *,
        inside: int | None = None,
        size: float = SIZE,
        bold: bool = False,
        muted: bool = False,
        align: Literal["left", "center", "right"] = "left",
    ) -> float:
        """Adds a text that is at most so wide; gives how wide it is."""
        shown = self.fit(text, wide, size, bold=bold)
        taken = self.width(shown, size, bold=bold)
        if shown:
            self.labels.append(Label(at[0], at[1], shown, taken, size, bold, muted, align, inside))
        return taken

    def line(self, points: tuple[Point, ...], ends: tuple[int, int], group: str = "", *, both: bool = True) -> None:
        """Adds a line from one box to another."""
        self.lines.append(Line(points, ends, group, both))

    def field(self, dots: Dots) -> None:
        """Adds a field of dots."""
        self.dots.append(dots)
