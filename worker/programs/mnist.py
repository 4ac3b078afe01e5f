"""Handwritten digits with Keras: the convolutional net of Keras' example, 34,826 parameters, with its dropout.

Data: `mnist:K/N`, or `npz:` with images of 28×28×1.
"""

from typing import Any

import keras
from keras import layers

from worker.data import Data, Dataset, by_scikit_learn


def build_model() -> Any:
    """The net, compiled; the stack sets the learning rate."""
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(), keras.losses.SparseCategoricalCrossentropy())
    return model


def load_data(dataset: Dataset) -> Data:
    """This region's images, with a stratified validation part chosen by scikit-learn."""
    return dataset.load(hold_out=by_scikit_learn)
