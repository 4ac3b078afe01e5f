"""Softmax regression in numpy: no TensorFlow, no scikit-learn, ready at once. Any data: `mnist:`, `npz:`.

Its `train` and `evaluate` show what a program without Keras needs.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tag.settings import TrainSettings
from worker.data import Arrays, Data

Matrix = NDArray[np.float32]


class Softmax:
    """A linear classifier.

    Attributes:
        weight_names: of the weights, in the order of `get_weights`.
        input_shape: of the samples, batch axis first.
        output_shape: of the class scores, batch axis first.
        kernel: features × classes.
        bias: one per class.
    """

    weight_names = ("kernel", "bias")

    def __init__(self, sample_shape: tuple[int, ...], classes: int) -> None:
        self.input_shape = (None, *sample_shape)
        self.output_shape = (None, classes)
        self.kernel: Matrix = np.zeros((math.prod(sample_shape), classes), dtype=np.float32)
        self.bias: Matrix = np.zeros(classes, dtype=np.float32)

    def get_weights(self) -> list[Matrix]:
        """Kernel and bias."""
        return [self.kernel, self.bias]

    def set_weights(self, weights: list[Matrix]) -> None:
        """Take kernel and bias."""
        self.kernel, self.bias = (np.array(weight, dtype=np.float32) for weight in weights)

    def log_probabilities(self, x: NDArray[np.number]) -> Matrix:
        """Of each sample and class, shape (n, classes)."""
        scores: Matrix = x.reshape(len(x), -1).astype(np.float32, copy=False) @ self.kernel + self.bias
        scores -= scores.max(axis=1, keepdims=True)
        scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return scores


def build_model(data: Data) -> Softmax:
    """A model that fits the data."""
    return Softmax(data.train.x.shape[1:], data.classes)


def train(model: Softmax, arrays: Arrays, settings: TrainSettings, progress: Callable[[float, float], None]) -> float:
    """Minibatch gradient descent; gives the mean loss of the last epoch. The seed is the round's own.

    With `settings.mu` (FedProx) each step also pulls the weights back to where the round began.
    """
    shuffle = np.random.default_rng(settings.seed)
    kernel, bias = model.kernel.copy(), model.bias.copy()
    pull = np.float32(settings.learning_rate * settings.mu)
    loss = 0.0
    for epoch in range(settings.epochs):
        order = shuffle.permutation(len(arrays))
        total = 0.0
        for start in range(0, len(order), settings.batch_size):
            batch = arrays.take(order[start : start + settings.batch_size])
            back = [pull * (model.kernel - kernel), pull * (model.bias - bias)] if settings.mu else []
            total += _step(model, batch, settings.learning_rate)
            if back:
                model.kernel -= back[0]
                model.bias -= back[1]
            seen = min(start + settings.batch_size, len(order))
            loss = total / seen
            progress((epoch + seen / len(order)) / settings.epochs, loss)
    return loss


def evaluate(model: Softmax, arrays: Arrays) -> tuple[int, float]:
    """How many samples are classified correctly, and their mean loss."""
    log_probabilities = model.log_probabilities(arrays.x)
    correct = int((log_probabilities.argmax(axis=1) == arrays.y).sum())
    return correct, -float(log_probabilities[np.arange(len(arrays)), arrays.y].mean(dtype=np.float64))


def _step(model: Softmax, batch: Arrays, learning_rate: float) -> float:
    """One step in place; gives the batch's summed loss before it."""
    rows = np.arange(len(batch))
    log_probabilities = model.log_probabilities(batch.x)
    loss = -float(log_probabilities[rows, batch.y].sum(dtype=np.float64))
    slope = np.exp(log_probabilities)
    slope[rows, batch.y] -= 1
    slope *= np.float32(learning_rate / len(batch))
    model.kernel -= batch.x.reshape(len(batch), -1).astype(np.float32, copy=False).T @ slope
    model.bias -= slope.sum(axis=0)
    return loss
