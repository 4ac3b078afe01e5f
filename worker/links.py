"""Several connections in one loop: what comes out of any of them, and one place to wait for it."""

import contextlib
import queue
import select
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any, Protocol

MISC_S = 1.0
"""Seconds after which the client library looks at its keepalive."""


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


class Connection(Protocol):
    """A connection, as the loop moves it."""

    @property
    def wants_write(self) -> bool:
        """Whether bytes wait to be sent."""
        ...  # pyright wants a body

    def dialled(self) -> Any:
        """The socket, once there is one; without one it is dialled."""
        ...

    def move(self, *, reads: bool, writes: bool) -> None:
        """Read and write what can be."""
        ...


class Links:
    """What several connections have in common: one queue of what comes, and one place to wait for it."""

    def __init__(self) -> None:
        self._items: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._all: list[Connection] = []
        self._woken, self._waker = socket.socketpair()
        for end in (self._woken, self._waker):
            end.setblocking(False)

    def join(self, link: Connection) -> None:
        """Take in a connection."""
        self._all.append(link)

    def leave(self, link: Connection) -> None:
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
