"""Divisions of data: every trainer computes the same one, and no sample is lost or used twice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tag.settings import Split
from worker.data import Array, by_scikit_learn, divide, hold_out
from worker.data.split import HoldOut
from worker.errors import InputError

LABELS = st.lists(st.integers(0, 9), min_size=1, max_size=300).map(np.array)
SPLITS = st.builds(
    Split, kind=st.sampled_from(["iid", "dirichlet", "classes"]), alpha=st.floats(0.05, 100), seed=st.integers(0, 2**40)
)


@given(labels=LABELS, parts=st.integers(1, 8), split=SPLITS)
def test_parts_are_disjoint_complete_and_never_empty_or_else_the_error_says_what_to_do(
    labels: Array, parts: int, split: Split
) -> None:
    try:
        divided = divide(labels, parts, split)
    except InputError as error:
        assert "each part needs" in str(error)  # noqa: PT017  # whether it raises depends on the example
        assert split.kind != "iid" or parts > len(labels), "dealt-out parts are empty only for want of samples"
    else:
        assert len(divided) == parts
        assert all(len(part) for part in divided)
        assert sorted(np.concatenate(divided)) == list(range(len(labels)))
        assert all((np.diff(part) > 0).all() for part in divided), "a part keeps the dataset's order"


@given(labels=LABELS, parts=st.integers(1, 8), seed=st.integers(0, 1000))
def test_iid_parts_differ_by_one_sample_at_most_in_all_and_in_each_class(labels: Array, parts: int, seed: int) -> None:
    parts = min(parts, len(labels))

    divided = divide(labels, parts, Split(seed=seed))

    sizes = [len(part) for part in divided]
    assert max(sizes) - min(sizes) <= 1
    for label in np.unique(labels):
        counts = [(labels[part] == label).sum() for part in divided]
        assert max(counts) - min(counts) <= 1


@given(labels=LABELS, parts=st.integers(1, 8), split=SPLITS)
def test_a_division_is_a_pure_function_of_its_arguments(labels: Array, parts: int, split: Split) -> None:
    """Trainers that share no memory must agree; numpy's global generator must play no part."""
    try:
        first = divide(labels, parts, split)
    except InputError:
        return
    np.random.seed(len(labels))  # noqa: NPY002  # the global generator is what must not matter
    again = divide(labels.copy(), parts, split)

    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_another_seed_or_kind_divides_otherwise() -> None:
    labels = np.arange(300) % 10
    divisions = [
        divide(labels, 3, Split(kind=kind, seed=seed))[0].tolist()
        for kind in ("iid", "dirichlet", "classes")
        for seed in (0, 1)
    ]

    assert len({tuple(part) for part in divisions}) == 6


@pytest.mark.parametrize("parts", [2, 3, 7, 10])
def test_with_classes_no_class_is_in_two_parts_and_each_has_its_even_number(parts: int) -> None:
    labels = np.arange(1000) % 10

    owned = [set(labels[part]) for part in divide(labels, parts, Split(kind="classes", seed=4))]

    assert sum(map(len, owned)) == 10, "a class in two parts would be counted twice"
    assert max(map(len, owned)) - min(map(len, owned)) <= 1


def test_with_more_parts_than_classes_each_part_has_one_class_and_its_sharers_have_as_much() -> None:
    labels = np.arange(600) % 3

    divided = divide(labels, 6, Split(kind="classes"))

    assert [len(set(labels[part])) for part in divided] == [1] * 6
    assert [len(part) for part in divided] == [100] * 6


def test_a_small_alpha_skews_and_a_large_one_evens() -> None:
    labels = np.arange(6000) % 10

    def skew(alpha: float) -> float:
        parts = divide(labels, 3, Split(kind="dirichlet", alpha=alpha, seed=1))
        return float(np.mean([np.bincount(labels[part], minlength=10).std() for part in parts]))

    assert skew(0.1) > 5 * skew(100)


def test_more_parts_than_samples_is_an_error_with_both_numbers() -> None:
    with pytest.raises(InputError, match=r"4 parts of 3 samples .*; ask for fewer parts"):
        divide(np.array([0, 1, 2]), 4, Split())


@pytest.mark.parametrize("choose", [hold_out, by_scikit_learn])
@settings(deadline=None)  # the first example imports scikit-learn
@given(labels=LABELS, share=st.floats(0, 0.99), seed=st.integers(0, 2**32 - 1))
def test_a_held_out_part_has_its_share_is_never_all_and_depends_on_the_seed_alone(
    choose: HoldOut, labels: Array, share: float, seed: int
) -> None:
    held = choose(labels, share, seed)

    assert len(held) == min(round(share * len(labels)), len(labels) - 1)
    assert len(set(held.tolist())) == len(held)
    assert np.array_equal(held, choose(labels, share, seed))


@pytest.mark.parametrize("choose", [hold_out, by_scikit_learn])
def test_a_held_out_part_is_stratified_and_another_seed_holds_others(choose: HoldOut) -> None:
    labels = np.repeat([0, 1, 2], [600, 300, 100])

    held, other = choose(labels, 0.1, 1), choose(labels, 0.1, 2)

    assert np.bincount(labels[held]).tolist() == [60, 30, 10]
    assert not np.array_equal(held, other)
