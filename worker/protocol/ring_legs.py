"""The way of a sum around a ring, as chunks: who sends which part of it in which order. Pure geometry.

The sum's values are cut into as many segments as there are members. In n - 1 legs each member adds its own values to
the segment that comes from the one before and passes it on; then each has one whole segment, and in n - 1 more legs
these go around. So each member sends 2 (n - 1) / n of the sum, whatever n is (Patarasuk and Yuan, "Bandwidth optimal
all-reduce algorithms for clusters of workstations", 2009). A chunk goes on as soon as it came, so legs overlap.
"""

from dataclasses import dataclass
from functools import lru_cache

from tag.limits import CHUNK_BYTES

VALUE_BYTES = 8
"""Bytes of a value of the sum."""
CHUNK_VALUES = CHUNK_BYTES // VALUE_BYTES


@dataclass(frozen=True, slots=True)
class Span:
    """A chunk's values of the sum.

    Attributes:
        start: the first.
        stop: past the last.
        own: whether the member's own values belong in: added to what comes, or all there is in what goes out.
    """

    start: int
    stop: int
    own: bool

    @property
    def size(self) -> int:
        """Bytes of the values."""
        return VALUE_BYTES * (self.stop - self.start)


@dataclass(frozen=True)
class Legs:
    """A member's legs.

    Attributes:
        coming: what comes from the member before, in order.
        going: what goes to the next member, in order.
        first: chunks of the first leg, which depends on nothing; chunk `first + i` goes out once chunk `i` came.
    """

    coming: tuple[Span, ...]
    going: tuple[Span, ...]
    first: int

    def ready(self, have: int) -> int:
        """Chunks that can go out when so many came without a gap."""
        return min(len(self.going), self.first + have)


@lru_cache(maxsize=16)
def legs(members: int, position: int, values: int) -> Legs:
    """The legs of the member at `position`, from 0, of a ring of so many members, for a sum of so many values."""
    first = _segment(members, position, values, own=True)
    going, coming = list(first), []
    for leg in range(2 * (members - 1)):
        adds = leg < members - 1
        segment = _segment(members, position - 1 - leg, values, own=adds)
        coming += segment
        if leg < 2 * (members - 1) - 1:
            going += [Span(s.start, s.stop, own=False) for s in segment]
    return Legs(tuple(coming), tuple(going) if members > 1 else (), len(first) if members > 1 else 0)


def _segment(members: int, number: int, values: int, *, own: bool) -> list[Span]:
    number %= members
    start, stop = values * number // members, values * (number + 1) // members
    return [Span(at, min(stop, at + CHUNK_VALUES), own) for at in range(start, stop, CHUNK_VALUES)]
