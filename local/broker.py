"""The embedded MQTT broker of a local run: rumqttd from the package iotcore, as a child process on 127.0.0.1.

rumqttd keeps what is published in a log for each subscription's filter, and drops the oldest segments in silence, read
or not. Its own bounds are 1 GB a log, which looks like a leak. Here each log holds just what workers may have under
way, and one segment more.
"""

import contextlib
import logging
import socket
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from local.processes import Child, Command
from tag.limits import CHUNK_BYTES, FIRST_WINDOW_BYTES, MAX_PACKET_BYTES, WINDOW_CHUNKS
from worker.errors import WorkerError

HOST = "127.0.0.1"
START_S = 10.0
ATTEMPTS = 5
_MARGIN_BYTES = 64 * 1024
_MAX_CONNECTIONS = 10_000
_SLOTS = 2
"""Updates beyond the first window that may be under way at once."""


class Broker(Protocol):
    """A broker that runs while it is entered."""

    @property
    def url(self) -> str:
        """Its address, as `mqtt://127.0.0.1:1883`."""
        ...  # pyright wants a body

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        ...  # likewise


class Log(NamedTuple):
    """The bound of a filter's log.

    Attributes:
        segment: bytes of a segment; the last message may exceed it.
        segments: how many are kept, the one that is written included.
    """

    segment: int
    segments: int

    @property
    def least(self) -> int:
        """Bytes that are kept at any time."""
        return self.segment * (self.segments - 1)

    @staticmethod
    def holding(size: int, segment: int) -> "Log":
        """The smallest log of such segments that keeps `size` bytes at any time."""
        return Log(segment, -(-size // segment) + 1)


def logs(trainers: int) -> dict[str, Log]:
    """The bounds by filter; what no filter names has the bound of `""`.

    Small messages have small logs: each holds on to the whole buffer that it came in, next to a chunk or two. With 512
    KiB for events, thirty uploads took 415 MB; with 64 KiB, 239 MB.

    Args:
        trainers: of the plan; each may send a chunk before it has a slot, and two with slots a window at a time.
    """
    window = WINDOW_CHUNKS * CHUNK_BYTES
    updates = max(FIRST_WINDOW_BYTES, trainers * CHUNK_BYTES) + _SLOTS * window
    channel = "fedtag/1/+/+/+"
    return {
        f"{channel}/update/#": Log.holding(updates, 2 * 1024 * 1024),
        f"{channel}/model/#": Log.holding(window + 4 * CHUNK_BYTES, 1024 * 1024),
        f"{channel}/part/#": Log.holding(2 * window, 1024 * 1024),
        f"{channel}/checkpoint/#": Log.holding(2 * window, 1024 * 1024),
        f"{channel}/event/#": Log(16 * 1024, 4),
        f"{channel}/state/#": Log(8 * 1024, 3),
        "": Log(64 * 1024, 4),
    }


def config(port: int, trainers: int) -> str:
    """The broker's settings, as rumqttd's TOML."""
    bounds = logs(trainers)
    lines = [
        "id = 0",
        "[router]",
        "id = 0",
        f"max_connections = {_MAX_CONNECTIONS}",
        "max_outgoing_packet_count = 200",
        *_bound(bounds.pop("")),
    ]
    for filter_, log in bounds.items():
        lines += [f'[router.custom_segment."{filter_}"]', *_bound(log)]
    lines += [
        "[v4.1]",
        'name = "v4-1"',
        f'listen = "{HOST}:{port}"',
        "next_connection_delay_ms = 0",
        "[v4.1.connections]",
        "connection_timeout_ms = 60000",
        f"max_payload_size = {MAX_PACKET_BYTES + _MARGIN_BYTES}",
        "max_inflight_count = 65535",
    ]
    return "\n".join(lines) + "\n"


class EmbeddedBroker:
    """The broker's process; enter it to start it, leave it to stop it.

    Args:
        trainers: of the plan, for the bounds of its logs.
    """

    def __init__(self, trainers: int) -> None:
        self._trainers = trainers
        self._child: Child | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"mqtt://{HOST}:{self._port}"

    @property
    def pid(self) -> int | None:
        """Of its process, if it was started."""
        return self._child.pid if self._child else None

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._child is not None and self._child.poll() is None

    def __enter__(self) -> Self:
        """Start it on a free port, and on another one if somebody was quicker to take that.

        Raises:
            WorkerError: it does not start.
        """
        with tempfile.TemporaryDirectory(prefix="fedtag-broker-") as folder:
            settings, output = Path(folder) / "rumqttd.toml", Path(folder) / "stderr"
            try:
                for _ in range(ATTEMPTS):
                    self._port = free_port()
                    settings.write_text(config(self._port, self._trainers))
                    self._child = Child(Command("broker", "local.broker", (str(settings),), output))
                    if self._is_up():
                        return self
                    self.stop()
            except BaseException:
                self.stop()
                raise
            said = output.read_text(errors="replace").strip().splitlines()
        raise WorkerError(
            f"the embedded broker did not start in {ATTEMPTS} attempts ({said[-1] if said else 'it said nothing'}); "
            "it needs a free TCP port of 127.0.0.1; see what holds them with ss -ltn"
        )

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop it."""
        self.stop()

    def stop(self) -> None:
        """End its process, which keeps nothing."""
        if self._child is not None:
            self._child.stop(0)

    def _is_up(self) -> bool:
        """Wait until it accepts an MQTT connection; False if it ended or does not come up."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self.alive:
            if _answers(self._port):
                return self.alive
            time.sleep(0.01)
        return False


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        port: int = sock.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    """Whether an MQTT broker accepts a connection there."""
    connect = b"\x10\x17\x00\x04MQTT\x04\x02\x00\x05\x00\x0bfedtag-look"
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1) as sock:
        sock.sendall(connect)
        if sock.recv(4)[:1] == b"\x20":
            sock.sendall(b"\xe0\x00")
            return True
    return False


def _bound(log: Log) -> tuple[str, str]:
    return f"max_segment_size = {log.segment}", f"max_segment_count = {log.segments}"


def serve(settings: str) -> None:
    """Run the broker in this process, until it is ended."""
    import iotcore

    # It logs each packet at error level; formatting that would take longer than moving it.
    logging.getLogger("rumqttd").setLevel(logging.CRITICAL + 1)
    iotcore.Broker(config_path=settings).run_forever()


if __name__ == "__main__":
    serve(sys.argv[1])
