"""Errors of a worker.

WorkerError          the worker can't go on; exit 1
└── InputError       the user's stack, program or data is at fault; exit 2
Stopped              no error: work was asked to stop
"""

from typing import ClassVar


class WorkerError(Exception):
    """The worker can't go on.

    Attributes:
        status: that a process ends with.
        detail: the traceback of the user's own code, to be shown under the program's name; empty if there is none.
    """

    status: ClassVar[int] = 1

    def __init__(self, message: str, *, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


class InputError(WorkerError):
    """The user's stack, program or data is at fault."""

    status: ClassVar[int] = 2


class Stopped(BaseException):  # a program's `except Exception` must not catch it
    """The work was stopped because its progress was answered with False."""
