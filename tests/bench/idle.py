"""A program that moves a model of a given size and computes nothing: what is left of a round is overhead."""

import os
from collections.abc import Callable

import numpy as np

from tag.settings import TrainSettings
from worker.data import Array, Arrays, Data, Dataset

PARAMETERS = int(os.environ.get("FEDTAG_BENCH_PARAMETERS", "34826"))


class Idle:
    """One tensor."""

    def __init__(self) -> None:
        self.weights: list[Array] = [np.zeros(PARAMETERS, np.float32)]

    def get_weights(self) -> list[Array]:
        """The tensor."""
        return self.weights

    def set_weights(self, weights: list[Array]) -> None:
        """Take a tensor."""
        self.weights = weights


def build_model() -> Idle:
    """The tensor."""
    return Idle()


def load_data(_dataset: Dataset) -> Data:
    """One sample."""
    one = Arrays(np.zeros((1, 1), np.float32), np.zeros(1, np.int64))
    return Data(one, one, one, classes=1)


def train(model: Idle, _arrays: Arrays, _settings: TrainSettings, _progress: Callable[[float, float], None]) -> float:
    """Another model of the same size, so that each round has a new one to send."""
    model.weights = [model.weights[0] + np.float32(1)]
    return 0.0


def evaluate(_model: Idle, _arrays: Arrays) -> tuple[int, float]:
    """Nothing is judged."""
    return 0, 0.0
