"""The MQTT link: the only module that knows the client library."""

import contextlib
import queue
import random
import select
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tag.limits import KEEPALIVE_S
from worker.errors import InputError

CONNECT_S = 5.0
"""Seconds that an attempt to connect may take."""
CLOSE_S = 2.0
"""Seconds in which the last message must be out."""
MISC_S = 1.0
"""Seconds after which the client library looks at its keepalive."""
_RETRY_S = (1, 15)
_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class Inbound:
    """A message that came in."""

    topic: str
    payload: bytes
    retained: bool


@dataclass(frozen=True, slots=True)
class Connected:
    """A link is up and its subscriptions are granted; `again` if it was up before."""

    again: bool
    broker: str = ""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """A link is down; it comes back by itself."""

    reason: str
    broker: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the broker is.

    Attributes:
        host: name or address.
        port: TCP port.
        tls: folder with ca.crt, tls.crt and tls.key; None is without TLS.
    """

    host: str
    port: int
    tls: Path | None = None

    @staticmethod
    def parse(url: str, tls: Path | None = None) -> "Address":
        """The address in `mqtt://host:port` or `mqtts://host:port`.

        Raises:
            InputError: another form, or mqtts without a folder of certificates.
        """
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = 0
        if parts.scheme not in _PORTS or not parts.hostname or port == 0:
            raise InputError(f"broker {url!r} is no address; write mqtt://host:port or mqtts://host:port")
        if (parts.scheme == "mqtts") != (tls is not None):
            raise InputError(f"broker {url!r}: mqtts needs --tls with a folder of certificates, and mqtt takes none")
        return Address(parts.hostname, port or _PORTS[parts.scheme], tls)


class Links:
    """What several connections have in common: one queue of what comes, and one place to wait for it."""

    def __init__(self) -> None:
        self._items: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._all: list[Link] = []
        self._woken, self._waker = socket.socketpair()
        for end in (self._woken, self._waker):
            end.setblocking(False)

    def join(self, link: "Link") -> None:
        """Take in a connection."""
        self._all.append(link)

    def leave(self, link: "Link") -> None:
        """Let go of a connection, which is closed; with the last one everything is."""
        self._all.remove(link)
        if not self._all:
            self._woken.close()
            self._waker.close()

    def put(self, item: Any, *, wake: bool = True) -> None:
        """Let `next` give this; from any thread, and from a signal's handler."""
        self._items.put(item)
        if wake:
            with contextlib.suppress(OSError):
                self._waker.send(b"\0")

    def next(self, timeout: float) -> Any:
        """What comes next: `Connected`, `Disconnected`, `Inbound`, what was `put`; None after `timeout` seconds."""
        end = time.monotonic() + timeout
        while True:
            with contextlib.suppress(queue.Empty):
                return self._items.get_nowait()
            if (left := end - time.monotonic()) <= 0:
                return None
            self.work(left)

    def work(self, timeout: float) -> None:
        """Move the network's bytes, for at most `timeout` seconds and until something has come."""
        socks = {sock: link for link in self._all if (sock := link.dialled()) is not None}
        writes = [sock for sock, link in socks.items() if link.wants_write]
        buffered = [sock for sock in socks if isinstance(sock, ssl.SSLSocket) and sock.pending() > 0]
        patience = 0 if buffered else min(timeout, MISC_S)
        readable, writable, _ = select.select([self._woken, *socks], writes, [], patience)
        if self._woken in readable:
            with contextlib.suppress(OSError):
                self._woken.recv(4096)
        for sock, link in socks.items():
            link.move(reads=sock in readable or sock in buffered, writes=sock in writable)


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
        self._closed = threading.Event()
        self._dialer: threading.Thread | None = None
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=name, clean_session=True, protocol=mqtt.MQTTv311
        )
        self._client.connect_timeout = CONNECT_S
        self._client.max_inflight_messages = 0
        if address.tls is not None:
            self._client.tls_set_context(_context(address.tls))
        if will is not None:
            self._client.will_set(will[0], will[1], qos=1, retain=True)
        self._client.on_socket_open = self._on_socket_open
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message

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

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Send a message at QoS 1, without waiting; while the link is down it is dropped, as brokers drop too."""
        if not self.connected:
            return
        self.sent += len(payload)
        self._client.publish(topic, payload, qos=1, retain=retain)

    def subscribe(self) -> None:
        """Subscribe once more: the broker then gives all retained messages that its rules let through by now."""
        if self.connected and self._filters:
            self._client.subscribe(self._filters)

    def close(self, farewells: Sequence[tuple[str, bytes]] = ()) -> None:
        """Send last, retained messages and disconnect; a clean disconnect sends no will."""
        end = time.monotonic() + CLOSE_S
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
        self._links.put(Disconnected(str(reason), self._broker), wake=False)

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        self.received += len(message.payload)
        self._links.put(Inbound(message.topic, bytes(message.payload), message.retain), wake=False)


def _context(folder: Path) -> ssl.SSLContext:
    """A context that trusts the folder's CA and shows its certificate."""
    try:
        context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
        context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    except (OSError, ssl.SSLError) as error:
        raise InputError(
            f"certificates in {str(folder)!r} can't be used: {error}; the folder holds ca.crt, tls.crt and tls.key"
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
