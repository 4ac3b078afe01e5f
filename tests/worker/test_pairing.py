"""Who follows whom: balanced, complete, within groups, another way in another round, and always the same."""

from collections import Counter, defaultdict
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from worker.protocol.pairing import Trainer, pair

GROUPS = st.sampled_from(["eu", "us"])
TRAINERS = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=3), st.tuples(GROUPS, st.integers(0, 1000)), min_size=1, max_size=20
)
MIDDLES = st.dictionaries(st.sampled_from([f"middle-{k}" for k in range(6)]), GROUPS, min_size=1)
seeds, numbers = st.integers(0, 2**32), st.integers(0, 100)


@given(seeds, numbers, TRAINERS, MIDDLES)
def test_everyone_is_paired_once_within_the_own_group(
    seed: int, number: int, trainers: dict[str, Trainer], middles: dict[str, str]
) -> None:
    found = pair(seed, 1, number, trainers, middles)
    served = set(middles.values())

    names = Counter(name for given in found.values() for given_names in given.values() for name in given_names)
    assert names == Counter(name for name, (group, _) in trainers.items() if group in served)
    for group, given_to in found.items():
        assert {middles[middle] for middle in given_to} == {group}
        assert {trainers[name][0] for given_names in given_to.values() for name in given_names} <= {group}
    assert sorted(middle for given_to in found.values() for middle in given_to) == sorted(middles)


@given(seeds, numbers, TRAINERS, MIDDLES)
def test_loads_differ_by_the_largest_trainer_at_most_and_nobody_is_left_without_one(
    seed: int, number: int, trainers: dict[str, Trainer], middles: dict[str, str]
) -> None:
    for group, given_to in pair(seed, 1, number, trainers, middles).items():
        here = [samples for home, samples in trainers.values() if home == group]
        loads = [sum(trainers[name][1] for name in names) for names in given_to.values()]

        assert max(loads) - min(loads) <= max(here, default=0)
        if len(here) >= len(given_to):
            assert all(given_to.values()), "an aggregator without trainers would hold up the round"


@given(seeds, numbers, TRAINERS, MIDDLES, st.randoms(use_true_random=False))
def test_the_order_in_which_they_came_does_not_matter(
    seed: int, number: int, trainers: dict[str, Trainer], middles: dict[str, str], shuffled: Random
) -> None:
    names, ids = list(trainers), list(middles)
    shuffled.shuffle(names)
    shuffled.shuffle(ids)

    again = pair(seed, 1, number, {n: trainers[n] for n in names}, {m: middles[m] for m in ids})

    assert again == pair(seed, 1, number, trainers, middles)


@given(seeds, st.integers(1, 9))
def test_pairs_change_with_the_round_the_run_and_the_seed(seed: int, samples: int) -> None:
    trainers = dict.fromkeys("abcdef", ("eu", samples))
    middles = {"m0": "eu", "m1": "eu", "m2": "eu"}
    ways: dict[str, set[str]] = defaultdict(set)
    for k in range(12):
        ways["round"].add(str(pair(seed, 1, k, trainers, middles)))
        ways["run"].add(str(pair(seed, k, 1, trainers, middles)))
        ways["seed"].add(str(pair(seed + k, 1, 1, trainers, middles)))

    assert all(len(found) > 1 for found in ways.values())


def test_trainers_of_unlike_sizes_are_balanced_as_the_greedy_rule_does_it() -> None:
    trainers = {"a": ("eu", 700), "b": ("eu", 600), "c": ("eu", 500), "d": ("eu", 300), "e": ("eu", 200)}

    found = pair(1, 1, 1, trainers, {"m0": "eu", "m1": "eu"})["eu"]

    assert sorted(found.values()) == [("a", "d", "e"), ("b", "c")], "1,200 and 1,100 samples"
