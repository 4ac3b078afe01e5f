"""Transfers: a model or an update as chunk messages, each checked, in any order, any number of times.

A message is `FTC1`, the first 16 bytes of the transfer's SHA-256, the chunk's index, the manifest's length, a CRC-32C
of what follows; then the manifest (JSON, in chunk 0 only) and up to 256 KiB of the file's bytes. Little-endian.
"""

import struct
from dataclasses import dataclass

import google_crc32c
import numpy as np

from tag.limits import CHUNK_BYTES, MAX_PACKET_BYTES

_HEAD = struct.Struct("<4s16sIII")
_MAGIC = b"FTC1"
MAX_MANIFEST_BYTES = MAX_PACKET_BYTES - CHUNK_BYTES - 4096


class WireError(ValueError):
    """A message that is no chunk, or is damaged."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One part of a transfer.

    Attributes:
        key: first 16 bytes of the SHA-256 of the whole.
        index: from 0.
        manifest: JSON text in chunk 0; empty in all others.
        data: the file's bytes from index · CHUNK_BYTES on.
    """

    key: bytes
    index: int
    manifest: bytes
    data: memoryview


def chunk_count(size: int) -> int:
    """Chunks of a file of `size` bytes; at least one."""
    return max(1, -(-size // CHUNK_BYTES))


def chunk_length(size: int, index: int) -> int:
    """Bytes in chunk `index` of a file of `size` bytes."""
    return min(CHUNK_BYTES, size - index * CHUNK_BYTES)


def key_of(digest: str) -> bytes:
    """The key that chunks of the file with this SHA-256 carry."""
    return bytes.fromhex(digest)[:16]


class Joined:
    """Two files one after the other, as one without a copy.

    Args:
        first: its bytes.
        second: likewise; they follow the first one's.
    """

    def __init__(self, first: memoryview, second: memoryview) -> None:
        self._first, self._second = first, second

    def __getitem__(self, part: slice) -> bytes | memoryview:
        """The bytes of a range."""
        edge = len(self._first)
        start, stop, _ = part.indices(edge + len(self._second))
        if stop <= edge:
            return self._first[start:stop]
        if start >= edge:
            return self._second[start - edge : stop - edge]
        return b"".join((self._first[start:], self._second[: stop - edge]))


def encode(file: memoryview | Joined, digest: str, index: int, manifest: bytes) -> bytes:
    """The message with chunk `index` of a file; `manifest` goes into chunk 0 only."""
    head = manifest if index == 0 else b""
    return seal(file[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES], digest, index, head)


def seal(data: memoryview | bytes, digest: str, index: int, head: bytes = b"") -> bytes:
    """The message with these bytes as chunk `index` of what `digest` names, and a manifest, if one belongs there."""
    body = b"".join((head, data))
    return _HEAD.pack(_MAGIC, key_of(digest), index, len(head), google_crc32c.value(body)) + body


def decode(payload: bytes) -> Chunk:
    """The chunk in a message.

    Raises:
        WireError: not a chunk, truncated, or the CRC-32C does not fit.
    """
    if len(payload) < _HEAD.size or payload[:4] != _MAGIC:
        raise WireError("no chunk: its first bytes are not FTC1")
    _, key, index, length, crc = _HEAD.unpack_from(payload)
    if length > len(payload) - _HEAD.size or len(payload) > MAX_PACKET_BYTES:
        raise WireError(f"a manifest of {length} bytes in a message of {len(payload)}")
    body = memoryview(payload)[_HEAD.size :]
    if google_crc32c.value(payload[_HEAD.size :]) != crc:
        raise WireError(f"chunk {index} is damaged: its CRC-32C does not fit")
    return Chunk(key, index, bytes(body[:length]), body[length:])


class Received:
    """Which chunks of a transfer are here.

    Attributes:
        size: bytes of the whole.
        count: its chunks.
        confirmed: chunks from 0 on without a gap.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.count = chunk_count(size)
        self.confirmed = 0
        self._have = np.zeros(self.count, np.bool_)

    @property
    def whole(self) -> bool:
        """Whether all chunks are here."""
        return self.confirmed == self.count

    def accepts(self, chunk: Chunk) -> bool:
        """Whether a chunk is one of this transfer and new.

        Raises:
            WireError: its index or length is none of this transfer's.
        """
        if chunk.index >= self.count or len(chunk.data) != chunk_length(self.size, chunk.index):
            raise WireError(f"chunk {chunk.index} of {len(chunk.data)} bytes in a transfer of {self.size} bytes")
        return not self._have[chunk.index]

    def mark(self, index: int) -> None:
        """Note that a chunk is here."""
        self._have[index] = True
        while self.confirmed < self.count and self._have[self.confirmed]:
            self.confirmed += 1
