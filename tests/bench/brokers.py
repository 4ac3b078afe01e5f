"""The brokers that benchmarks run on: the embedded one as it is, and mosquitto, both as processes of their own."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.broker import EmbeddedBroker, free_port

HOST = "127.0.0.1"
LISTENS_S = 20.0
NAMES = ("embedded", "mosquitto")


@contextmanager
def running(name: str, trainers: int) -> Iterator[str]:
    """A broker's address, while it runs."""
    if name == "embedded":
        with EmbeddedBroker(trainers) as broker:
            yield broker.url
        return
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise SystemExit("mosquitto is not installed")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="fedtag-bench-") as folder:
        file = Path(folder) / "mosquitto.conf"
        lines = (f"listener {port} {HOST}", "allow_anonymous true", "max_queued_messages 0", "max_inflight_messages 0")
        file.write_text("\n".join((*lines, "user root\n")))
        process = subprocess.Popen([program, "-c", str(file)], stderr=subprocess.DEVNULL)
        try:
            _await(port)
            yield f"mqtt://{HOST}:{port}"
        finally:
            process.terminate()
            process.wait(LISTENS_S)


def _await(port: int) -> None:
    end = time.monotonic() + LISTENS_S
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.02)
    raise SystemExit(f"the broker does not listen on port {port}")
