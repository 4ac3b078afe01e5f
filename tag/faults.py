"""What is wrong with a user's files: one `Fault` each, and the error that carries them all."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
"""An error stops all; a warning is odd; a note only tells, as why a stack can't be exact."""

_RANK: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True, slots=True)
class Fault:
    """One breach of one rule, at one place.

    Attributes:
        file: path as shown to the user.
        line: from 1.
        code: of the rule, `T001`….
        subject: the object, as `role 'trainer'`.
        message: the value, the rule and the remedy; lower case, no final period.
        severity: a warning stops nothing, and a note even less.
        column: from 1, in characters.
    """

    file: str
    line: int
    code: str
    subject: str
    message: str
    severity: Severity = "error"
    column: int = 1

    def __str__(self) -> str:
        """The line that users see and editors jump to."""
        mark = "" if self.severity == "error" else f"{self.severity}: "
        return f"{self.file}:{self.line}:{self.column}: {self.code} {mark}{self.subject}: {self.message}"


class TagError(Exception):
    """The user's files break rules; its text lists all faults, one a line.

    Attributes:
        faults: errors first, then warnings, then notes, each by file, line and column.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = in_order(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


def in_order(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Each fault once: errors, warnings, then notes, each by file, line, column and code."""

    def place(fault: Fault) -> tuple[int, str, int, int, str, str, str]:
        rank = _RANK[fault.severity]
        return rank, fault.file, fault.line, fault.column, fault.code, fault.subject, fault.message

    return tuple(sorted(dict.fromkeys(faults), key=place))


def split(faults: Iterable[Fault]) -> tuple[tuple[Fault, ...], tuple[Fault, ...]]:
    """The errors, which stop everything; and the rest, warnings before notes."""
    ordered = in_order(faults)
    count = sum(fault.severity == "error" for fault in ordered)
    return ordered[:count], ordered[count:]
