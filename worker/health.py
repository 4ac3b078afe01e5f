"""Liveness, readiness and metrics over HTTP, for whoever watches the process."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol


class Watched(Protocol):
    """What is watched: when it last went on, and its numbers; `connected` among them means ready."""

    alive_at: float

    def metrics(self) -> dict[str, float]:
        """Numbers by name."""
        ...


def serve(watched: Watched, *, port: int, host: str, labels: dict[str, str], patience: float = 300.0) -> int:
    """Serve /healthz, /readyz and /metrics from a daemon thread.

    Args:
        watched: the role's program.
        port: TCP port; 0 takes a free one.
        host: address to listen on.
        labels: of each metric.
        patience: seconds without a batch or a turn of the loop after which it counts as stuck.

    Returns:
        The port.
    """
    text = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))

    class Handler(BaseHTTPRequestHandler):
        """Answers of one process."""

        def do_GET(self) -> None:
            """Answer."""
            numbers = watched.metrics()
            if self.path == "/healthz":
                quiet = time.monotonic() - watched.alive_at
                self._answer(200 if quiet < patience else 503, f"last sign of life {quiet:.1f} s ago\n")
            elif self.path == "/readyz":
                ready = bool(numbers["connected"])
                self._answer(200 if ready else 503, "connected\n" if ready else "not connected to the broker\n")
            elif self.path == "/metrics":
                lines = (f"fedtag_{name}{{{text}}} {float(value):g}\n" for name, value in sorted(numbers.items()))
                self._answer(200, "".join(lines))
            else:
                self._answer(404, "there are /healthz, /readyz and /metrics\n")

        def _answer(self, status: int, body: str) -> None:
            data = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Probes are not logged."""

    server = ThreadingHTTPServer((host, port), Handler)
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return int(server.server_address[1])
