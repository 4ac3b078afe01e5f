"""The MQTT link: the only module that knows the client library. Its thread counts and enqueues, nothing else."""

import contextlib
import queue
import random
import socket
import ssl
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tag.limits import KEEPALIVE_S
from worker.errors import InputError

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
    """The link is up and its subscriptions are granted; `again` if it was up before."""

    again: bool


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The link is down; it comes back by itself."""

    reason: str


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


class Link:
    """A connection under a worker's name, which reconnects with back-off and subscribes anew each time.

    Args:
        name: client id; under TLS the broker takes the certificate's name for it.
        address: of the broker.
        filters: subscriptions.
        inbox: where `Connected`, `Disconnected` and `Inbound` go.
        will: topic and payload that the broker publishes, retained, if the link dies.
    """

    def __init__(
        self,
        name: str,
        address: Address,
        filters: Sequence[str],
        inbox: "queue.SimpleQueue[Any]",
        will: tuple[str, bytes] | None = None,
    ) -> None:
        self.sent = 0
        self.received = 0
        self.connected = False
        self._address = address
        self._filters = [(text, 1) for text in filters]
        self._inbox = inbox
        self._was_up = False
        self._retry = threading.Event()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=name, clean_session=True, protocol=mqtt.MQTTv311
        )
        self._client.max_inflight_messages = 0
        # Jitter, so that a restarted broker is not stormed.
        first, last = _RETRY_S
        self._client.reconnect_delay_set(first, round(last * random.uniform(0.6, 1.0)))  # noqa: S311 - no secret
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
        self._client.loop_start()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Send a message at QoS 1, without waiting; while the link is down it is dropped, as brokers drop too."""
        if not self.connected:
            return
        self.sent += len(payload)
        self._client.publish(topic, payload, qos=1, retain=retain)

    def close(self, farewell: tuple[str, bytes] | None = None) -> None:
        """Send a last, retained message and disconnect; a clean disconnect sends no will."""
        if farewell is not None and self.connected:
            info = self._client.publish(farewell[0], farewell[1], qos=1, retain=True)
            with contextlib.suppress(ValueError, RuntimeError):
                info.wait_for_publish(2)
        self._client.disconnect()
        self._client.loop_stop()

    def _on_socket_open(self, _client: mqtt.Client, _data: object, sock: Any) -> None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _on_connect(self, client: mqtt.Client, _data: object, _flags: object, reason: Any, _props: object) -> None:
        if reason.is_failure:
            self._inbox.put(Disconnected(f"the broker refuses the connection: {reason}"))
        elif self._filters:
            client.subscribe(self._filters)
        else:
            self._up()

    def _on_subscribe(self, *_: object) -> None:
        self._up()

    def _up(self) -> None:
        self.connected = True
        self._inbox.put(Connected(again=self._was_up))
        self._was_up = True

    def _on_disconnect(self, client: mqtt.Client, _data: object, _flags: object, reason: Any, _props: object) -> None:
        self.connected = False
        # Old by the time the next connection is up, when the beat tells what is missing; the library would send it all.
        with client._out_message_mutex:  # noqa: SLF001 - it has no public way to forget
            client._out_messages.clear()  # noqa: SLF001
        self._inbox.put(Disconnected(str(reason)))

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        self.received += len(message.payload)
        self._inbox.put(Inbound(message.topic, bytes(message.payload), message.retain))


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
