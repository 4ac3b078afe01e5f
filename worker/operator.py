"""The operator's end of a federation: its events, its state, and the model that it has reached."""

import time
from collections.abc import Iterable
from typing import Self

from msgspec.structs import replace

from tag.limits import ACK_CHUNKS
from tag.plan import Membership, WorkerSpec
from tag.topics import OPERATOR, ROOT, parse
from worker.channel import Channel, read
from worker.download import Download, Downloaded
from worker.errors import WorkerError
from worker.events import Event, read_event
from worker.protocol.messages import Alive, ModelManifest, State, Want
from worker.transport import Address, Disconnected, Inbound, Link, Links
from worker.wire import WireError, decode

ASK_AGAIN_S = 2.0


class Operator:
    """A reader of one federation.

    Args:
        federation: name.
        channel: of whoever makes the model.
        address: of the broker of that channel.
        name: client id.
        others: addresses of further brokers, at which workers tell what happens.

    Attributes:
        state: the newest state of a leader, a new object at each of its beats; None until one is heard.
        trouble: why the link is down, or empty.
    """

    def __init__(
        self, federation: str, channel: str, address: Address, name: str = OPERATOR, *, others: Iterable[Address] = ()
    ) -> None:
        self.state: State | None = None
        self.trouble = ""
        self._from = ("", "")
        self._events: list[Event] = []
        base = f"{ROOT}/{federation}/{channel}/+"
        events = f"{ROOT}/{federation}/+/+/event/+"
        filters = [f"{base}/state/+", f"{base}/alive/+", f"{base}/model/+/{name}", events]
        place = Membership(channel=channel, group="*", peer="")
        self._channel = Channel(WorkerSpec(federation=federation, worker=name, role=name, memberships=(place,)), place)
        links = Links()
        self._link = Link(name, address, filters, links=links)
        self._others = [Link(name, other, [events], links=links) for other in others]
        self._channel.link = self._link
        self._download = Download()
        self._model: Downloaded | None = None

    def __enter__(self) -> Self:
        """Connect."""
        for link in (self._link, *self._others):
            link.open()
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnect."""
        for link in (self._link, *self._others):
            link.close()

    @property
    def connected(self) -> bool:
        """Whether all links are up."""
        return all(link.connected for link in (self._link, *self._others))

    def next(self, timeout: float) -> Event | None:
        """The next event; None if none comes in `timeout` seconds."""
        end = time.monotonic() + timeout
        while not self._events and (left := end - time.monotonic()) > 0:
            self._pump(left)
        return self._events.pop(0) if self._events else None

    def fetch_model(self, timeout: float) -> bytes:
        """The safetensors file of the state's model.

        Raises:
            WorkerError: nobody leads, or the model does not come in `timeout` seconds.
        """
        end = time.monotonic() + timeout
        asked = -ASK_AGAIN_S
        have = 0
        while time.monotonic() < end:
            self._pump(0.1)
            if self.state is None or not self.state.model:
                continue
            if self._model is not None and self._model.manifest.digest == self.state.model and self._model.file:
                return bytes(self._model.file)
            now_have = self._download.have(self.state.model)
            if now_have != have and now_have % ACK_CHUNKS == 0:
                have = now_have
                self._want(have, ask=False)
            if time.monotonic() - asked >= ASK_AGAIN_S:
                asked = time.monotonic()
                self._want(have, ask=True)
        known = "no leader is heard" if self.state is None else f"the leader is in phase {self.state.phase!r}"
        raise WorkerError(f"the model did not come within {timeout:g} s: {known}; look at the aggregator's log")

    def _want(self, have: int, *, ask: bool) -> None:
        state = self.state
        if state is not None:
            group, sender = self._from
            self._channel.say("want", Want(state.term, state.model, have, ask=ask), group=group, to=sender)

    def _pump(self, timeout: float) -> None:
        item = self._link.next(timeout)
        if isinstance(item, Disconnected):
            self.trouble = item.reason
        if not isinstance(item, Inbound) or (topic := parse(item.topic)) is None:
            return
        self.trouble = ""
        if topic.kind == "event":
            self._events += [
                e for line in item.payload.splitlines() if (e := read_event(line, topic.sender)) is not None
            ]
        elif topic.kind == "state":
            self._hear(read(State, item.payload), topic.group, topic.sender)
        elif topic.kind == "alive" and (alive := read(Alive, item.payload)) is not None:
            if self.state is not None and alive.term == self.state.term:
                self.state = replace(self.state)
        elif topic.kind == "model":
            self._chunk(item.payload)

    def _hear(self, state: State | None, group: str, sender: str) -> None:
        best = self.state
        if state is not None and (best is None or (state.term, state.round) >= (best.term, best.round)):
            self.state, self._from = state, (group, sender)

    def _chunk(self, payload: bytes) -> None:
        try:
            chunk = decode(payload)
            manifest = read(ModelManifest, chunk.manifest) if chunk.manifest else None
            if manifest is not None and self._download.digest != manifest.digest:
                self._download.begin(manifest)
            self._download.put(chunk)
        except WireError:
            return
        self._model = self._download.finish() or self._model
