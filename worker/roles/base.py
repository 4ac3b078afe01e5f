"""What all roles' programs share: the link, the clock, events and orderly ends."""

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

from tag.plan import WorkerSpec
from tag.topics import filters
from worker.channel import Channel, Drops, Letter
from worker.events import Event, Progress
from worker.journal import Journal
from worker.protocol.messages import Here, encode
from worker.transport import Address, Connected, Disconnected, Inbound, Link

TICK_S = 0.1
TOLD_EVENTS = 32
"""Events that are sent before the next tick."""
KEPT_EVENTS = 256
"""Events that are kept while the link is down."""


@dataclass(frozen=True)
class Broken:
    """A computation failed: the error's text, whether the user's input is at fault, and the trace if it is not."""

    message: str
    bad_input: bool
    trace: str = ""


class Quit:
    """Put into the link, it ends the worker."""


class Role(ABC):
    """A role's program: one loop that takes letters and time, and does what its state machine says.

    Attributes:
        link: to the broker; results of computations and `Quit` are put into it, too.
        alive_at: when the loop or a batch last went on, by the monotonic clock.
        status: exit status of an orderly end.
        taken: payload bytes of the letters that were taken in.
        echoed_at: when a message of its own last came back.
    """

    failure: Broken | None = None
    """Why it ended of itself, if it did."""

    def __init__(self, spec: WorkerSpec, address: Address, journal: Journal) -> None:
        self.spec = spec
        self.journal = journal
        self.channel = Channel(spec, spec.memberships[0])
        self.drops = Drops(self.tell)
        self.alive_at = time.monotonic()
        self.status = 0
        self.taken = 0
        self.echoed_at = float("-inf")
        self._told: list[Event] = []
        self._ticked = 0.0
        will = Here(incarnation="", gone=True)
        lines = filters(spec, leads=spec.dataset is None)
        self.link = Link(spec.worker, address, lines, (self.channel.topic("here"), encode(will)))
        self.channel.link = self.link

    def run(self) -> int:
        """Work until `Quit`; the exit status."""
        self.link.open()
        try:
            while True:
                item = self.link.next(self.patience(time.monotonic()))
                self.alive_at = time.monotonic()
                if isinstance(item, Quit):
                    return self.status
                self._take(item, self.alive_at)
                if self.alive_at - self._ticked >= TICK_S:
                    self._ticked = self.alive_at
                    self.flush()
                    self.tick(self.alive_at)
        finally:
            self.stop()
            self.flush()
            self.link.close((self.channel.topic("here"), encode(self.farewell())))

    def _take(self, item: Any, now: float) -> None:
        match item:
            case Connected(again):
                self.journal.write("info", "connected again" if again else "connected")
                self.connected(now)
            case Disconnected(reason):
                self.journal.write("warning", f"the link to the broker is down: {reason}; trying again")
            case Inbound() if self.channel.echoes(item):
                self.echoed_at = now
            case Inbound():
                self.taken += len(item.payload)
                letter = self.channel.open(item)
                if letter is None:
                    self.drops.add(item.topic, "foreign", "a topic or a sender that has no business here")
                else:
                    self.letter(letter, now)
            case None:
                pass
            case _:
                self.result(item, now)

    def tell(self, event: Event) -> None:
        """Tell the operator, at the next tick: in a round's path, a message for each event would cost more than it.

        Of progress only the last before a tick is told.
        """
        if isinstance(event, Progress):
            self._told = [told for told in self._told if not isinstance(told, Progress)]
        self._told.append(replace(event, time=time.time(), worker=self.spec.worker))
        if len(self._told) > TOLD_EVENTS and self.link.connected:
            self.flush()

    def flush(self) -> None:
        """Send what was told; while the link is down it waits, the oldest first to go."""
        if self._told and self.link.connected:
            for event in self._told:
                level = "debug" if isinstance(event, Progress) else "info"
                self.journal.write(level, event.kind(), event=event.to_json())
            self.channel.say("event", "\n".join(event.to_wire() for event in self._told).encode())
            self._told = []
        del self._told[:-KEPT_EVENTS]

    # What a role's program gives.

    @abstractmethod
    def connected(self, now: float) -> None:
        """The link is up."""

    @abstractmethod
    def letter(self, letter: Letter, now: float) -> None:
        """A letter came."""

    @abstractmethod
    def tick(self, now: float) -> None:
        """Time has passed."""

    @abstractmethod
    def result(self, item: Any, now: float) -> None:
        """A computation's result came."""

    @abstractmethod
    def farewell(self) -> Here:
        """The last presence."""

    def patience(self, _now: float) -> float:
        """Seconds until the next tick is due."""
        return TICK_S

    def stop(self) -> None:
        """End what was begun; most roles have nothing to end."""
        self.journal.write("info", "stops")

    def metrics(self) -> dict[str, float]:
        """Numbers for the metrics endpoint, by name."""
        return {"sent_bytes": self.link.sent, "received_bytes": self.link.received, "connected": self.link.connected}
