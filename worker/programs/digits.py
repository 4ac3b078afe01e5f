"""Small handwritten digits, 8×8, that come with scikit-learn: 1,797 images, a fifth of them for testing.

Data: `program:K/N`.
"""

from typing import Any

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits

from worker.data import Arrays, Data, Dataset, by_scikit_learn


def build_model() -> Any:
    """A small dense net."""
    return keras.Sequential(
        [
            keras.Input((64,)),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ]
    )


def load_data(dataset: Dataset) -> Data:
    """This region's part; every region divides the same training and test images."""
    images, labels = load_digits(return_X_y=True)
    every = Arrays((images / 16).astype(np.float32), labels)
    held = by_scikit_learn(labels, 0.2, dataset.split.seed)
    train, test = every.without(held), every.take(held)
    return dataset.take_part(train.x, train.y, test=(test.x, test.y), classes=10, hold_out=by_scikit_learn)
