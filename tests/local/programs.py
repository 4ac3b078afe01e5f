"""Programs whose training takes as long as a test wants: `PAUSE` seconds, and `DELAY` more where data is `SLOW`."""

from pathlib import Path

SOFTMAX = (Path(__file__).parents[2] / "worker" / "programs" / "softmax.py").read_text()
_NAMED = (
    SOFTMAX
    + """

import os
import time

_name = ""
_softmax_train = train


def load_data(dataset):
    global _name
    _name = dataset.name
    _late()
    return dataset.load()


def _late():
    pass


def _is_slow():
    return os.environ.get("SLOW") == _name
"""
)
PACED = (
    _NAMED
    + """

def _late():
    time.sleep(0.6 if _is_slow() else 0)


def train(model, arrays, settings, progress):
    time.sleep(float(os.environ.get("PAUSE", "0")))
    if _is_slow():
        time.sleep(float(os.environ.get("DELAY", "0.3")))
    if os.environ.get("CRASH") == _name:
        raise ZeroDivisionError("on purpose")
    return _softmax_train(model, arrays, settings, progress)
"""
)

UNHURRIED = (
    _NAMED
    + """

def train(model, arrays, settings, progress):
    end = time.monotonic() + float(os.environ["SLOWLY" if _is_slow() else "PAUSE"])
    while time.monotonic() < end:
        time.sleep(0.02)
        progress(0.0, 0.0)
    return _softmax_train(model, arrays, settings, progress)
"""
)
"""Trains in batches as real programs do, so that it can be stopped; for `SLOWLY` seconds where the dataset is slow."""
