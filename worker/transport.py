"""The MQTT link: the only module that knows the client library."""

import contextlib
import random
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tag.limits import KEEPALIVE_S
from worker.address import Address, context_of
from worker.bulk import Bulk, ChunkName
from worker.links import Connected, Disconnected, Inbound, Links

CONNECT_S = 5.0
"""Seconds that an attempt to connect may take."""
CLOSE_S = 2.0
"""Seconds in which the last message must be out."""
_RETRY_S = (1, 15)


class Link:
    """A connection under a worker's name, which reconnects with back-off and subscribes anew each time.

    It has no thread while it is up: whoever takes items with `next` moves the network's bytes meanwhile, so no thread
    waits for another in a round's path, and who is busy lets TCP hold the senders back.

    Args:
        name: client id; under TLS the broker takes the certificate's name for it.
        address: of the broker.
        filters: subscriptions.
        will: topic and payload that the broker publishes, retained, if the link dies.
        links: to others, in whose queue it puts what comes; by default it has its own.
        broker: name of the broker, by which `Connected` and `Disconnected` say of which link they are.

    Attributes:
        connected: whether it is up and its subscriptions are granted.
        sent: payload bytes published.
        received: payload bytes received.
    """

    def __init__(
        self,
        name: str,
        address: Address,
        filters: Sequence[str],
        will: tuple[str, bytes] | None = None,
        *,
        links: Links | None = None,
        broker: str = "",
    ) -> None:
        self.sent = 0
        self.received = 0
        self.connected = False
        self._address = address
        self._filters = [(text, 1) for text in filters]
        self._links = links or Links()
        self._broker = broker
        self._links.join(self)
        self._was_up = False
        self._delay = 0.0
        # Jitter, so that a restarted broker is not stormed.
        self._longest = _RETRY_S[1] * random.uniform(0.6, 1.0)  # noqa: S311 - no secret
        self._bulk = Bulk()
        self._closed = threading.Event()
        self._dialer: threading.Thread | None = None
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=name, clean_session=True, protocol=mqtt.MQTTv311
        )
        self._client.connect_timeout = CONNECT_S
        self._client.max_inflight_messages = 0
        if address.tls is not None:
            self._client.tls_set_context(context_of(address.tls))
        if will is not None:
            self._client.will_set(will[0], will[1], qos=1, retain=True)
        self._client.on_socket_open = self._on_socket_open
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.on_publish = self._on_publish

    def open(self) -> None:
        """Start connecting; `Connected` tells when it is up. A broker that is not there yet is tried again."""
        self._client.connect_async(self._address.host, self._address.port, keepalive=KEEPALIVE_S)
        self._dial()

    def put(self, item: Any) -> None:
        """As `Links.put`."""
        self._links.put(item)

    def next(self, timeout: float) -> Any:
        """As `Links.next`."""
        return self._links.next(timeout)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Send a message at QoS 1, without waiting; while the link is down it is dropped, as brokers drop too.

        Returns:
            payload bytes that go out.
        """
        if not self.connected:
            return 0
        self._client.publish(topic, payload, qos=1, retain=retain)
        self.sent += len(payload)
        return len(payload)

    def send(self, name: ChunkName, payload: bytes) -> int:
        """Send a chunk when its turn comes, behind what is small; one that is on its way already is not sent again.

        Returns:
            payload bytes that go out.
        """
        if not self.connected or name in self._bulk:
            return 0
        self._bulk.add(name, payload)
        self._send_waiting()
        self.sent += len(payload)
        return len(payload)

    def _send_waiting(self) -> None:
        while (taken := self._bulk.take()) is not None:
            name, payload = taken
            self._bulk.sent(self._client.publish(name.topic, payload, qos=1).mid, name, time.monotonic())

    def subscribe(self) -> None:
        """Subscribe once more: the broker then gives all retained messages that its rules let through by now."""
        if self.connected and self._filters:
            self._client.subscribe(self._filters)

    def close(self, farewells: Sequence[tuple[str, bytes]] = ()) -> None:
        """Send last, retained messages and disconnect; a clean disconnect sends no will."""
        end = time.monotonic() + CLOSE_S
        while self.connected and self._bulk and time.monotonic() < end:
            self._links.work(0.05)
        for topic, payload in farewells if self.connected else ():
            info = self._client.publish(topic, payload, qos=1, retain=True)
            while self.connected and not info.is_published() and time.monotonic() < end:
                self._links.work(0.05)
        self._closed.set()
        if self._dialer is not None:
            self._dialer.join(CONNECT_S)
        self._client.disconnect()
        while self._client.socket() is not None and self._client.want_write() and time.monotonic() < end:
            self._links.work(0.05)
        self.connected = False
        self._links.leave(self)

    # --- the network

    def dialled(self) -> Any:
        """The socket, once there is one; without one it is dialled."""
        sock = None if self._dialing else self._client.socket()
        if sock is None and not self._dialing and not self._closed.is_set():
            self._dial()
        return sock

    @property
    def wants_write(self) -> bool:
        """Whether bytes wait to be sent."""
        return self._client.want_write()

    def move(self, *, reads: bool, writes: bool) -> None:
        """Read and write what can be, and look at the keepalive."""
        if reads:
            self._client.loop_read()
            self._acknowledge()
        if writes:
            self._client.loop_write()
        self._client.loop_misc()

    def _acknowledge(self) -> None:
        """Acknowledge what came at once: a broker that holds small packets back until then (Nagle) waits 40 ms else.

        Linux forgets it again by itself, and other systems do not know it.
        """
        sock: Any = self._client.socket()
        option = getattr(socket, "TCP_QUICKACK", None)
        if sock is not None and option is not None:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, option, 1)

    @property
    def _dialing(self) -> bool:
        return self._dialer is not None and self._dialer.is_alive()

    def _dial(self) -> None:
        """Connect in a thread of its own: a name, a machine or a handshake may take seconds, and the round goes on."""
        self._dialer = threading.Thread(target=self._connect, name="dial", daemon=True)
        self._dialer.start()

    def _connect(self) -> None:
        told = ""
        while not self._closed.wait(self._delay * random.uniform(0.5, 1.0)):  # noqa: S311 - no secret
            self._delay = min(max(_RETRY_S[0], 2 * self._delay), self._longest)
            try:
                self._client.reconnect()
            except OSError as error:
                if str(error) != told:
                    told = str(error)
                    self.put(Disconnected(told, self._broker))
            else:
                return

    def _on_socket_open(self, _client: mqtt.Client, _data: object, sock: Any) -> None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _on_connect(self, client: mqtt.Client, _data: object, _flags: object, reason: Any, _props: object) -> None:
        if reason.is_failure:
            self._links.put(Disconnected(f"the broker refuses the connection: {reason}", self._broker), wake=False)
        elif self._filters:
            client.subscribe(self._filters)
        else:
            self._up()

    def _on_subscribe(self, *_: object) -> None:
        if not self.connected:
            self._up()

    def _up(self) -> None:
        self.connected = True
        self._delay = 0.0
        self._links.put(Connected(self._was_up, self._broker), wake=False)
        self._was_up = True

    def _on_disconnect(self, client: mqtt.Client, _data: object, _flags: object, reason: Any, _props: object) -> None:
        self.connected = False
        # Old by the time the next connection is up, when the beat tells what is missing; the library would send it all.
        with client._out_message_mutex:  # noqa: SLF001 - it has no public way to forget
            client._out_messages.clear()  # noqa: SLF001 - likewise
        self._bulk.clear()
        self._links.put(Disconnected(str(reason), self._broker), wake=False)

    def _on_publish(self, _client: mqtt.Client, _data: object, message: int, *_: object) -> None:
        self._bulk.acknowledged(message, time.monotonic())
        self._send_waiting()

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        self.received += len(message.payload)
        self._links.put(Inbound(message.topic, bytes(message.payload), message.retain), wake=False)
