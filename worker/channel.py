"""A worker's end of a channel: topics out, letters in. Role programs of every topology speak through it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from tag import topics
from tag.spec import EVERY_GROUP, Membership, WorkerSpec
from worker.bulk import ChunkName
from worker.events import Dropped, Event
from worker.links import Inbound
from worker.protocol.messages import Message, encode
from worker.transport import Link
from worker.wire import Joined
from worker.wire import encode as encode_chunk

_M = TypeVar("_M", bound=Message)
_FROM_FOLLOWERS = frozenset({"here", "update", "evaluation", "want", "model"})
_FROM_LEADERS = frozenset({"here", "state", "model", "want"})
_FROM_REPLICAS = frozenset({"here", "state", "claim", "alive", "checkpoint", "want"})
_FROM_COORDINATED = frozenset({"here", "state"})
_FROM_COORDINATORS = frozenset({"pairing"})
_GONE = frozenset({"here"})
_FROM_MEMBERS = frozenset({"here", "state", "claim", "alive", "want", "update", "evaluation", "model", "part", "stand"})
HOME = "all"
"""The group in which replicas of a role that is in every group speak among themselves."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message on a channel, its topic taken apart."""

    group: str
    kind: str
    sender: str
    to: str
    payload: bytes


class Channel:
    """One channel of a worker.

    Args:
        spec: the worker.
        place: its place on the channel.
        link: to the channel's broker; without one nothing is said.

    Attributes:
        name: of the channel.
        sent: payload bytes that this worker published here.
        received: payload bytes that came, its own messages that it hears again included.
    """

    def __init__(self, spec: WorkerSpec, place: Membership, link: Link | None = None) -> None:
        self.link = link
        self.name = place.channel
        self.sent = 0
        self.received = 0
        self.home = HOME if place.group == EVERY_GROUP else place.group
        self._spec = spec
        self._place = place

    @property
    def connected(self) -> bool:
        """Whether the link to its broker is up."""
        return self.link is not None and self.link.connected

    def topic(self, kind: str, *, group: str | None = None, to: str = "") -> str:
        """The topic under which this worker says something."""
        name = self._place.channel
        return str(topics.Topic(self._spec.federation, name, group or self.home, kind, self._spec.worker, to))

    def say(
        self, kind: str, body: Message | bytes, *, group: str | None = None, to: str = "", retain: bool = False
    ) -> None:
        """Publish a message."""
        if self.link is not None:
            payload = body if isinstance(body, bytes) else encode(body)
            self.sent += self.link.publish(self.topic(kind, group=group, to=to), payload, retain=retain)

    def send(
        self, kind: str, what: str | bytes, index: int, payload: bytes, *, group: str | None = None, to: str = ""
    ) -> None:
        """Publish a chunk of something when its turn comes, unless it is on its way there already."""
        if self.link is not None:
            self.sent += self.link.send(ChunkName(self.topic(kind, group=group, to=to), what, index), payload)

    def subscribe(self) -> None:
        """Subscribe once more, to all that this worker hears at the channel's broker."""
        if self.link is not None:
            self.link.subscribe()

    def send_chunks(
        self,
        kind: str,
        file: memoryview | Joined,
        manifest: Any,
        chunks: range,
        *,
        group: str | None = None,
        to: str = "",
    ) -> None:
        """Publish chunks of a file, whose digest its manifest names."""
        head = encode(manifest)
        for index in chunks:
            payload = encode_chunk(file, manifest.digest, index, head)
            self.send(kind, head, index, payload, group=group, to=to)

    def echoes(self, inbound: Inbound) -> bool:
        """Whether a message is this worker's own: replicas hear what they say to each other."""
        topic = topics.parse(inbound.topic)
        return topic is not None and (topic.channel, topic.sender) == (self._place.channel, self._spec.worker)

    def open(self, inbound: Inbound) -> Letter | None:
        """The letter in a message; None if it is not for this channel, or its sender may not say such a thing."""
        topic = topics.parse(inbound.topic)
        if topic is None or topic.channel != self._place.channel or topic.federation != self._spec.federation:
            return None
        kind, sender = topic.kind, topic.sender
        leads = self._place.part == "lead"
        from_peers = _FROM_FOLLOWERS if leads else _FROM_LEADERS
        from_replicas = _FROM_REPLICAS if leads else _GONE
        if self._place.part == "coordinate":
            from_peers = _FROM_COORDINATED if self._place.coordinates else _FROM_COORDINATORS
        if self._place.part == "ring":
            from_peers, from_replicas = _FROM_MEMBERS, frozenset()
        known = (
            (kind in from_peers and sender.startswith(f"{self._place.peer}-"))
            or (kind in from_replicas and sender.startswith(f"{self._spec.role}-"))
            or (kind == "want" and sender == topics.OPERATOR)
            or (kind == "say" and self._place.part == "other")
        )
        if not known:
            return None
        return Letter(topic.group, topic.kind, topic.sender, topic.to, inbound.payload)


def read(kind: type[_M], payload: bytes) -> _M | None:
    """A message of a kind; None if it is malformed."""
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


class Drops:
    """Counts dropped messages by sender and reason, and tells of the first and then of every doubling."""

    def __init__(self, tell: Callable[[Event], None]) -> None:
        self.counts: dict[tuple[str, str], int] = {}
        self._tell = tell

    def add(self, sender: str, reason: str, detail: str) -> None:
        """Count one."""
        count = self.counts.get((sender, reason), 0) + 1
        self.counts[sender, reason] = count
        if count & (count - 1) == 0:
            self._tell(Dropped(sender=sender, reason=reason, detail=detail, count=count))
