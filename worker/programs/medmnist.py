"""Tissue images of PathMNIST's shape, 28×28×3 in nine classes, with the Keras net of Flame's example.

Data: `npz:` with a file in MedMNIST's format, or `program:K/N` for made images of the same shape, so that the example
runs without one.
"""

from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from worker.data import Data, Dataset, by_scikit_learn
from worker.determinism import derive_seed

CLASSES = 9
_MADE = {"train": 9_000, "test": 1_800}
_PATCH, _SIDE = 7, 28


def build_model() -> Any:
    """The net of MNIST's example with 33 and 66 filters."""
    return keras.Sequential(
        [
            keras.Input((_SIDE, _SIDE, 3)),
            layers.Conv2D(33, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(66, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def load_data(dataset: Dataset) -> Data:
    """This region's images, real or made."""
    if dataset.scheme != "program":
        return dataset.load(hold_out=by_scikit_learn)
    rng = np.random.default_rng(derive_seed(dataset.split.seed, "made tissue"))
    textures = rng.random((CLASSES, _PATCH, _PATCH, 3), dtype=np.float32)
    train, test = (_made(count, textures, rng) for count in _MADE.values())
    return dataset.take_part(*train, test=test, classes=CLASSES, hold_out=by_scikit_learn)


def _made(
    count: int, textures: NDArray[np.float32], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Images that show their class's coarse texture, shifted, under noise nearly as strong as it."""
    y = np.arange(count) % CLASSES
    coarse = np.stack([np.roll(textures[label], rng.integers(_PATCH, size=2), axis=(0, 1)) for label in y])
    smooth = coarse.repeat(_SIDE // _PATCH, axis=1).repeat(_SIDE // _PATCH, axis=2)
    noise = rng.normal(0, 0.25, smooth.shape).astype(np.float32)
    return np.clip(smooth + noise, 0, 1), y
