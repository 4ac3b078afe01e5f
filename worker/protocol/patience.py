"""How long to wait for what a slow link brings before it is asked for, or sent, again. Pure.

What is sent again while the first is still on its way makes a slow link slower, until nothing else moves. So the wait
follows how long things take, and doubles when it was in vain, as TCP's retransmission timer does (RFC 6298).
"""

import msgspec

STALLED_S = 2.0
"""Seconds without progress after which what is missing is asked for, or sent, again, at the soonest."""
LONGEST_S = 60.0
"""Seconds after which it is at the latest."""
_FADES = 0.9


class Patience(msgspec.Struct, frozen=True):
    """A wait that learns.

    Attributes:
        seconds: to wait.
    """

    seconds: float = STALLED_S

    def moved(self, after: float) -> "Patience":
        """After progress for which one waited this many seconds: the next may take twice as long."""
        return self._of(max(2 * after, self.seconds))

    def anew(self) -> "Patience":
        """At the beginning of another model or update: links get faster, too."""
        return self._of(_FADES * self.seconds)

    def in_vain(self) -> "Patience":
        """After a wait without progress."""
        return self._of(2 * self.seconds)

    @staticmethod
    def _of(seconds: float) -> "Patience":
        return Patience(min(LONGEST_S, max(STALLED_S, seconds)))
