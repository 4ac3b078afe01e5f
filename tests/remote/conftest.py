"""What a deployed stack is made of, without a cluster: real workers, a real broker, and their logs as pods' logs."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from local.broker import HOST, EmbeddedBroker
from local.workers import Workers, local_workers, write_commands
from remote.cluster import Broker, Pod
from remote.outputs import Deployed, Place
from remote.session import Session
from report.plain import View
from tag.load import Loaded, load_stack
from tests.local.conftest import Federation
from worker import events as ev
from worker.errors import WorkerError


class SocketStream:
    """A way to a TCP port, as a stream that a forward leads to."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection((HOST, port), timeout=5)

    def fileno(self) -> int:
        return self.sock.fileno()

    def buffered(self) -> bool:
        return False

    def receive(self) -> bytes | None:
        data = self.sock.recv(65536)
        if not data:
            raise EOFError("the broker closed it")
        return data

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def close(self) -> None:
        self.sock.close()


@dataclass
class Ways:
    """Makes ways to a port, and breaks them as a cluster does."""

    port: int
    open: bool = True
    made: list[SocketStream] = field(default_factory=list)

    def dial(self) -> SocketStream:
        if not self.open:
            raise WorkerError("no pod of the broker is ready")
        stream = SocketStream(self.port)
        self.made.append(stream)
        return stream

    def reset(self) -> None:
        """Break every way."""
        for stream in self.made:
            with contextlib.suppress(OSError):
                stream.sock.shutdown(socket.SHUT_RDWR)
        self.made.clear()


class Machines:
    """In a cluster's place: the brokers' ports, and the workers' log files as the logs of pods.

    Attributes:
        ways: to the federation's broker.
        regional: to those that channels name, by name.
    """

    name = "of this test"

    def __init__(self, ways: Ways, logs: Path, workers: list[str], regional: Mapping[str, Ways]) -> None:
        self.ways = ways
        self.regional = regional
        self.logs = logs
        self.lost: set[str] = set()
        self._workers = workers

    def broker(self, namespace: str, service: str) -> Broker:
        return Broker(namespace, {"app.kubernetes.io/component": "broker"}, self.ways.port, service)

    def dial(self, broker: Broker) -> SocketStream:
        return self.regional.get(str(broker.target), self.ways).dial()

    def workers(self, namespace: str, _selector: Mapping[str, str]) -> list[Pod]:
        return [Pod(namespace, name, name, image="fedtag", image_id="x@sha256:12") for name in self._workers]

    def log(self, pod: Pod, *, since: int | None = None, previous: bool = False) -> Iterator[bytes]:
        assert since is None or since >= 0
        assert not previous, "no worker was restarted"
        if pod.name in self.lost:
            raise WorkerError(f"the log of pod {pod.name!r} is gone")
        yield from (self.logs / f"{pod.worker}.log").read_bytes().splitlines(keepends=True)


@dataclass
class Deployment:
    """A federation that trains and then idles, as a deployed one does."""

    loaded: Loaded
    machines: Machines
    workers: Workers

    @property
    def deployed(self) -> Deployed:
        brokers = {name: Place(namespace="here", service=name) for name in self.machines.regional}
        return Deployed(federation=self.loaded.plan.federation, namespace="here", service="broker", brokers=brokers)

    def session(self, deployed: Deployed | None = None) -> Session:
        reach: Callable[[str | None], Any] = lambda _context: self.machines  # noqa: E731  mypy wants its type
        return Session(deployed or self.deployed, self.loaded.plan, self.loaded.stack.kubernetes, reach)


class Seen:
    """A view that keeps what it is given."""

    def __init__(self) -> None:
        self.events: list[ev.Event] = []
        self.lines: list[str] = []
        self.elapsed = -1.0
        self.when: Callable[[ev.Event], None] = lambda _event: None

    def event(self, event: ev.Event) -> None:
        self.events.append(event)
        self.when(event)

    def say(self, line: str) -> None:
        self.lines.append(line)

    def tick(self) -> None:
        pass

    @contextlib.contextmanager
    def opened(self, elapsed: float) -> Iterator[View]:
        self.elapsed = elapsed
        yield self

    def kinds(self) -> list[str]:
        return [event.kind() for event in self.events if not isinstance(event, ev.Progress)]


@pytest.fixture
def deploy(tmp_path: Path) -> Iterator[Callable[..., Deployment]]:
    """Starts a federation of three regions; its processes end with the test."""
    with contextlib.ExitStack() as running:

        def start(**settings: Any) -> Deployment:
            loaded = load_stack(Federation(tmp_path).data().write(**settings).stack)
            brokers = {b.name: running.enter_context(EmbeddedBroker(b.workers)) for b in loaded.plan.brokers}
            urls = {name: broker.url for name, broker in brokers.items()}
            ways = {name: Ways(int(url.rpartition(":")[2])) for name, url in urls.items()}
            logs = tmp_path / "podlogs"
            logs.mkdir()
            members = local_workers(loaded.plan, replicas=False)
            commands = write_commands(members, loaded.plan, brokers=urls, scratch=tmp_path, logs=logs)
            workers = Workers(
                [replace(c, arguments=(*c.arguments, "--log-level", "debug")) for c in commands], say=lambda _line: None
            )
            workers.start()
            running.callback(workers.kill)
            machines = Machines(ways.pop(""), logs, [m.spec.worker for m in members], ways)
            return Deployment(loaded, machines, workers)

        yield start


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that sends back what it gets."""
    with socket.create_server((HOST, 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    threading.Thread(target=_echo, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)


def _echo(connection: socket.socket) -> None:
    with connection, contextlib.suppress(OSError):
        while data := connection.recv(65536):
            connection.sendall(data)
