"""Data from an .npz file, with MedMNIST's keys or Keras'."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from worker.data.arrays import Array, Arrays
from worker.errors import InputError

_TRAIN = (("train_images", "train_labels"), ("x_train", "y_train"))
_TEST = (("test_images", "test_labels"), ("x_test", "y_test"))
_VALIDATION = (("val_images", "val_labels"), ("x_val", "y_val"))
_IMAGE_AXES = (3, 4)


class Source(NamedTuple):
    """An undivided dataset.

    Attributes:
        train: samples as stored.
        test: likewise.
        validation: likewise; None if it has no such part of its own.
        classes: how many.
        convert: makes stored samples what a model takes; it is done after the division, to save memory.
    """

    train: Arrays
    test: Arrays
    validation: Arrays | None
    classes: int
    convert: Callable[[Array], Array]


def read(path: Path, what: str) -> Source:
    """The dataset in an .npz file.

    Raises:
        InputError: naming `what`, if the file is missing, no .npz, holds objects, or lacks keys.
    """
    try:
        file = np.load(path, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise InputError(f"{what}: {str(path)!r} holds one array; an .npz file is wanted; save it with np.savez")
        with file:
            train, test = _pair(file, _TRAIN, path, what), _pair(file, _TEST, path, what)
            has_validation = any(images in file.files for images, _ in _VALIDATION)
            validation = _pair(file, _VALIDATION, path, what) if has_validation else None
    except FileNotFoundError as error:
        raise InputError(
            f"{what}: there is no file {str(path)!r}; an .npz file is wanted; mend the uri or put the file there"
        ) from error
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise InputError(
            f"{what}: {str(path)!r} can't be read as .npz ({error}); plain arrays saved by np.savez are wanted; "
            "save it again, without objects"
        ) from error
    labels = [part.y for part in (train, test, validation) if part is not None and len(part.y)]
    numbers = [int(y.max()) + 1 for y in labels if y.dtype.kind in "iu"]
    return Source(train, test, validation, max(numbers, default=0), as_samples)


def as_samples(x: Array) -> Array:
    """Samples as a model takes them: uint8 images from 0 to 1 with a channel axis, all numbers as float32."""
    if x.dtype != np.uint8 or x.ndim not in _IMAGE_AXES:
        return x if x.dtype.kind not in "biuf" else x.astype(np.float32, copy=False)
    scaled = x.astype(np.float32)
    scaled /= np.float32(255)
    return scaled[..., np.newaxis] if x.ndim == _IMAGE_AXES[0] else scaled


def _pair(file: np.lib.npyio.NpzFile, choices: tuple[tuple[str, str], ...], path: Path, what: str) -> Arrays:
    for images, labels in choices:
        if images in file.files and labels in file.files:
            return Arrays(file[images], file[labels])
    wanted = " or ".join(" and ".join(choice) for choice in choices)
    raise InputError(
        f"{what}: {str(path)!r} has the keys {sorted(file.files)!r}; {wanted} are wanted; rename the arrays"
    )
