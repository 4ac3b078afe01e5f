"""A slow way to a broker: what goes over it takes its time, and is counted."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from local.broker import free_port

READ_BYTES = 4096
BUFFER_BYTES = 65536
END_S = 5.0


@dataclass
class Direction:
    """One direction of a link that all connections share.

    Attributes:
        rate: bytes a second.
        moved: bytes so far.
    """

    rate: float
    moved: int = 0
    free_at: float = 0.0

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what comes, as fast as the link allows."""
        try:
            while data := await reader.read(READ_BYTES):
                self.moved += len(data)
                self.free_at = max(self.free_at, time.monotonic()) + len(data) / self.rate
                await asyncio.sleep(max(0.0, self.free_at - time.monotonic()))
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


@dataclass
class SlowLink:
    """A link of so many bytes a second each way.

    Attributes:
        port: where it is entered.
    """

    up: Direction
    down: Direction
    port: int = field(default_factory=free_port)

    async def serve(self, target: int, ready: threading.Event, end: asyncio.Event) -> None:
        """Connect whoever comes with the broker at a port."""

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
            there, back = await asyncio.open_connection("127.0.0.1", target)
            await asyncio.gather(self.up.pump(reader, back), self.down.pump(there, writer))

        async with await asyncio.start_server(accept, "127.0.0.1", self.port, limit=BUFFER_BYTES):
            ready.set()
            await end.wait()


@contextmanager
def slow_link(target: int, rate: float) -> Iterator[SlowLink]:
    """A link to a port of this machine, of so many bytes a second each way."""
    link, ready = SlowLink(Direction(rate), Direction(rate)), threading.Event()
    loop, end = asyncio.new_event_loop(), asyncio.Event()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(link.serve(target, ready, end))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(END_S)
    try:
        yield link
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(END_S)
