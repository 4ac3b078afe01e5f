"""Payload bytes of a worker by channel, from the opening of a round to its end."""

from collections.abc import Callable, Mapping

from worker.events import Moved

Counts = Mapping[str, tuple[int, int]]
"""Payload bytes sent and received by channel, since the worker's start."""


class Meter:
    """Tells what was moved in a round, and then begins anew.

    Args:
        read: gives the counts so far.
    """

    def __init__(self, read: Callable[[], Counts]) -> None:
        self._read = read
        self._begun: Counts | None = None

    def begin(self) -> None:
        """A round opens; what was moved before it is in no round. Nothing happens if one is open already."""
        if self._begun is None:
            self._begun = self._read()

    def stop(self) -> None:
        """No round goes on."""
        self._begun = None

    def take(self, run: int, number: int) -> Moved:
        """What was moved in a round; the next one begins now."""
        before, now = self._begun or {}, self._read()
        self._begun = now
        sent = {name: now[name][0] - before.get(name, (0, 0))[0] for name in sorted(now)}
        received = {name: now[name][1] - before.get(name, (0, 0))[1] for name in sorted(now)}
        return Moved(run=run, round=number, sent=sent, received=received)
