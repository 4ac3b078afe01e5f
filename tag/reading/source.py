"""YAML 1.2 and JSON files with the place of every key and value, so that each fault can say where.

Values are plain Python: `no` stays a text (YAML 1.2), a date stays a text, keys are always texts. A file is read within
bounds of time and memory, whatever is in it.
"""

import codecs
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tag.faults import Fault, Severity, TagError
from tag.reading import json_text
from tag.reading.builder import MOST, MOST_YAML, Builder, MalformedError, Value
from tag.reading.paths import resolved, shown
from tag.reading.places import Lines, Part, Places, Where, nowhere

LARGEST = 16 * 1024 * 1024
"""Bytes of a file; a stack of 100,000 datasets has 5 MB."""

LARGEST_YAML = 2 * 1024 * 1024
"""Bytes of a YAML file, which takes some ten seconds then; a TAG of 10,000 groups has 500 KB."""

_WIDE = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
_KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISDIR, "it is a folder; name a file in it"),
    (stat.S_ISFIFO, "it is a pipe; write what it gives into a file, and name that"),
    (stat.S_ISSOCK, "it is a socket; name a file"),
    (stat.S_ISCHR, "it is a device; name a file"),
    (stat.S_ISBLK, "it is a device; name a file"),
)


@dataclass(frozen=True)
class Document:
    """A file that was read.

    Attributes:
        path: of the file.
        data: plain dicts, lists, texts, numbers, booleans and None.
        places: where they stand.
    """

    path: Path
    data: Any
    places: Places = field(default_factory=nowhere)

    @property
    def shown(self) -> str:
        """The path as the user would type it."""
        return shown(self.path)

    def line(self, where: Where) -> int:
        """The line of a place, or of the nearest place around it that exists; from 1."""
        return self.places.position(where)[0]

    def fault(
        self,
        where: Where,
        code: str,
        subject: str,
        message: str,
        severity: Severity = "error",
        *,
        part: Part = "value",
    ) -> Fault:
        """A fault at a place of this document, or at the nearest place around it.

        Args:
            where: the place.
            code: of the rule.
            subject: the object, as `role 'trainer'`.
            message: the value, the rule and the remedy.
            severity: of the rule.
            part: what is wrong there, the value or its key.
        """
        line, column = self.places.position(where, part)
        return Fault(self.shown, line, code, subject, message, severity, column)

    def under(self, key: str) -> "Document":
        """This document as the value of an only key, for files that hold a list where a model wants a mapping."""
        return Document(self.path, {key: self.data}, self.places.under(key))

    def resolve(self, path: str) -> Path:
        """A path written in this document, which is relative to the document's folder."""
        return resolved(self.path.parent, path)


def read(path: Path) -> Document:
    """Reads a file, as JSON if its name ends in .json, else as YAML.

    Raises:
        TagError: it is missing or unreadable (T001), malformed (T002), has a key twice (T003), or is too large, too
            deep or too much (T007).
    """
    text = _text(path)
    is_json = path.suffix.lower() == ".json"
    if is_json or text.lstrip()[:1] in ("{", "["):  # a YAML file may hold JSON
        found = json_text.quick(text)
        if found is not None:
            return Document(path, found[0], Places(Lines(text), lambda: _value(path, text, json_text.feed).place))
    if is_json:
        value = _value(path, text, json_text.feed)
    else:
        from tag.reading import yaml_text

        if len(text) > LARGEST_YAML:
            raise _too_large(path, LARGEST_YAML, "write it as JSON, which a .yaml file may hold and is read faster")
        value = _value(path, text, yaml_text.feed, MOST_YAML)
    return Document(path, value.data, Places(Lines(text), lambda: value.place))


def _value(path: Path, text: str, feed: Callable[[Builder], None], most: int = MOST) -> Value:
    """The value of a text.

    Raises:
        TagError: with all that is wrong with the text.
    """
    builder = Builder(text, most)
    problems = builder.problems
    try:
        feed(builder)
    except MalformedError as error:
        problems.append(error.problem)
    if problems:
        name, lines = shown(path), builder.lines
        places = (lines.at(problem.offset) for problem in problems)
        raise TagError(
            Fault(name, line, problem.code, problem.subject, problem.message, column=column)
            for problem, (line, column) in zip(problems, places, strict=True)
        )
    if builder.root is None:
        raise TagError([Fault(shown(path), 1, "T002", "file", "is empty; it must hold a mapping")])
    return builder.root


def decoded(data: bytes) -> str:
    """The text of a file, without the mark that some editors put at its start; wrong bytes become U+FFFD."""
    return data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")


def _text(path: Path) -> str:
    data = _bytes(path)
    wide = next((name for mark, name in _WIDE.items() if data.startswith(mark)), None)
    if wide is not None:
        raise _unreadable(path, f"it is {wide} text; save it as UTF-8")
    if b"\0" in data:
        raise _unreadable(path, "it has zero bytes, as no UTF-8 text has; it is no YAML or JSON")
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        line, column = Lines(before).at(len(before))
        reason = f"byte 0x{data[error.start]:02x} is not UTF-8 text; save the file as UTF-8"
        raise _unreadable(path, reason, line, column) from error


def _bytes(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        wrong = next((reason for kind, reason in _KINDS if kind(mode)), None)
        if wrong is not None:
            raise _unreadable(path, wrong)
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except PermissionError as error:
        raise _unreadable(path, "permission denied; make it readable for you") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _unreadable(path, f"{reason.lower()}; check the path") from error
    if len(data) > LARGEST:
        raise _too_large(path, LARGEST, "divide it, or leave out what no federation needs")
    return data


def _too_large(path: Path, most: int, remedy: str) -> TagError:
    return TagError([Fault(shown(path), 1, "T007", "file", f"is larger than {most:,} bytes; {remedy}")])


def _unreadable(path: Path, reason: str, line: int = 1, column: int = 1) -> TagError:
    return TagError([Fault(shown(path), line, "T001", "file", f"cannot be read: {reason}", column=column)])
