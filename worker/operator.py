"""The operator's end of a federation: its events, the states of who makes models, and the models that they reached."""

import time
from collections.abc import Iterable, Mapping
from typing import Self

from msgspec.structs import replace

from tag.limits import ACK_CHUNKS
from tag.spec import Membership, WorkerSpec
from tag.topics import OPERATOR, ROOT, parse
from worker.address import Address
from worker.channel import Channel, read
from worker.download import Download, Downloaded
from worker.errors import WorkerError
from worker.events import Event, read_event
from worker.links import Disconnected, Inbound, Links
from worker.protocol.messages import Alive, ModelManifest, State, Want
from worker.transport import Link
from worker.wire import WireError, decode

ASK_AGAIN_S = 2.0


class Operator:
    """A reader of one federation.

    Args:
        federation: name.
        channel: of whoever makes the model.
        address: of the broker of that channel.
        name: client id.
        roots: logical sender of each worker that may make a model, by its id; others are not heard. If left out, all
            who lead make one model.
        others: addresses of further brokers, at which workers tell what happens, and others make models.

    Attributes:
        states: the newest state of a leader by its logical sender, a new object at each of its beats.
        trouble: why the link is down, or empty.
    """

    def __init__(
        self,
        federation: str,
        channel: str,
        address: Address,
        name: str = OPERATOR,
        *,
        others: Iterable[Address] = (),
        roots: Mapping[str, str] | None = None,
    ) -> None:
        self.states: dict[str, State] = {}
        self.trouble = ""
        self._roots = roots
        self._from: dict[str, tuple[str, str]] = {}
        self._events: list[Event] = []
        base = f"{ROOT}/{federation}/{channel}/+"
        events = f"{ROOT}/{federation}/+/+/event/+"
        filters = [f"{base}/state/+", f"{base}/alive/+", f"{base}/model/+/{name}", events]
        place = Membership(channel=channel, group="*", peer="")
        self._channel = Channel(WorkerSpec(federation=federation, worker=name, role=name, memberships=(place,)), place)
        links = Links()
        self._link = Link(name, address, filters, links=links)
        self._others = [Link(name, other, filters, links=links) for other in others]
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
        return all(self.up)

    @property
    def up(self) -> tuple[bool, ...]:
        """Whether each link is up: that of the channel's broker first, then the others as they were given."""
        return tuple(link.connected for link in (self._link, *self._others))

    @property
    def state(self) -> State | None:
        """The state of whoever makes the model, of several the first by name; None before it is heard."""
        return self.states[min(self.states)] if self.states else None

    def next(self, timeout: float) -> Event | None:
        """The next event; None if none comes in `timeout` seconds."""
        end = time.monotonic() + timeout
        while not self._events and (left := end - time.monotonic()) > 0:
            self._pump(left)
        return self._events.pop(0) if self._events else None

    def fetch_model(self, timeout: float, root: str | None = None) -> bytes:
        """The safetensors file of a state's model.

        Args:
            timeout: seconds.
            root: logical sender of who makes it; may be left out where there is but one.

        Raises:
            WorkerError: nobody leads, or the model does not come in `timeout` seconds.
        """
        end = time.monotonic() + timeout
        asked = -ASK_AGAIN_S
        have = 0
        while time.monotonic() < end:
            self._pump(0.1)
            name, state = self._of(root)
            if state is None or not state.model:
                continue
            if self._model is not None and self._model.manifest.digest == state.model and self._model.file:
                return bytes(self._model.file)
            if (came := self._download.have(state.model)) != have:
                have, asked = came, time.monotonic()
                if have % ACK_CHUNKS == 0:
                    self._want(name, state, have, ask=False)
            if time.monotonic() - asked >= ASK_AGAIN_S:
                asked = time.monotonic()
                self._want(name, state, have, ask=True)
        _, state = self._of(root)
        known = "no leader is heard" if state is None else f"the leader is in phase {state.phase!r}"
        which = f"model of {root}" if len(set((self._roots or {}).values())) > 1 else "model"
        raise WorkerError(f"the {which} did not come within {timeout:g} s: {known}; look at the aggregator's log")

    def _of(self, root: str | None) -> tuple[str, State | None]:
        name = root if root is not None else min(self.states, default="")
        return name, self.states.get(name)

    def _want(self, root: str, state: State, have: int, *, ask: bool) -> None:
        group, sender = self._from[root]
        for link in (self._link, *self._others):  # one of them has it; at the others nobody listens
            self._channel.link = link
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
            name = self._root(topic.sender)
            if name is not None and name in self.states and alive.term == self.states[name].term:
                self.states[name] = replace(self.states[name])
        elif topic.kind == "model":
            self._chunk(item.payload)

    def _root(self, sender: str) -> str | None:
        """Logical sender of a worker; None if it makes no model."""
        return "" if self._roots is None else self._roots.get(sender)

    def _hear(self, state: State | None, group: str, sender: str) -> None:
        name = self._root(sender)
        if state is None or name is None:
            return
        best = self.states.get(name)
        if best is None or (state.term, state.round) >= (best.term, best.round):
            self.states[name], self._from[name] = state, (group, sender)

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
