"""Chunks on their way to the broker: each once, and few at a time, so that what is small never waits long behind them.

A beat behind eight megabytes on a slow link comes when its sender has long been given up, and chunks that are sent
again while they still wait there fill the link for good. How many may be under way is found as in LEDBAT (RFC 6817): by
how much longer than at best the broker takes to acknowledge one.
"""

from collections import deque
from typing import NamedTuple

from tag.limits import WINDOW_CHUNKS

QUEUEING_S = 0.25
"""Seconds that a chunk may wait behind others on the link."""
FIRST_LIMIT = 1.0


class ChunkName(NamedTuple):
    """Which chunk it is, and where it goes.

    Attributes:
        topic: where it goes.
        what: it is a chunk of: the manifest, or the key of an attempt.
        number: its index.
    """

    topic: str
    what: str | bytes
    number: int


class Bulk:
    """The chunks of one link.

    Attributes:
        limit: how many may be under way to the broker.
    """

    def __init__(self) -> None:
        self.limit = FIRST_LIMIT
        self._names: set[ChunkName] = set()
        self._waiting: deque[tuple[ChunkName, bytes]] = deque()
        self._under_way: dict[int, tuple[ChunkName, float]] = {}
        self._best = float("inf")
        self._exceeded = False

    def __len__(self) -> int:
        """Chunks that wait or are under way."""
        return len(self._names)

    def __contains__(self, name: ChunkName) -> bool:
        """Whether a chunk waits or is under way."""
        return name in self._names

    def add(self, name: ChunkName, payload: bytes) -> None:
        """Let a chunk wait for its turn."""
        self._names.add(name)
        self._waiting.append((name, payload))

    def take(self) -> tuple[ChunkName, bytes] | None:
        """The next chunk, if it may be sent now."""
        if not self._waiting or len(self._under_way) >= int(self.limit):
            return None
        return self._waiting.popleft()

    def sent(self, message: int, name: ChunkName, now: float) -> None:
        """A chunk was given to the network under this message id."""
        self._under_way[message] = (name, now)

    def acknowledged(self, message: int, now: float) -> None:
        """The broker has a message, maybe a chunk; the longer it took, the fewer may be under way."""
        if message not in self._under_way:
            return
        name, at = self._under_way.pop(message)
        self._names.discard(name)
        delay = now - at
        self._best = min(self._best, delay)
        if delay - self._best >= QUEUEING_S:
            self._exceeded = True
            self.limit = max(1.0, self.limit - 1)
        else:
            # As TCP does: fast until it was too many for the first time, then slowly.
            self.limit = min(float(WINDOW_CHUNKS), self.limit + (1 / self.limit if self._exceeded else 1))

    def clear(self) -> None:
        """Forget all chunks: the link is down, and by the time it is up again the beat tells what is missing."""
        self._names.clear()
        self._waiting.clear()
        self._under_way.clear()
