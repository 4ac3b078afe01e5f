"""Whether a deployed federation still answers: the times of link and beat, and what follows from them. Has no clock."""

from collections import deque
from dataclasses import dataclass, field

from tag.limits import BEAT_S
from worker.errors import WorkerError
from worker.protocol.messages import State, Term

AGAIN_S = 180.0
"""Seconds until the broker answers again: a dead machine's pod needs more than a minute to be elsewhere."""
SILENCE_S = 180.0
"""Seconds without a leader's beat."""
TIMES = 5
WITHIN_S = 30.0
"""A connection that comes up so many times in so many seconds is being closed by the broker."""


@dataclass
class Vigil:
    """What was seen of link and leader.

    Attributes:
        namespace: of the broker, for messages.
        since: when it began, by the caller's clock.
        settled: term of a leader that lives: its beat was heard again, where a broker's memory speaks once.
        gap: seconds for which the link was down, when it has just come back; the caller takes it and sets it to None.
    """

    namespace: str
    since: float
    settled: Term | None = None
    gap: float | None = None
    _state: State | None = None
    _first: tuple[Term, float] | None = None
    _beat: float = field(init=False)
    _down: float = field(init=False)
    _up: bool = False
    _ups: deque[float] = field(default_factory=lambda: deque(maxlen=TIMES))

    def __post_init__(self) -> None:
        """Link and beat are missed from the beginning."""
        self._beat = self._down = self.since

    def look(self, now: float, *, connected: bool, state: State | None, why: str) -> str:
        """Take in how things are now; gives a sentence if the user should hear of it.

        Args:
            now: seconds, by the caller's clock.
            connected: whether the link is up.
            state: the newest that was heard; the same object as long as none is newer.
            why: the link is down.

        Raises:
            WorkerError: there is nothing to wait for any more.
        """
        self._hear(now, state)
        said = ""
        if connected and not self._up:
            said = self._came(now)
        elif self._up and not connected:
            self._down = now
            said = "the connection to the broker broke; connecting again"
        self._up = connected
        if not connected and now - self._down > AGAIN_S:
            raise WorkerError(f"the broker does not answer any more, for {AGAIN_S:g} s: {why}")
        if connected and now - self._beat > SILENCE_S:
            raise WorkerError(
                f"the broker answers, but no aggregator has led the run for {SILENCE_S:g} s; see "
                f"'kubectl --namespace {self.namespace} get pods' and the aggregators' logs"
            )
        return said

    def _came(self, now: float) -> str:
        self._ups.append(now)
        if len(self._ups) == TIMES and now - self._ups[0] <= WITHIN_S:
            raise WorkerError(
                f"the broker closed the connection {TIMES - 1} times in {now - self._ups[0]:.0f} s; it lets in one "
                "reader at a time: end the other 'fedtag watch' or 'fedtag result' of this stack, or read its log"
            )
        if len(self._ups) == 1:
            return ""
        self._beat, self.gap = now, now - self._down
        return "connected again"

    def _hear(self, now: float, state: State | None) -> None:
        if state is None or state is self._state:
            return
        self._state, self._beat = state, now
        if self._first is None or self._first[0] != state.term:
            self._first = (state.term, now)
        elif now - self._first[1] >= BEAT_S * 0.8:
            self.settled = state.term
