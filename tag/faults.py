"""What is wrong with a user's files: one `Fault` each, and the error that carries them all."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Fault:
    """One breach of one rule, at one place.

    Attributes:
        file: path as shown to the user.
        line: from 1.
        code: of the rule, `T001`….
        subject: the object, as `role 'trainer'`.
        message: the value, the rule and the remedy; lower case, no final period.
        severity: a warning stops nothing.
    """

    file: str
    line: int
    code: str
    subject: str
    message: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        """The line that users see and editors jump to."""
        mark = "warning: " if self.severity == "warning" else ""
        return f"{self.file}:{self.line}: {self.code} {mark}{self.subject}: {self.message}"


class TagError(Exception):
    """The user's files break rules; its text lists all faults, one a line.

    Attributes:
        faults: errors first, then warnings, each by file and line.
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = in_order(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


def in_order(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Each fault once: errors before warnings, then by file, line and code."""
    return tuple(sorted(dict.fromkeys(faults), key=lambda f: (f.severity, f.file, f.line, f.code, f.subject)))


def split(faults: Iterable[Fault]) -> tuple[tuple[Fault, ...], tuple[Fault, ...]]:
    """The errors, and the warnings."""
    ordered = in_order(faults)
    return (
        tuple(f for f in ordered if f.severity == "error"),
        tuple(f for f in ordered if f.severity == "warning"),
    )
