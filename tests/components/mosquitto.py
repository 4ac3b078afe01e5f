"""A real mosquitto with the rules and the configuration that a pod would have, and users of it."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from components import access
from components.pki import Authority, Identity, broker_trust, read_secret, worker_trust
from tag.plan import Plan

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
SECRET = "9f1c5a3e7b2d4860a1c3e5f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b"  # noqa: S105  of tests only
OBSERVER = "observer-of-tests"
# in tests one more user sees and says everything, and everyone is told when all has been said
OPENING = f"\npattern readwrite test/end/%u\n\nuser {OBSERVER}\ntopic readwrite #\n"
WAIT_S = 20

needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")


@dataclass
class Listener:
    """A connected user and what reached it."""

    client: mqtt.Client
    got: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    lost: threading.Event = field(default_factory=threading.Event)

    def say(self, topic: str) -> None:
        self.client.publish(topic, b"x", qos=1).wait_for_publish(WAIT_S)

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@dataclass
class Server:
    """A mosquitto with the rules of a plan."""

    folder: Path
    authority: Authority
    port: int
    process: subprocess.Popen[bytes]

    def context(self, identity: Identity | None) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=worker_trust(self.authority))
        if identity is not None:
            (self.folder / "client.pem").write_text(identity.certificate + identity.key)
            context.load_cert_chain(self.folder / "client.pem")
        return context

    def join(self, name: str, *, subscribe: str = "#", client_id: str = "") -> Listener:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id or name, protocol=mqtt.MQTTv311)
        client.tls_set_context(self.context(self.authority.client(name)))
        listener, ready = Listener(client), threading.Event()

        def on_message(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
            if message.topic.startswith("test/end/"):
                listener.ended.set()
            else:
                listener.got.append(message.topic)

        client.on_message = on_message
        client.on_subscribe = lambda *_: ready.set()
        client.on_disconnect = lambda *_: listener.lost.set()
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        client.subscribe(subscribe, qos=1)
        assert ready.wait(WAIT_S), f"{name} could not subscribe"
        return listener

    def take(self, rules: str) -> None:
        """Give it other rules, as the kubelet and the reload sidecar would."""
        _write(self.folder, self.authority, rules + OPENING)
        self.process.send_signal(signal.SIGHUP)

    def refuses(self, identity: Identity | None) -> bool:
        """Whether the broker ends the connection of somebody with this identity before it says a word."""
        try:
            with (
                socket.create_connection(("127.0.0.1", self.port), WAIT_S) as plain,
                self.context(identity).wrap_socket(plain, server_hostname="127.0.0.1") as wrapped,
            ):
                wrapped.sendall(bytes.fromhex("101000044d5154540402003c000474657374"))
                return wrapped.recv(4)[:1] != b"\x20"
        except (ssl.SSLError, ConnectionError):
            return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _write(folder: Path, authority: Authority, rules: str) -> None:
    identity = authority.server(("127.0.0.1",))
    files = {"ca.crt": broker_trust(authority), "tls.crt": identity.certificate, "tls.key": identity.key, "acl": rules}
    for name, text in files.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def servers(folder: Path, plan: Plan, broker: str = "") -> Iterator[Callable[..., Server]]:
    """Starts a mosquitto with the configuration and the rules that a pod of this broker would have."""
    processes: list[subprocess.Popen[bytes]] = []

    def _start(rotation: int = 1, rules: str | None = None) -> Server:
        authority = Authority(read_secret(SECRET, stack="test"), plan.federation, rotation)
        port = _free_port()
        _write(folder, authority, (access.access_list(plan, broker) if rules is None else rules) + OPENING)
        text = access.configuration(encrypted=True).replace(access.FOLDER, str(folder))
        text = text.replace(f"listener {access.PORT}", f"listener {port} 127.0.0.1")
        # without a bound, mosquitto 2.0 disconnects who publishes what is denied: right, but not for many in a row
        text = text.replace("max_queued_messages 0", "max_queued_messages 100000")
        user = "user root\n" if os.geteuid() == 0 else ""  # else it would become a user that can't read the files
        (folder / "mosquitto.conf").write_text(user + text)
        log = (folder / "log").open("wb")
        process = subprocess.Popen([str(MOSQUITTO), "-c", str(folder / "mosquitto.conf")], stderr=log)
        log.close()
        processes.append(process)
        deadline = time.monotonic() + WAIT_S
        while not _listens(port):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, "mosquitto does not listen"
            time.sleep(0.02)
        return Server(folder, authority, port, process)

    yield _start
    for process in processes:
        process.terminate()
        process.wait(WAIT_S)
