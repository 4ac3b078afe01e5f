"""What YAML and JSON are read into: plain values and their places, within bounds of depth and number."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tag.reading.places import Lines, Place

DEEPEST = 100
"""Levels of lists and mappings in each other; a TAG has six."""

MOST = 1_000_000
"""Values in a file."""

MOST_YAML = 250_000
"""Values in a YAML file, with those that aliases repeat; they take some ten seconds."""

MOST_PROBLEMS = 10_000
"""Problems of a text that are told; after them it isn't read on."""

LONGEST_NUMBER = 100
"""Digits of a whole number."""


class Problem(NamedTuple):
    """What is wrong with the text.

    Attributes:
        offset: in the text.
        code: of the rule.
        subject: the object.
        message: the value, the rule and the remedy.
    """

    offset: int
    code: str
    subject: str
    message: str


class MalformedError(Exception):
    """The text can't be read on from here; what was found before stays true."""

    def __init__(self, offset: int, message: str, code: str = "T002") -> None:
        super().__init__(message)
        self.problem = Problem(offset, code, "file", message)


class Value(NamedTuple):
    """A finished value.

    Attributes:
        data: the plain value.
        offset: of its first character.
        inside: the places in it.
        size: values in it, itself included.
        height: levels in it; 0 of a scalar.
        empty: it has no characters, as in `key:`.
    """

    data: Any
    offset: int
    inside: dict[str | int, Place] | None = None
    size: int = 1
    height: int = 0
    empty: bool = False

    @property
    def place(self) -> Place:
        """Where it stands, without a key."""
        return Place(self.offset, self.offset, self.inside)


@dataclass(slots=True)
class _Open:
    """A list or mapping that is being read; a mapping's `key` is None while a key is awaited."""

    data: Any
    offset: int
    mapping: bool
    anchor: str | None
    inside: dict[str | int, Place] = field(default_factory=dict)
    size: int = 1
    height: int = 1
    key: str | None = None
    key_offset: int = 0
    dropped: bool = False


class Builder:
    """Takes a text's values in their order; `root` is the finished document.

    Args:
        text: that is read.
        most: values in it.

    Attributes:
        problems: found on the way, which do not keep the rest from being read.
        root: the outermost value, once it is finished.
        anchors: finished values by YAML's anchor, and None for those that are still open.
    """

    def __init__(self, text: str, most: int = MOST) -> None:
        self.text = text
        self._most = most
        self.lines = Lines(text)
        self.problems: list[Problem] = []
        self.root: Value | None = None
        self.anchors: dict[str, Value | None] = {}
        self._open: list[_Open] = []
        self._count = 0

    @property
    def awaits_key(self) -> bool:
        """Whether the next value is the key of a mapping."""
        return bool(self._open) and self._open[-1].mapping and self._open[-1].key is None

    def key(self, name: str, offset: int) -> None:
        """A mapping's key, which is always a text."""
        top = self._open[-1]
        top.key, top.key_offset = name, offset
        top.dropped = name.startswith("//")  # Flame's way to comment JSON
        if not top.dropped and name in top.data:
            first = self.lines.at(top.inside[name].key)[0]
            message = f"is written twice, first in line {first}; keep one of them"
            self._problem(offset, "T003", f"key {name!r}", message)
            top.dropped = True

    def start(self, offset: int, *, mapping: bool, anchor: str | None = None) -> None:
        """A list or a mapping begins."""
        self._deep(offset, len(self._open) + 1)
        self._counted(1, offset)
        if anchor is not None:
            self.anchors[anchor] = None
        self._open.append(_Open({} if mapping else [], offset, mapping, anchor))

    def end(self) -> None:
        """The innermost list or mapping ends."""
        top = self._open.pop()
        value = Value(top.data, top.offset, top.inside, top.size, top.height)
        if top.anchor is not None:
            self.anchors[top.anchor] = value
        self.add(value)

    def scalar(self, data: Any, offset: int, *, empty: bool = False, anchor: str | None = None) -> None:
        """A text, a number, a truth value or None."""
        value = Value(data, offset, empty=empty)
        if anchor is not None:
            self.anchors[anchor] = value
        self._counted(1, offset)
        self.add(value)

    def alias(self, name: str, offset: int) -> None:
        """The value of an anchor, once more; in `places` it stands where it is written out."""
        if name not in self.anchors:
            raise MalformedError(offset, f"the alias *{name} has no anchor &{name} above it; write the value out")
        value = self.anchors[name]
        if value is None:
            self._problem(offset, "T002", f"alias *{name}", "contains itself through an anchor; write it out")
            self.add(Value(None, offset))
            return
        self._deep(offset, len(self._open) + value.height)
        self._counted(value.size, offset)
        self.add(value._replace(offset=offset, empty=False))

    def add(self, value: Value) -> None:
        """A finished value, which goes where it belongs."""
        if not self._open:
            self.root = value
            return
        top = self._open[-1]
        if self.awaits_key:
            message = "has a key that is no text; a key is a word or a text in quotes"
            self._problem(value.offset, "T002", "file", message)
            top.key, top.key_offset, top.dropped = "", value.offset, True
            return
        top.size += value.size
        top.height = max(top.height, value.height + 1)
        if not top.mapping:
            top.inside[len(top.data)] = value.place
            top.data.append(value.data)
            return
        key, top.key = top.key, None
        if key is not None and not top.dropped:
            top.data[key] = value.data
            top.inside[key] = Place(self._shown(value, top.key_offset), top.key_offset, value.inside)

    def _shown(self, value: Value, key: int) -> int:
        """Where to point for a value: at its key if it has no characters, or is a block in the lines below."""
        below = value.inside is not None and "\n" in self.text[key : value.offset]
        return key if value.empty or below else value.offset

    def _problem(self, offset: int, code: str, subject: str, message: str) -> None:
        self.problems.append(Problem(offset, code, subject, message))
        if len(self.problems) >= MOST_PROBLEMS:
            raise MalformedError(offset, f"has {MOST_PROBLEMS:,} faults up to here; the rest is not read", "T007")

    def _deep(self, offset: int, levels: int) -> None:
        if levels > DEEPEST:
            message = f"has more than {DEEPEST} levels of lists and mappings in each other here; flatten it"
            raise MalformedError(offset, message, "T007")

    def _counted(self, more: int, offset: int) -> None:
        self._count += more
        if self._count > self._most:
            message = f"has more than {self._most:,} values here, with those that aliases repeat; divide it"
            raise MalformedError(offset, message, "T007")


def whole_number(digits: str, offset: int) -> int:
    """A decimal number.

    Raises:
        MalformedError: it has too many digits.
    """
    if len(digits) > LONGEST_NUMBER:
        message = f"has a number of {len(digits):,} digits here; at most {LONGEST_NUMBER} are allowed"
        raise MalformedError(offset, message, "T007")
    return int(digits)
