"""Staged transfers: kept until whole, in memory up to a bound that all share, beyond it in unlinked files."""

import hashlib
import mmap
import os
import tempfile
from dataclasses import dataclass, field

from tag.limits import CHUNK_BYTES
from worker.wire import Chunk, Received


class Budget:
    """Memory that the transfers of one receiver share.

    Args:
        limit: bytes.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0

    def take(self, size: int) -> bool:
        """Whether `size` bytes may be held in memory; if so, they count until given back."""
        if self.used + size > self.limit:
            return False
        self.used += size
        return True

    def give(self, size: int) -> None:
        """Give back bytes that were taken."""
        self.used -= size


@dataclass
class Staged:
    """A transfer that is coming in.

    Attributes:
        digest: SHA-256 of the whole, as its manifest says.
        received: which chunks are here.
        budget: memory bound; None holds it in memory whatever its size.
    """

    digest: str
    received: Received
    budget: Budget | None = None
    _memory: bytearray | None = field(default=None, init=False)
    _file: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Take memory, or an unlinked file."""
        if self.budget is None or self.budget.take(self.received.size):
            self._memory = bytearray(self.received.size)
        else:
            self._file, name = tempfile.mkstemp(prefix="fedtag-")
            os.unlink(name)  # noqa: PTH108 - mkstemp gives a descriptor and a name
            os.ftruncate(self._file, self.received.size)

    def put(self, chunk: Chunk) -> bool:
        """Keep a chunk; whether it was new.

        Raises:
            WireError: it is none of this transfer's.
        """
        if not self.received.accepts(chunk):
            return False
        at = chunk.index * CHUNK_BYTES
        if self._memory is not None:
            self._memory[at : at + len(chunk.data)] = chunk.data
        elif self._file is not None:
            os.pwrite(self._file, chunk.data, at)
        self.received.mark(chunk.index)
        return True

    def bytes(self) -> memoryview:
        """The whole transfer's bytes; of a file, a map of it."""
        if self._memory is not None:
            return memoryview(self._memory)
        if self._file is None:
            raise ValueError("the transfer was released")
        return memoryview(mmap.mmap(self._file, self.received.size, prot=mmap.PROT_READ))

    def take(self) -> bytearray:
        """The whole transfer's bytes, now the caller's."""
        data = self._memory if self._memory is not None else bytearray(self.bytes())
        self.release()
        return data

    def intact(self) -> bool:
        """Whether the whole has the SHA-256 that its manifest says."""
        return hashlib.sha256(self.bytes()).hexdigest() == self.digest

    def release(self) -> None:
        """Give the memory or file back."""
        if self._memory is not None and self.budget is not None:
            self.budget.give(self.received.size)
        self._memory = None
        if self._file is not None:
            os.close(self._file)
            self._file = None
