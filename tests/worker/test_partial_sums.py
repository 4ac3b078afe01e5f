"""Sums of sums: a tree of any shape gives a star's bits, and what no honest middle aggregator sends is refused."""

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tag.limits import FRACTION_BITS, RANGE_BITS
from worker.sums import Sum, sums_fault
from worker.tensors import Table, pack, read_table, unpack

COUNTS = np.arange(4)


def update(seed: int) -> bytearray:
    draw = np.random.default_rng(seed)
    return pack({"kernel": draw.normal(size=(7, 3)).astype(np.float32), "bias": draw.normal(size=3), "n": COUNTS})


LIKE = read_table(update(0))


def summed(leaves: Sequence[tuple[bytearray, int]], chance: random.Random) -> Sum:
    """A sum over a tree of a random shape."""
    total = Sum(LIKE)
    if len(leaves) < 3 or chance.random() < 0.3:
        for file, samples in leaves:
            total.add(file, samples)
        return total
    cut = chance.randrange(1, len(leaves))
    for part in (leaves[:cut], leaves[cut:]):
        below = summed(part, chance)
        assert sums_fault(below.file, LIKE, samples=below.samples, share=len(part), trainers=len(leaves)) is None
        assert not total.conflict(below.file, partial=True)
        total.add_sums(below.file, below.samples)
    return total


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_a_tree_of_any_shape_has_the_bits_of_a_star(samples: list[int], chance: random.Random) -> None:
    leaves = [(update(seed), n) for seed, n in enumerate(samples)]
    star = Sum(LIKE)
    for file, n in leaves:
        star.add(file, n)
    chance.shuffle(leaves)

    means = []
    for total in (star, summed(leaves, chance)):
        mean = update(99)
        total.mean(mean)
        means.append(mean)

    assert means[0] == means[1]
    assert np.array_equal(unpack(means[0])["n"], COUNTS)


def changed(**tensors: Any) -> bytearray:
    """The file of a sum of one update, with other tensors."""
    total = Sum(LIKE)
    total.add(update(1), 10)
    return pack({**unpack(total.file), **tensors})


BOUND = 2 ** (RANGE_BITS + FRACTION_BITS) // 6


@pytest.mark.parametrize(
    ("file", "samples", "reason", "word"),
    [
        (changed(), 10, None, ""),
        (changed(bias=np.array([0, BOUND, -BOUND])), 10, None, ""),
        (changed(bias=np.array([0, 0, 3 * BOUND])), 10, "out_of_range", "'bias'"),
        (changed(bias=np.array([0, 0, -(2**63)])), 10, "out_of_range", "'bias'"),
        (changed(bias=np.zeros(3)), 10, "wrong_shape", "'bias'"),
        (changed(bias=np.zeros(4, np.int64)), 10, "wrong_shape", "'bias'"),
        (changed(more=np.zeros(1)), 10, "wrong_shape", "4 tensors"),
        (update(1), 10, "wrong_shape", "'kernel'"),
        (changed(), 0, "zero_samples", "0 samples"),
        (changed()[:-1], 10, "malformed", "the tensors end"),
    ],
)
def test_what_is_no_partial_sum_is_refused(file: bytearray, samples: int, reason: str | None, word: str) -> None:
    found = sums_fault(file, LIKE, samples=samples, share=1, trainers=6)

    assert (found[0] if found else None) == reason
    assert word in (found[1] if found else "")


def test_integers_that_differ_between_partial_sums_are_a_conflict() -> None:
    total = Sum(LIKE)
    total.add_sums(changed(), 10)

    assert not total.conflict(changed(), partial=True)
    assert "'n'" in total.conflict(changed(n=COUNTS + 1), partial=True)
    total.clear()
    assert not total.conflict(changed(n=COUNTS + 1), partial=True), "a new round begins with nothing"


def test_the_table_of_sums_is_that_of_the_model_with_wider_numbers() -> None:
    table: Table = LIKE.sums

    assert [(t.name, t.dtype) for t in table.tensors] == [("kernel", "I64"), ("bias", "I64"), ("n", "I64")]
    assert table.size - len(table.header) == 8 * (21 + 3 + 4)
