"""Models and updates as bytes: safetensors files, by which they travel, are hashed and are kept.

Format: https://huggingface.co/docs/safetensors (8-byte little-endian header length, JSON header, raw tensors). The
SHA-256 of a model is that of its file, so `sha256sum model.safetensors` shows it. No pickle anywhere.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Weights = dict[str, NDArray[Any]]
"""Tensors by name, in the model's order."""

_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip
_NAMES = {np.dtype(text).str: name for name, text in _DTYPES.items()}
MAX_HEADER_BYTES = 4 * 1024 * 1024
_LENGTH_BYTES = 8


class TensorError(ValueError):
    """Bytes that are no safetensors file of ours, or weights that can't be one."""


@dataclass(frozen=True)
class Tensor:
    """One tensor's place in a file.

    Attributes:
        name: unique in the file.
        dtype: safetensors' name, such as F32.
        shape: its dimensions.
        start: offset of its first byte in the file.
        end: offset past its last byte.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int

    @property
    def floating(self) -> bool:
        """Whether it is summed; integer tensors must be equal in all updates."""
        return self.dtype.startswith("F")

    def view(self, data: memoryview | bytes | bytearray) -> NDArray[Any]:
        """Its values in the bytes of a file of the same table, without a copy."""
        flat = np.frombuffer(data, _DTYPES[self.dtype], count=math.prod(self.shape), offset=self.start)
        return flat.reshape(self.shape)


@dataclass(frozen=True)
class Table:
    """The tensors of a file, in the file's order.

    Attributes:
        header: the first bytes of the file, up to the first tensor.
        tensors: in order of their offsets, without gaps.
    """

    header: bytes
    tensors: tuple[Tensor, ...]

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return self.tensors[-1].end if self.tensors else len(self.header)

    @property
    def parameters(self) -> int:
        """Number of values in floating tensors."""
        return sum(math.prod(t.shape) for t in self.tensors if t.floating)

    @property
    def digest(self) -> str:
        """SHA-256 of names, shapes and dtypes: equal for models of one structure."""
        return hashlib.sha256(self.header).hexdigest()

    @property
    def sums(self) -> "Table":
        """The table of this model's 64-bit sums: I64 where the model has floating tensors."""
        return _laid_out((t.name, "I64" if t.floating else t.dtype, t.shape) for t in self.tensors)

    def difference(self, other: "Table") -> str:
        """The first tensor in which two tables differ, as a phrase; empty if they are equal."""
        for mine, theirs in zip(self.tensors, other.tensors, strict=False):
            if (mine.name, mine.dtype, mine.shape) != (theirs.name, theirs.dtype, theirs.shape):
                return (
                    f"tensor {theirs.name!r} {theirs.dtype}{list(theirs.shape)} "
                    f"where {mine.name!r} {mine.dtype}{list(mine.shape)} belongs"
                )
        if len(self.tensors) != len(other.tensors):
            return f"{len(other.tensors)} tensors where {len(self.tensors)} belong"
        return ""


def table_of(weights: Mapping[str, NDArray[Any]]) -> Table:
    """The table of a file with these tensors, in this order.

    Raises:
        TensorError: a tensor's type has no safetensors name.
    """
    entries: list[tuple[str, str, tuple[int, ...]]] = []
    for name, array in weights.items():
        dtype = _NAMES.get(array.dtype.newbyteorder("<").str)
        if dtype is None:
            known = ", ".join(sorted(_NAMES))
            raise TensorError(f"tensor {name!r} has type {array.dtype}; a model's tensors are one of {known}")
        entries.append((name, dtype, array.shape))
    return _laid_out(entries)


def _laid_out(tensors: Iterable[tuple[str, str, tuple[int, ...]]]) -> Table:
    """The table of a file with tensors of these names, types and shapes, one after the other."""
    entries: dict[str, dict[str, Any]] = {}
    offset = 0
    for name, dtype, shape in tensors:
        size = np.dtype(_DTYPES[dtype]).itemsize * math.prod(shape)
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return read_table(len(text).to_bytes(_LENGTH_BYTES, "little") + text, file_size=_LENGTH_BYTES + len(text) + offset)


def pack(weights: Mapping[str, NDArray[Any]]) -> bytearray:
    """The safetensors file with these tensors."""
    table = table_of(weights)
    data = bytearray(table.size)
    data[: len(table.header)] = table.header
    for tensor in table.tensors:
        place = np.frombuffer(data, _DTYPES[tensor.dtype], count=math.prod(tensor.shape), offset=tensor.start)
        place[:] = weights[tensor.name].reshape(-1)
    return data


def unpack(data: bytes | bytearray | memoryview) -> Weights:
    """The tensors of a file, as views of its bytes.

    Raises:
        TensorError: as `read_table`.
    """
    return {t.name: t.view(data) for t in read_table(data).tensors}


def difference(new: Weights, old: Weights) -> Weights:
    """What was added to floating tensors, in their own type; integer tensors are those of `new`."""
    return {name: array - old[name] if array.dtype.kind == "f" else array for name, array in new.items()}


def read_table(data: bytes | bytearray | memoryview, *, file_size: int | None = None) -> Table:
    """The table of a file, whose bytes (or at least its header's) are given.

    Args:
        data: the file, or its beginning.
        file_size: bytes of the whole file; by default those of `data`.

    Raises:
        TensorError: no or a broken header, unknown types, tensors that overlap, leave gaps or miss the file's end.
    """
    size = len(data) if file_size is None else file_size
    length = int.from_bytes(data[:_LENGTH_BYTES], "little")
    if len(data) < _LENGTH_BYTES or length > min(MAX_HEADER_BYTES, size - _LENGTH_BYTES):
        raise TensorError(f"the header's length {length} does not fit a file of {size} bytes")
    base = _LENGTH_BYTES + length
    try:
        entries = json.loads(bytes(data[_LENGTH_BYTES:base]))
        tensors = tuple(sorted(_tensors(entries, base=base), key=lambda t: (t.start, t.end)))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise TensorError(f"the header is no table of tensors: {error}") from error
    at = base
    for tensor in tensors:
        if tensor.start != at:
            raise TensorError(f"tensor {tensor.name!r} begins at byte {tensor.start}; the one before it ends at {at}")
        at = tensor.end
    if at != size:
        raise TensorError(f"the tensors end at byte {at} of a file of {size} bytes")
    return Table(bytes(data[:base]), tensors)


def _tensors(entries: dict[str, Any], *, base: int) -> Iterator[Tensor]:
    """The tensors of a header's JSON; raises ValueError and its like for what is no tensor."""
    for name, entry in entries.items():
        if name == "__metadata__":
            continue
        shape = tuple(int(n) for n in entry["shape"])
        start, end = (int(n) for n in entry["data_offsets"])
        width = np.dtype(_DTYPES[entry["dtype"]]).itemsize
        if any(n < 0 for n in shape) or end - start != width * math.prod(shape) or start < 0:
            raise ValueError(f"tensor {name!r} of shape {list(shape)} does not fill bytes {start} to {end}")
        yield Tensor(name, entry["dtype"], shape, base + start, base + end)


def digest(*parts: bytes | bytearray | memoryview) -> str:
    """The SHA-256 of a file's bytes, which may come in parts, in hex."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.hexdigest()
