"""A member's bytes of a ring's sum: the quantised update, which stays as it is, and the sum that goes around.

The values are those of the floating tensors, one after another in the file's order, as the exact sums of `worker.sums`.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from worker.protocol.ring_legs import Legs, Span
from worker.sums import BLOCK, SCALE, quantise
from worker.tensors import Table, digest, read_table


class RingSum:
    """One member's sum in one attempt; 8 bytes a parameter, besides the update and the model that it was trained from.

    Args:
        update: the member's update, a safetensors file; it is only read.
        samples: its weight.
        base: the model that was trained, likewise; the result has its header.
        last: a sum that is not needed any more, whose memory is taken over if it is of the same size.

    Attributes:
        total: the values, so far.
    """

    def __init__(
        self, update: bytes | bytearray, samples: int, base: bytes | bytearray, last: "RingSum | None" = None
    ) -> None:
        self._update = update
        self._base = base
        self._table = read_table(base)
        self._factor = samples * SCALE
        values = self._table.parameters
        taken = last is not None and last.total.size == values
        self.total: NDArray[np.int64] = last.total if last is not None and taken else np.empty(values, np.int64)
        self._reals = np.empty(BLOCK, np.float64)

    def begin(self, legs: Legs) -> None:
        """Prepare for an attempt; a member that is alone has its whole sum at once."""
        if not legs.coming:
            self._own(0, self.total.size, self.total)

    def take(self, span: Span, data: memoryview) -> None:
        """Take values that came, with the member's own added where they belong in."""
        place = self.total[span.start : span.stop]
        came = np.frombuffer(data, np.int64)
        if not span.own:
            place[:] = came
            return
        self._own(span.start, span.stop, place)
        np.add(place, came, out=place)

    def give(self, span: Span) -> memoryview:
        """The bytes of values that go out."""
        if span.own:
            values = np.empty(span.stop - span.start, np.int64)
            self._own(span.start, span.stop, values)
        else:
            values = self.total[span.start : span.stop]
        return values.view(np.uint8).data

    def mean(self, samples: int) -> bytearray:
        """The model of the whole sum, whose updates weigh `samples` together."""
        model, factor = bytearray(self._base), samples * SCALE
        for tensor in self._table.tensors:
            if not tensor.floating:
                model[tensor.start : tensor.end] = self._update[tensor.start : tensor.end]
        for at, values in _floats(self._table, model):
            for start in range(0, values.size, BLOCK):
                part = self.total[at + start : at + min(values.size, start + BLOCK)]
                values[start : start + BLOCK] = np.divide(part, factor, out=self._reals[: part.size])
        return model

    def sums(self) -> bytearray:
        """The whole sum as a file, as it is passed on."""
        table = self._table.sums
        file = bytearray(table.size)
        file[: len(table.header)] = table.header
        at = 0
        for model, mine in zip(self._table.tensors, table.tensors, strict=True):
            values = mine.view(file).reshape(-1)
            if model.floating:
                values[:] = self.total[at : at + values.size]
                at += values.size
            else:
                values[:] = model.view(self._update).reshape(-1)
        return file

    def _own(self, start: int, stop: int, into: NDArray[np.int64]) -> None:
        """Write the member's own quantised values from `start` to `stop`."""
        for at, values in _floats(self._table, self._update):
            first, last = max(start, at), min(stop, at + values.size)
            for begin in range(first, last, BLOCK):
                end = min(last, begin + BLOCK)
                quantise(
                    values[begin - at : end - at],
                    self._factor,
                    self._reals[: end - begin],
                    into[begin - start : end - start],
                )


def integers_digest(file: bytes | bytearray) -> str:
    """The SHA-256 of the integer tensors, which must be equal in all updates; empty if there are none."""
    tensors = [t for t in read_table(file).tensors if not t.floating]
    return digest(b"".join(bytes(file[t.start : t.end]) for t in tensors)) if tensors else ""


def _floats(table: Table, file: bytes | bytearray) -> Iterator[tuple[int, NDArray[Any]]]:
    """Each floating tensor's values, flat, and the place of the first among all."""
    at = 0
    for tensor in table.tensors:
        if tensor.floating:
            values = tensor.view(file).reshape(-1)
            yield at, values
            at += values.size
