"""Samples with labels, and the three parts that a region's data has."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from worker.errors import InputError

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Arrays:
    """Samples and their labels.

    Attributes:
        x: samples, shape (n, …), any numeric dtype.
        y: class numbers from 0, shape (n,), int64.
    """

    x: Array
    y: Array

    def __len__(self) -> int:
        return len(self.x)

    def take(self, indices: Array | slice) -> Self:
        """The samples at `indices`, in that order."""
        return type(self)(self.x[indices], self.y[indices])

    def without(self, indices: Array) -> Self:
        """The samples that are not at `indices`."""
        keep = np.ones(len(self.x), dtype=bool)
        keep[indices] = False
        return self.take(keep)

    def checked(self, what: str) -> Self:
        """The same with int64 labels, once everything about it is in order.

        Raises:
            InputError: naming `what`, if lengths differ, labels are no class numbers, or samples are no finite numbers.
        """
        x, y = np.asarray(self.x), np.asarray(self.y)
        if not x.shape[1:]:
            raise InputError(
                f"{what}: samples have shape {x.shape!r}; (samples, features…) is wanted; give each sample its own axis"
            )
        if y.shape[1:] == (1,):  # MedMNIST's labels are a column
            y = y[:, 0]
        if y.ndim != 1:
            raise InputError(
                f"{what}: labels have shape {y.shape!r}; one class number per sample is wanted; "
                "turn one-hot rows into numbers with argmax(axis=1)"
            )
        if len(x) != len(y):
            raise InputError(f"{what}: {len(x)} samples have {len(y)} labels; each sample needs one; mend the data")
        return type(self)(_checked_samples(x, what), _checked_labels(y, what))


@dataclass(frozen=True)
class Data:
    """A region's data.

    Attributes:
        train: what it trains on.
        validation: its own validation part; may be empty.
        test: its share of the common test set.
        classes: how many classes the whole dataset has, also those that this part lacks; 0 counts those of the labels.
    """

    train: Arrays
    validation: Arrays
    test: Arrays
    classes: int = 0

    @property
    def parts(self) -> dict[str, Arrays]:
        """The three parts by name, in the digest's order."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @cached_property
    def digest(self) -> str:
        """SHA-256 over dtype, shape and bytes of all parts, in order."""
        digest = hashlib.sha256()
        for part in self.parts.values():
            for array in (part.x, part.y):
                digest.update(f"{array.dtype.str}{array.shape}".encode())
                digest.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
        return digest.hexdigest()

    def checked(self, what: str) -> Self:
        """The same with all parts checked and the classes counted.

        Raises:
            InputError: a part is out of order, train or test is empty, or shapes differ between parts.
        """
        parts = {name: part.checked(f"{what}, {name}") for name, part in self.parts.items()}
        for name in ("train", "test"):
            if not len(parts[name]):
                raise InputError(f"{what}: the {name} part is empty; it needs a sample or more; give it more data")
        shapes = {name: part.x.shape[1:] for name, part in parts.items() if len(part)}
        if len(set(shapes.values())) > 1:
            raise InputError(f"{what}: samples have different shapes, {shapes!r}; all parts must agree; mend the data")
        top = max(int(part.y.max()) for part in parts.values() if len(part))
        return type(self)(**parts, classes=max(self.classes, top + 1))


def _checked_samples(x: Array, what: str) -> Array:
    if x.dtype.kind not in "biuf":
        raise InputError(f"{what}: samples have dtype {str(x.dtype)!r}; numbers are wanted; convert them to float32")
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        raise InputError(f"{what}: samples hold NaN or infinity; finite numbers are wanted; mend or drop them")
    return x


def _checked_labels(y: Array, what: str) -> Array:
    if y.dtype.kind not in "biu":
        raise InputError(
            f"{what}: labels have dtype {str(y.dtype)!r}; class numbers from 0 are wanted; convert them to integers"
        )
    if y.size and int(y.min()) < 0:
        raise InputError(f"{what}: label {int(y.min())!r} is negative; class numbers count from 0; renumber them")
    return y.astype(np.int64)
