"""A port of this machine that leads to the broker, whatever becomes of the connections behind it.

Each connection to the port is led through a way of its own, which is found anew: when a way breaks, its connection is
closed, whoever was connected connects again, as MQTT clients do, and gets to the pod that is the broker then.
"""

import contextlib
import functools
import selectors
import socket
import threading
from collections.abc import Callable
from typing import Self

from remote.tunnel import Stream
from worker.errors import WorkerError

HOST = "127.0.0.1"
_READ = 64 * 1024
_LOOK_S = 0.5
_STUCK_S = 30.0
_BACKLOG = 8


class Forward:
    """The port, while entered.

    Args:
        dial: makes a new way to the broker; raises WorkerError or OSError if there is none now.

    Attributes:
        port: of 127.0.0.1.
        opened: ways that were made so far.
        trouble: why the last way could not be made, or has ended; empty while one is open.
    """

    def __init__(self, dial: Callable[[], Stream]) -> None:
        self._dial = dial
        self._listener: socket.socket | None = None
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []
        self.port = 0
        self.opened = 0
        self.trouble = ""

    def __enter__(self) -> Self:
        """Listen."""
        self._listener = socket.create_server((HOST, 0), backlog=_BACKLOG)
        self._listener.settimeout(_LOOK_S)
        self.port = self._listener.getsockname()[1]
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        """Close the port and every connection."""
        self._closing.set()
        if self._listener is not None:
            self._listener.close()
        for thread in self._threads:
            thread.join(2 * _LOOK_S)

    def _start(self, run: Callable[[], None]) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(target=run, name="forward", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        listener = self._listener
        while listener is not None and not self._closing.is_set():
            try:
                near, _ = listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            self._start(functools.partial(self._lead, near))

    def _lead(self, near: socket.socket) -> None:
        """Lead one connection to the broker, until either side ends."""
        with near:
            try:
                far = self._dial()
            except (WorkerError, OSError) as error:
                self.trouble = str(error)
                return
            self.opened += 1
            self.trouble = ""
            try:
                near.settimeout(_STUCK_S)
                self._pump(near, far)
            except (OSError, EOFError) as error:
                self.trouble = f"the connection to the broker's pod ended ({str(error) or type(error).__name__})"
            finally:
                with contextlib.suppress(OSError):
                    far.close()

    def _pump(self, near: socket.socket, far: Stream) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(near, selectors.EVENT_READ)
            selector.register(far.fileno(), selectors.EVENT_READ)
            while not self._closing.is_set():
                ready = {key.fileobj for key, _ in selector.select(0 if far.buffered() else _LOOK_S)}
                if near in ready:
                    data = near.recv(_READ)
                    if not data:
                        return
                    far.send(data)
                if (far.buffered() or far.fileno() in ready) and (data := far.receive() or b""):
                    near.sendall(data)
