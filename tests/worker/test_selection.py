"""Who is asked in a round."""

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tag.options import Selector
from worker.protocol.selection import selected

names = st.sets(st.text("abcdef-", min_size=1, max_size=5), min_size=1, max_size=12)
counts = st.integers(1, 12)
numbers = st.integers(1, 10_000)


def random(k: int, seed: int = 0) -> Selector:
    return Selector(sort="random", kwargs={"k": k, "seed": seed})


def robin(k: int) -> Selector:
    return Selector(sort="roundRobin", kwargs={"k": k})


@given(names, numbers)
def test_all_are_all(known: set[str], number: int) -> None:
    assert selected(Selector(), known, 1, number) == known
    assert selected(Selector(sort="default"), known, 1, number) == known


@given(names, counts, numbers, st.integers(0, 2**40), st.randoms())
def test_k_of_them_are_selected_whatever_the_order(known: set[str], k: int, number: int, seed: int, order: Any) -> None:
    shuffled = sorted(known)
    order.shuffle(shuffled)
    for selector in (random(k, seed), robin(k)):
        found = selected(selector, known, 3, number)

        assert found == selected(selector, [*shuffled, *shuffled], 3, number)
        assert found <= known
        assert len(found) == min(k, len(known))


@given(names, counts, numbers)
def test_in_turn_everyone_has_been_selected_after_as_many_rounds_as_that_takes(
    known: set[str], k: int, first: int
) -> None:
    rounds = math.ceil(len(known) / min(k, len(known)))

    assert frozenset().union(*(selected(robin(k), known, 1, first + i) for i in range(rounds))) == known


@given(names, counts, numbers)
def test_in_turn_nobody_is_selected_twice_more_than_another(known: set[str], k: int, count: int) -> None:
    count = count % 30 + 1
    rounds = [selected(robin(k), known, 1, number) for number in range(1, count + 1)]
    times = [sum(name in each for each in rounds) for name in known]

    assert max(times) - min(times) <= 1


@given(names, counts, numbers, st.integers(0, 99))
def test_a_name_that_is_removed_changes_no_more_than_its_place(known: set[str], k: int, number: int, seed: int) -> None:
    before = selected(random(k, seed), known, 1, number)
    for gone in known:
        after = selected(random(k, seed), known - {gone}, 1, number)

        assert before - {gone} <= after


def test_random_is_even_and_another_in_each_round_run_and_seed() -> None:
    known = [f"data-{i}" for i in range(10)]
    rounds = [selected(random(3), known, 1, number) for number in range(1, 1001)]
    times = [sum(name in each for each in rounds) for name in known]

    assert all(220 < count < 380 for count in times), "three in ten of a thousand"
    assert len(set(rounds)) > 110, "of 120 that there are"
    assert rounds[:9] != [selected(random(3, seed=1), known, 1, number) for number in range(1, 10)]
    assert rounds[:9] != [selected(random(3), known, 2, number) for number in range(1, 10)]
