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

BLOCK = 1 << 14
"""Values that are worked on at a time."""
SCALE = float(1 << FRACTION_BITS)


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


def sums_fault(
    data: memoryview | bytes | bytearray, like: Table, *, samples: int, share: int, trainers: int
) -> tuple[str, str] | None:
    """Why a partial sum can't be added, as `fault` says it; None if it can be.

    Args:
        data: a file of 64-bit sums.
        like: the table of the model whose updates were summed.
        samples: their weight.
        share: trainers whose updates are in it.
        trainers: how many may take part in the round.
    """
    try:
        table = read_table(data)
    except TensorError as error:
        return "malformed", str(error)
    sums = like.sums
    if table.header != sums.header:
        return "wrong_shape", sums.difference(table) or "the file's header is another than that of the model's sums"
    if samples < 1:
        return "zero_samples", f"{samples} samples; a partial sum has at least 1"
    bound = (share << RANGE_BITS + FRACTION_BITS) // trainers + share  # each update was rounded
    for tensor, model in zip(table.tensors, like.tensors, strict=True):
        if model.floating and (values := tensor.view(data)).size:
            largest = max(int(values.max()), -int(values.min()))
            if largest > bound:
                return "out_of_range", f"tensor {tensor.name!r} has |sum| {largest:g}; its share allows {bound:g}"
    return None


def quantise(values: NDArray[Any], factor: float, reals: NDArray[np.float64], into: NDArray[np.int64]) -> None:
    """Write rint(float64(value) · factor) of at most `BLOCK` values; `reals` is scratch of as many."""
    np.multiply(values, factor, out=reals, dtype=np.float64)
    np.rint(reals, out=reals)
    np.copyto(into, reals, casting="unsafe")


class Sum:
    """A running weighted sum of updates that all have one table; 8 bytes a parameter.

    Attributes:
        file: the sum so far as a safetensors file, as it is passed on.
        samples: total weight so far.
    """

    def __init__(self, table: Table) -> None:
        self._pairs = tuple(zip(table.tensors, table.sums.tensors, strict=True))
        self.file = bytearray(table.sums.size)
        self.file[: len(table.sums.header)] = table.sums.header
        self._reals = np.empty(BLOCK, np.float64)
        self._quanta = np.empty(BLOCK, np.int64)
        self._has_integers = False
        self.samples = 0

    def clear(self) -> None:
        """Begin a new sum, in the same memory."""
        for _, total in self._totals():
            total[:] = 0
        self._has_integers = False
        self.samples = 0

    def conflict(self, data: memoryview | bytes | bytearray, *, partial: bool = False) -> str:
        """The first integer tensor in which an update, or a partial sum, differs from those before; empty if none."""
        for model, mine in self._pairs if self._has_integers else ():
            theirs = mine if partial else model
            if not model.floating and not np.array_equal(theirs.view(data), mine.view(self.file)):
                return f"integer tensor {model.name!r} differs from the other updates'"
        return ""

    def add(self, data: memoryview | bytes | bytearray, samples: int) -> None:
        """Add an update for which `fault` and `conflict` found nothing."""
        factor = samples * SCALE
        for tensor, total in self._totals():
            values = tensor.view(data).reshape(-1)
            for at in range(0, values.size, BLOCK):
                block, part = values[at : at + BLOCK], total[at : at + BLOCK]
                reals, quanta = self._reals[: block.size], self._quanta[: block.size]
                quantise(block, factor, reals, quanta)
                np.add(part, quanta, out=part)
        self._take_integers(data, partial=False)
        self.samples += samples

    def add_sums(self, data: memoryview | bytes | bytearray, samples: int, share: float = 1.0) -> None:
        """Add a partial sum for which `sums_fault` and `conflict` found nothing.

        Args:
            data: a file of 64-bit sums.
            samples: their weight.
            share: by what they are multiplied, at most 1; each is rounded, so the order of arrival changes nothing.
        """
        for model, mine in self._pairs:
            if model.floating:
                total, sums = mine.view(self.file), mine.view(data)
                np.add(total, sums if share == 1.0 else np.rint(sums * share).astype(np.int64), out=total)
        self._take_integers(data, partial=True)
        self.samples += samples

    def mean(self, into: bytearray) -> None:
        """Write the weighted mean as a safetensors file over the bytes of a model of the same table."""
        for values, mean in self.means(into):
            values[...] = mean
        self.copy_integers(into)

    def means(self, model: bytearray) -> Iterator[tuple[NDArray[Any], NDArray[np.float64]]]:
        """The floating values of a model of the same table, in blocks, each with its mean until the next one."""
        factor = self.samples * SCALE
        for tensor, total in self._totals():
            values = tensor.view(memoryview(model)).reshape(-1)
            for at in range(0, values.size, BLOCK):
                part = total[at : at + BLOCK]
                yield values[at : at + BLOCK], np.divide(part, factor, out=self._reals[: part.size])

    def copy_integers(self, into: bytearray) -> None:
        """Write the integer tensors, which all updates have alike, into a model of the same table."""
        for model, mine in self._pairs:
            if not model.floating:
                model.view(memoryview(into))[...] = mine.view(self.file)

    def shift(self, model: bytearray, scale: float) -> None:
        """Add the sum of differences, times `scale`, to the bytes of the model from which they differ.

        Args:
            model: a safetensors file of the same table; its integer tensors become those of the sum.
            scale: of one unit of weight; what is added is rounded once, to the model's type.
        """
        factor = scale / SCALE
        for tensor, total in self._totals():
            values = tensor.view(memoryview(model)).reshape(-1)
            for at in range(0, values.size, BLOCK):
                part, block = total[at : at + BLOCK], values[at : at + BLOCK]
                step = np.multiply(part, factor, out=self._reals[: part.size])
                block[...] = np.add(step, block, out=step)
        self.copy_integers(model)

    def _take_integers(self, data: memoryview | bytes | bytearray, *, partial: bool) -> None:
        if self._has_integers:
            return
        for model, mine in self._pairs:
            if not model.floating:
                mine.view(self.file)[...] = (mine if partial else model).view(data)
        self._has_integers = True

    def _totals(self) -> Iterator[tuple[Tensor, NDArray[np.int64]]]:
        """Each floating tensor of the model with its part of the sum, flat."""
        for model, mine in self._pairs:
            if model.floating:
                yield model, mine.view(self.file).reshape(-1)
