"""Ctrl-C and SIGTERM during a run: the first asks it to end well, the second ends it at once."""

import signal
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

_Handler = Callable[[int, FrameType | None], Any] | int | signal.Handlers | None
_HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SAME_S = 0.5
"""A signal so soon after the first is the same one, handed on by make or uv."""


class Interrupts:
    """Handlers of the signals that end a run, while entered; in the main thread only.

    Attributes:
        signal: the first one that came, or None.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._before: dict[signal.Signals, _Handler] = {}
        self._first = 0.0
        self._spent = False

    @property
    def status(self) -> int:
        """The exit status that tells the shell which signal it was."""
        return 128 + (self.signal or signal.SIGINT)

    def __enter__(self) -> Self:
        """Take the signals over."""
        for number in _HEARD:
            self._before[number] = signal.signal(number, self._heard)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Give them back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _heard(self, number: int, _frame: FrameType | None) -> None:
        if self.signal is None:
            self.signal = signal.Signals(number)
            self._first = time.monotonic()
        elif not self._spent and time.monotonic() - self._first > _SAME_S:
            self._spent = True
            raise KeyboardInterrupt
