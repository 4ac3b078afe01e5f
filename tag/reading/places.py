"""Where the values of a document stand in its text."""

import re
from bisect import bisect_right
from collections.abc import Callable
from functools import cached_property
from typing import Literal, NamedTuple

Where = tuple[str | int, ...]
"""A place in a document: keys and list positions from the root."""

Part = Literal["key", "value"]
"""What of a mapping's entry is at fault."""

_BREAK = re.compile(r"\r\n|\n|\r")


class Place(NamedTuple):
    """Where a value stands, as offsets in the text.

    Attributes:
        value: its first character; of a block that starts below its key, the key's.
        key: first character of its key; in a list, as `value`.
        inside: the places in it, by key or position.
    """

    value: int
    key: int
    inside: "dict[str | int, Place] | None" = None


class Lines:
    """Offsets to lines and columns; a line ends where editors end it."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in _BREAK.finditer(self._text))]

    def at(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1, the column in characters."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1


class Places:
    """The places of a whole document, which are sought only when a fault asks for one.

    Args:
        lines: of its text.
        seek: gives the place of its outermost value.
    """

    def __init__(self, lines: Lines, seek: Callable[[], Place]) -> None:
        self.lines = lines
        self._seek = seek

    @cached_property
    def root(self) -> Place:
        """The place of the outermost value."""
        return self._seek()

    def position(self, where: Where, part: Part = "value") -> tuple[int, int]:
        """Line and column of a place, or of the nearest place around it that exists."""
        place = self.root
        for step in where:
            found = (place.inside or {}).get(step)
            if found is None:
                return self.lines.at(place.value)
            place = found
        return self.lines.at(place.key if part == "key" else place.value)

    def under(self, key: str) -> "Places":
        """The places of a document that has this one as the value of its only key."""
        return Places(self.lines, lambda: Place(self.root.value, self.root.key, {key: self.root}))


def nowhere() -> Places:
    """The places of a document that has none."""
    return Places(Lines(""), lambda: Place(0, 0))
