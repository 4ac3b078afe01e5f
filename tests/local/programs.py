"""Programs whose training takes as long as a test wants."""

from pathlib import Path

SOFTMAX = (Path(__file__).parents[2] / "worker" / "programs" / "softmax.py").read_text()
PACED = (
    SOFTMAX
    + """

import os
import time

_name = ""
_softmax_train = train


def load_data(dataset):
    global _name
    _name = dataset.name
    if os.environ.get("SLOW") == _name:
        time.sleep(0.6)
    return dataset.load()


def train(model, arrays, settings, progress):
    time.sleep(float(os.environ.get("PAUSE", "0")))
    if os.environ.get("SLOW") == _name:
        time.sleep(0.3)
    if os.environ.get("CRASH") == _name:
        raise ZeroDivisionError("on purpose")
    return _softmax_train(model, arrays, settings, progress)
"""
)

UNHURRIED = (
    SOFTMAX
    + """

import os
import time

_name = ""
_softmax_train = train


def load_data(dataset):
    global _name
    _name = dataset.name
    return dataset.load()


def train(model, arrays, settings, progress):
    end = time.monotonic() + float(os.environ["SLOWLY" if os.environ.get("SLOW") == _name else "PAUSE"])
    while time.monotonic() < end:
        time.sleep(0.02)
        progress(0.0, 0.0)
    return _softmax_train(model, arrays, settings, progress)
"""
)
"""Trains in batches as real programs do, so that it can be stopped: for `PAUSE` seconds, or `SLOWLY` seconds where the
dataset is `SLOW`."""
