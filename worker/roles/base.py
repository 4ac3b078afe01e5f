"""A worker: parts on channels that share a link, a loop, and what is told to the operator."""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tag.spec import Membership, WorkerSpec
from tag.spec import Part as Kind
from tag.topics import filters
from worker.address import Address
from worker.channel import Channel, Drops, Letter
from worker.errors import InputError
from worker.events import Event, Progress
from worker.journal import Journal
from worker.links import Connected, Disconnected, Inbound, Links
from worker.meter import Meter
from worker.protocol.messages import Here, encode
from worker.transport import Link

TICK_S = 0.1
TOLD_EVENTS = 32
"""Events that are sent before the next tick."""
KEPT_EVENTS = 256
"""Events that are kept while the link is down."""

_SPOKESMEN: tuple[Kind, ...] = ("ring", "follow", "lead", "coordinate", "other")
"""On which of its channels a worker's will and its events are said: the first of these that it has."""


@dataclass(frozen=True)
class Broken:
    """A computation failed: the error's text, whether the user's input is at fault, and the trace if it is not."""

    message: str
    bad_input: bool
    trace: str = ""


class Quit:
    """Put into the link, it ends the worker."""


class Worker:
    """One loop that takes letters and time, and gives them to the parts.

    Args:
        spec: of the worker.
        addresses: of its brokers, by name; that of the federation's is empty.
        journal: its log.

    Attributes:
        links: to its brokers, by name.
        parts: what it does, by channel.
        drops: counts of what was dropped.
        incarnation: random, of this process.
        alive_at: when the loop or a batch last went on, by the monotonic clock.
        status: exit status of an orderly end.
        taken: payload bytes of the letters that were taken in.
        meter: tells what was moved in a round, by channel.
        failure: why it ended of itself, if it did.

    Raises:
        InputError: it has no address of one of its brokers.
    """

    def __init__(self, spec: WorkerSpec, addresses: Mapping[str, Address], journal: Journal) -> None:
        self.spec = spec
        self.journal = journal
        self.drops = Drops(self.tell)
        self.incarnation = secrets.token_hex(4)
        self.alive_at = time.monotonic()
        self.status = 0
        self.taken = 0
        self.failure: Broken | None = None
        self.parts: dict[str, Part] = {}
        self.meter = Meter(self._moved)
        self._told: list[Event] = []
        self._ticked = 0.0
        self._all = Links()
        ranked = sorted(spec.memberships, key=lambda place: _SPOKESMEN.index(place.part))
        first = {place.broker: place for place in reversed(ranked)}
        self.links = {broker: self._link(place, addresses) for broker, place in first.items()}
        self._speech = Channel(spec, ranked[0], self.links[ranked[0].broker])

    def _link(self, place: Membership, addresses: Mapping[str, Address]) -> Link:
        """A link to a broker, with a will on this of its channels."""
        spec, broker = self.spec, place.broker
        if broker not in addresses:
            raise InputError(
                f"worker {spec.worker!r} has no address of broker {broker!r}; give it by --broker NAME=URL"
            )
        will = Channel(spec, place).topic("here"), encode(Here(incarnation="", gone=True))
        return Link(spec.worker, addresses[broker], filters(spec, broker), will, links=self._all, broker=broker)

    def put(self, item: Any) -> None:
        """Let the loop take this; from any thread, and from a signal's handler."""
        self._all.put(item)

    @property
    def sent(self) -> int:
        """Payload bytes that were published."""
        return sum(link.sent for link in self.links.values())

    def run(self) -> int:
        """Work until `Quit`; the exit status."""
        for link in self.links.values():
            link.open()
        try:
            while True:
                now = time.monotonic()
                item = self._all.next(min(part.patience(now) for part in self.parts.values()))
                self.alive_at = time.monotonic()
                if isinstance(item, Quit):
                    return self.status
                self._take(item, self.alive_at)
                if self.alive_at - self._ticked >= TICK_S:
                    self._ticked = self.alive_at
                    self.flush()
                    for part in self.parts.values():
                        part.tick(self.alive_at)
        finally:
            self.journal.write("info", "stops")
            for part in self.parts.values():
                part.stop()
            self.flush()
            for link in self.links.values():
                parts = [part for part in self.parts.values() if part.channel.link is link]
                link.close([said for part in parts if (said := part.farewell()) is not None])

    def _take(self, item: Any, now: float) -> None:
        match item:
            case Connected(again, broker):
                self.journal.write("info", f"connected{_to(broker)}{' again' if again else ''}")
                for part in self.parts.values():
                    if part.place.broker == broker:
                        part.connected(now)
            case Disconnected(reason, broker):
                self.journal.write("warning", f"the link to the broker{_to(broker)} is down: {reason}; trying again")
            case Inbound():
                self._route(item, now)
            case None:
                pass
            case _:
                for part in self.parts.values():
                    part.result(item, now)

    def _route(self, inbound: Inbound, now: float) -> None:
        for part in self.parts.values():
            if part.channel.echoes(inbound):
                part.channel.received += len(inbound.payload)
                part.echoed_at = now
                return
            if (letter := part.channel.open(inbound)) is not None:
                part.channel.received += len(inbound.payload)
                self.taken += len(inbound.payload)
                part.letter(letter, now)
                return
        self.taken += len(inbound.payload)
        self.drops.add(inbound.topic, "foreign", "a topic or a sender that has no business here")

    def tell(self, event: Event) -> None:
        """Tell the operator, at the next tick: in a round's path, a message for each event would cost more than it.

        Of progress only the last before a tick is told.
        """
        for part in self.parts.values():
            part.told(event)
        if isinstance(event, Progress):
            self._told = [told for told in self._told if not isinstance(told, Progress)]
        self._told.append(replace(event, time=time.time(), worker=self.spec.worker))
        if len(self._told) > TOLD_EVENTS and self._speech.connected:
            self.flush()

    def flush(self) -> None:
        """Send what was told; while the link is down it waits, the oldest first to go."""
        if self._told and self._speech.connected:
            for event in self._told:
                level = "debug" if isinstance(event, Progress) else "info"
                self.journal.write(level, event.kind(), event=event.to_json())
            self._speech.say("event", "\n".join(event.to_wire() for event in self._told).encode())
            self._told = []
        del self._told[:-KEPT_EVENTS]

    def _moved(self) -> dict[str, tuple[int, int]]:
        """Payload bytes sent and received by channel, since the worker's start."""
        found = {name: (part.channel.sent, part.channel.received) for name, part in self.parts.items()}
        name = self._speech.name
        sent, received = found.get(name, (0, 0))
        return found | {name: (sent + self._speech.sent, received)}

    def quit(self, failure: Broken) -> None:
        """End of itself, once what is said is out."""
        self.failure = failure
        self.status = 2 if failure.bad_input else 1
        self.journal.write("error", failure.message, trace=failure.trace)

    def metrics(self) -> dict[str, float]:
        """Numbers for the metrics endpoint, by name."""
        found: dict[str, float] = {
            "sent_bytes": self.sent,
            "received_bytes": sum(link.received for link in self.links.values()),
            "connected": all(link.connected for link in self.links.values()),
        }
        for part in self.parts.values():
            found |= part.metrics()
        return found


