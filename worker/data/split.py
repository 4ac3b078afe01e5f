"""Divisions of a dataset: disjoint, complete, and pure functions of labels, number and seed.

So every trainer computes the whole division by itself, and takes its own part.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from tag.settings import Split
from worker.determinism import derive_seed
from worker.errors import InputError

Indices = npt.NDArray[np.int64]
HoldOut = Callable[[npt.NDArray[Any], float, int], Indices]
"""Takes labels, share and seed; gives the sorted indices of the samples that are held out."""


def divide(labels: npt.NDArray[Any], parts: int, split: Split) -> tuple[Indices, ...]:
    """The sorted indices of each part.

    Args:
        labels: class numbers, shape (n,).
        parts: how many parts, 1 or more.
        split: how to divide, and the seed.

    Raises:
        InputError: a part would be empty.
    """
    if parts > len(labels):
        raise InputError(
            f"{parts} parts of {len(labels)} samples leave some empty; each part needs one or more; ask for fewer parts"
        )
    ways = {"iid": _iid, "dirichlet": _dirichlet, "classes": _classes}
    rng = np.random.default_rng(derive_seed(split.seed, "split", split.kind, parts))
    owner = ways[split.kind](labels, parts, split.alpha, rng)
    divided = tuple(np.flatnonzero(owner == part) for part in range(parts))
    empty = [part + 1 for part, indices in enumerate(divided) if not len(indices)]
    if empty:
        raise InputError(
            f"split {split.kind!r} with seed {split.seed!r} leaves part {empty[0]} of {parts} empty; each part needs a "
            "sample or more; take a larger alpha, another seed or fewer parts"
        )
    return divided


def hold_out(labels: npt.NDArray[Any], share: float, seed: int) -> Indices:
    """A stratified random sample without scikit-learn, which takes a second to import.

    rint(share × n) samples, but never all; each class gives its share, rounded up or down.
    """
    count = min(round(share * len(labels)), len(labels) - 1)
    rng = np.random.default_rng(seed)
    order = _shuffled_by_class(labels, rng)
    # In an order where classes stand together, an even comb takes each class's share.
    teeth = (np.arange(count) + 0.5) * len(labels) / max(count, 1)
    return np.sort(order[teeth.astype(np.int64)])


def by_scikit_learn(labels: npt.NDArray[Any], share: float, seed: int) -> Indices:
    """A stratified random sample by scikit-learn's `train_test_split`.

    Where stratifying is impossible (a class with one sample, or fewer held-out or kept samples than classes), it is
    plainly random.
    """
    from sklearn.model_selection import train_test_split

    count = min(round(share * len(labels)), len(labels) - 1)
    if not count:
        return np.empty(0, dtype=np.int64)
    _, sizes = np.unique(labels, return_counts=True)
    strata = labels if sizes.min() > 1 and len(sizes) <= min(count, len(labels) - count) else None
    _, held = train_test_split(np.arange(len(labels)), test_size=count, stratify=strata, random_state=seed)
    indices: Indices = np.sort(held).astype(np.int64)
    return indices


def _shuffled_by_class(labels: npt.NDArray[Any], rng: np.random.Generator) -> Indices:
    """All indices, class by class, shuffled within each class."""
    return np.concatenate([rng.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)])


def _iid(labels: npt.NDArray[Any], parts: int, _alpha: float, rng: np.random.Generator) -> Indices:
    """Each class is shuffled and dealt out like cards: parts differ by one sample at most, in all and in a class."""
    owner = np.empty(len(labels), dtype=np.int64)
    owner[_shuffled_by_class(labels, rng)] = np.arange(len(labels)) % parts
    return owner


def _dirichlet(labels: npt.NDArray[Any], parts: int, alpha: float, rng: np.random.Generator) -> Indices:
    """Of each class, the parts get shares drawn from a symmetric Dirichlet distribution (after Hsu et al. 2019)."""
    owner = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        ends = np.rint(np.cumsum(rng.dirichlet(np.full(parts, alpha))) * len(members)).astype(np.int64)
        owner[members] = np.minimum(np.searchsorted(ends, np.arange(len(members)), side="right"), parts - 1)
    return owner


def _classes(labels: npt.NDArray[Any], parts: int, _alpha: float, rng: np.random.Generator) -> Indices:
    """Each part has classes of its own; where there are fewer classes than parts, parts share one evenly."""
    owner = np.empty(len(labels), dtype=np.int64)
    classes = rng.permutation(np.unique(labels))
    for place, label in enumerate(classes):
        members = rng.permutation(np.flatnonzero(labels == label))
        owners = np.arange(place, parts, len(classes)) if place < parts else np.array([place % parts])
        owner[members] = owners[np.arange(len(members)) % len(owners)]
    return owner
