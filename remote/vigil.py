"""Whether a deployed federation still answers: when link and beats were seen, and what follows. Has no clock."""

from collections import deque
from collections.abc import Mapping, Sequence
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
    """What was seen of link and leaders.

    Attributes:
        namespace: of the broker, for messages.
        since: when it began, by the caller's clock.
        roots: logical senders who make models; all must lead.
        settled: by logical sender, term of a leader that lives: its beat was heard again, where a broker's memory
            speaks once.
        gap: seconds for which the link was down, when it has just come back; the caller takes it and sets it to None.
    """

    namespace: str
    since: float
    roots: Sequence[str]
    settled: dict[str, Term] = field(default_factory=dict)
    gap: float | None = None
    _states: dict[str, State] = field(default_factory=dict)
    _first: dict[str, tuple[Term, float]] = field(default_factory=dict)
    _beats: dict[str, float] = field(init=False)
    _down: float = field(init=False)
    _up: bool = False
    _ups: deque[float] = field(default_factory=lambda: deque(maxlen=TIMES))

    def __post_init__(self) -> None:
        """Link and beats are missed from the beginning."""
        self._beats = dict.fromkeys(self.roots, self.since)
        self._down = self.since

    def look(self, now: float, *, connected: bool, states: Mapping[str, State], why: str) -> str:
        """Take in how things are now; gives a sentence if the user should hear of it.

        Args:
            now: seconds, by the caller's clock.
            connected: whether the link is up.
            states: the newest that were heard, by logical sender; the same objects as long as none is newer.
            why: the link is down.

        Raises:
            WorkerError: there is nothing to wait for any more.
        """
        for name, state in states.items():
            self._hear(name, now, state)
        said = ""
        if connected and not self._up:
            said = self._came(now)
        elif self._up and not connected:
            self._down = now
            said = "the connection to the broker broke; connecting again"
        self._up = connected
        if not connected and now - self._down > AGAIN_S:
            raise WorkerError(f"the broker does not answer any more, for {AGAIN_S:g} s: {why}")
        silent = [name for name, beat in self._beats.items() if now - beat > SILENCE_S]
        if connected and silent:
            who = "no aggregator" if len(self._beats) == 1 else f"nobody of {', '.join(silent)}"
            raise WorkerError(
                f"the broker answers, but {who} has led the run for {SILENCE_S:g} s; see "
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
        self._beats, self.gap = dict.fromkeys(self._beats, now), now - self._down
        return "connected again"

    def _hear(self, name: str, now: float, state: State) -> None:
        if state is self._states.get(name):
            return
        self._states[name], self._beats[name] = state, now
        first = self._first.get(name)
        if first is None or first[0] != state.term:
            self._first[name] = (state.term, now)
        elif now - first[1] >= BEAT_S * 0.8:
            self.settled[name] = state.term