def _to(broker: str) -> str:
    return f" {broker!r}" if broker else ""


class Part:
    """What a worker does on one of its channels. Its hooks do nothing by default.

    Args:
        worker: whose part it is.
        place: its place on the channel.
        channel: its end of the channel; by default one of its own.

    Attributes:
        channel: its end of the channel.
        echoed_at: when a message of its own last came back.
    """

    def __init__(self, worker: Worker, place: Membership, channel: Channel | None = None) -> None:
        self.worker = worker
        self.place = place
        self.channel = channel or Channel(worker.spec, place, worker.links[place.broker])
        self.echoed_at = float("-inf")
        worker.parts[place.channel] = self

    def connected(self, now: float) -> None:
        """The link is up."""

    def letter(self, letter: Letter, now: float) -> None:
        """A letter came on its channel."""

    def tick(self, now: float) -> None:
        """Time has passed, about a tenth of a second."""

    def told(self, event: Event) -> None:
        """The worker, by whichever part, tells the operator something."""

    def result(self, item: Any, now: float) -> None:
        """A computation's result came, of this part or of another."""

    def gone(self, replica: str, now: float) -> None:
        """A replica of this worker's role has left, as another part heard."""

    def patience(self, _now: float) -> float:
        """Seconds until the next tick is due."""
        return TICK_S

    def stop(self) -> None:
        """End what was begun."""

    def presence(self) -> Here | None:
        """The last presence; None if it said none."""
        return None

    def farewell(self) -> tuple[str, bytes] | None:
        """Topic and payload of the last presence."""
        here = self.presence()
        return None if here is None else (self.channel.topic("here"), encode(here))

    def metrics(self) -> Mapping[str, float]:
        """Its own numbers for the metrics endpoint, by name."""
        return {}
