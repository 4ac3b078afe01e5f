"""Exact weighted sums: 64-bit fixed point, so that no order of arrival and no shape of a tree changes a bit.

q = rint(float64(w) · samples · 2^24), added modulo 2^64. An update is in range if samples × max|w| ≤ 2^38 / trainers;
then the sum stays below 2^62, so it is exact, and masks of secure aggregation cancel in it.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tag.limits import FRACTION_BITS, RANGE_BITS
from worker.tensors import Table, Tensor, TensorError, read_table

_BLOCK = 1 << 14
_SCALE = float(1 << FRACTION_BITS)


def fault(data: memoryview | bytes | bytearray, like: Table, *, samples: int, trainers: int) -> tuple[str, str] | None:
    """Why an update can't be added: a reason word and a sentence that names the tensor; None if it can be.

    Args:
        data: a safetensors file.
        like: the table of the model that it must match.
        samples: its weight.
        trainers: how many may take part in the round.
    """
    try:
        table = read_table(data)
    except TensorError as error:
        return "malformed", str(error)
    if table.header != like.header and (difference := like.difference(table)):
        return "wrong_shape", difference
    if samples < 1:
        return "zero_samples", f"{samples} samples; an update has at least 1"
    bound = float(1 << RANGE_BITS) / trainers / samples
    for tensor in table.tensors:
        if not tensor.floating or not (values := tensor.view(data)).size:
            continue
        largest = max(float(values.max()), -float(values.min()))
        if not np.isfinite(largest):
            return "not_finite", f"tensor {tensor.name!r} has a value that is not finite"
        if largest > bound:
            return "out_of_range", f"tensor {tensor.name!r} has |value| {largest:g}; the sum allows {bound:g}"
    return None


class Sum:
    """A running weighted sum of updates that all have one table; 8 bytes a parameter.

    Attributes:
        samples: total weight so far.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._total = np.zeros(table.parameters, np.int64)
        self._reals = np.empty(_BLOCK, np.float64)
        self._quanta = np.empty(_BLOCK, np.int64)
        self._integers: dict[str, NDArray[Any]] = {}
        self.samples = 0

    def clear(self) -> None:
        """Begin a new sum, in the same memory."""
        self._total[:] = 0
        self._integers.clear()
        self.samples = 0

    def conflict(self, data: memoryview | bytes | bytearray) -> str:
        """The first integer tensor in which an update differs from those before; empty if none does."""
        for tensor in self._table.tensors:
            if tensor.name in self._integers and not np.array_equal(tensor.view(data), self._integers[tensor.name]):
                return f"integer tensor {tensor.name!r} differs from the other updates'"
        return ""

    def add(self, data: memoryview | bytes | bytearray, samples: int) -> None:
        """Add an update for which `fault` and `conflict` found nothing."""
        factor = samples * _SCALE
        for tensor, total in self._parts():
            values = tensor.view(data).reshape(-1)
            for at in range(0, values.size, _BLOCK):
                block, part = values[at : at + _BLOCK], total[at : at + _BLOCK]
                reals, quanta = self._reals[: block.size], self._quanta[: block.size]
                np.multiply(block, factor, out=reals, dtype=np.float64)
                np.rint(reals, out=reals)
                np.copyto(quanta, reals, casting="unsafe")
                np.add(part, quanta, out=part)
        for tensor in self._table.tensors:
            if not tensor.floating and tensor.name not in self._integers:
                self._integers[tensor.name] = tensor.view(data).copy()
        self.samples += samples

    def mean(self, into: bytearray) -> None:
        """Write the weighted mean as a safetensors file over the bytes of a model of the same table."""
        factor = self.samples * _SCALE
        for tensor, total in self._parts():
            values = tensor.view(memoryview(into)).reshape(-1)
            for at in range(0, values.size, _BLOCK):
                part = total[at : at + _BLOCK]
                values[at : at + _BLOCK] = np.divide(part, factor, out=self._reals[: part.size])
        for tensor in self._table.tensors:
            if not tensor.floating:
                tensor.view(memoryview(into))[...] = self._integers[tensor.name]

    def _parts(self) -> Iterator[tuple[Tensor, NDArray[np.int64]]]:
        """Each floating tensor with its part of the total."""
        at = 0
        for tensor in self._table.tensors:
            if tensor.floating:
                size = int(np.prod(tensor.shape, dtype=np.int64))
                yield tensor, self._total[at : at + size]
                at += size
