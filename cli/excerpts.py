"""Faults as people read them: each with its line of the file, and a caret under what is wrong."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from tag.reading.paths import is_file
from tag.reading.source import LARGEST, decoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tag.faults import Fault

SHOWN = 50
"""Faults that are printed; the rest are counted."""

WIDTH = 96
"""Cells of a source line that are shown; a longer one is cut around the caret."""

_TAB = 4
_BREAK = re.compile(r"\r\n|\n|\r")
_TOKEN = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[\[{]|(?:(?!\s+#|\s*$|:\s|:$)[^,\[\]{}])+""")


def told(faults: Sequence[Fault], remedy: str = "--json prints all") -> Iterator[str]:
    """The lines that tell of faults, in their order; from the 51st on they are only counted.

    Args:
        faults: of any number of files.
        remedy: how to see the rest.
    """
    files: dict[str, list[str]] = {}
    for fault in faults[:SHOWN]:
        yield str(fault)
        if fault.file not in files:
            files[fault.file] = _lines(fault.file)
        lines = files[fault.file]
        if fault.line <= len(lines) and lines[fault.line - 1].strip():
            number = f"{fault.line:>5}"
            source, caret = excerpt(lines[fault.line - 1], fault.column)
            yield f"{number} | {source}"
            yield f"{'':>5} | {caret}"
    if len(faults) > SHOWN:
        yield f"… and {len(faults) - SHOWN:,} more; {remedy}"


def excerpt(line: str, column: int) -> tuple[str, str]:
    """A line as it is shown, at most `WIDTH` cells wide, and the line below it with the caret.

    Args:
        line: of the file, without its end.
        column: of the fault, from 1, in characters; beyond the end it is put there.
    """
    at = max(0, min(column - 1, len(line)))
    token = _TOKEN.match(line[: at + WIDTH], at)
    end = token.end() if token is not None else at + 1
    left = _cells(line[max(0, at - WIDTH) : at])
    marked = _cells(line[at:end]) or [" "]
    right = [*marked, *_cells(line[end : end + WIDTH])]
    if at > WIDTH or end + WIDTH < len(line) or len(left) + len(right) > WIDTH:
        if at > WIDTH or len(left) > WIDTH // 2:
            left = ["…", *left[1 - WIDTH // 2 :]]
            left[1] = left[1] or " "  # the second half of a wide character
        room = WIDTH - len(left)
        if end + WIDTH < len(line) or len(right) > room:
            right = [*right[: room - 1], "…"]
    caret = " " * len(left) + "^" + "~" * (min(len(marked), len(right)) - 1)
    return "".join([*left, *right]).rstrip(), caret


def _cells(text: str) -> list[str]:
    """The text by cells of a terminal: a wide character has two, the second empty; an accent is in its letter's."""
    cells: list[str] = []
    for character in text:
        if character == "\t":
            cells += [" "] * _TAB
        elif not character.isprintable():
            cells.append("\N{REPLACEMENT CHARACTER}")
        elif cells and unicodedata.category(character) in ("Mn", "Me"):
            cells[-1] += character
        else:
            cells += [character, ""] if unicodedata.east_asian_width(character) in ("W", "F") else [character]
    return cells


def _lines(shown: str) -> list[str]:
    """The lines of a fault's file; none where it can't be read."""
    path = Path(shown)
    try:
        if not is_file(path):
            return []
        with path.open("rb") as file:
            data = file.read(LARGEST)
    except OSError:
        return []
    return _BREAK.split(decoded(data)) if b"\0" not in data else []


def counted(faults: Iterable[Fault]) -> str:
    """How many there are of each severity: `2 faults, 1 warning`; empty for none."""
    counts: dict[str, int] = {}
    for fault in faults:
        counts[fault.severity] = counts.get(fault.severity, 0) + 1
    words = {"error": "fault", "warning": "warning", "note": "note"}
    return ", ".join(
        f"{counts[severity]:,} {word}{'' if counts[severity] == 1 else 's'}"
        for severity, word in words.items()
        if severity in counts
    )
