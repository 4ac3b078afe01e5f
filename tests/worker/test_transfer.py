"""Bytes on their way: safetensors files, chunks, staging, exact sums."""

import contextlib
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tag.limits import CHUNK_BYTES, FRACTION_BITS, RANGE_BITS
from worker.staging import Budget, Staged
from worker.sums import Sum, fault
from worker.tensors import TensorError, digest, pack, read_table, table_of, unpack
from worker.wire import Received, WireError, chunk_count, decode, encode


def model(seed: int = 0, size: int = 1000) -> dict[str, Any]:
    chance = np.random.default_rng(seed)
    return {
        "kernel": chance.normal(size=(size, 3)).astype(np.float32),
        "bias": chance.normal(size=3),
        "n": np.arange(4),
    }


def test_a_model_comes_back_from_its_file_and_its_table_knows_each_tensor() -> None:
    weights = model()

    back = unpack(pack(weights))

    assert list(back) == ["kernel", "bias", "n"], "the order is the model's"
    assert all(np.array_equal(back[name], weights[name]) for name in weights)
    assert table_of(weights).digest == table_of(model(seed=9)).digest, "structure, not values"


@pytest.mark.parametrize("cut", [0, 4, 20, -1])
def test_a_truncated_file_is_no_model(cut: int) -> None:
    with pytest.raises(TensorError):
        read_table(bytes(pack(model()))[:cut])


@given(st.binary(max_size=200))
def test_random_bytes_never_break_the_readers(data: bytes) -> None:
    with contextlib.suppress(TensorError):
        assert read_table(data).size == len(data), "what is accepted fills the file"
    with pytest.raises(WireError):
        decode(data)


@given(st.integers(0, 2**32), st.sampled_from(["memory", "file"]))
@settings(max_examples=25, deadline=None)
def test_chunks_make_the_whole_in_any_order_and_any_number_of_times(seed: int, where: str) -> None:
    file = pack(model(size=60_000))
    name = digest(file)
    order = list(range(chunk_count(len(file)))) * 2
    random.Random(seed).shuffle(order)
    budget = Budget(len(file) if where == "memory" else 0)
    staged = Staged(name, Received(len(file)), budget)

    new = [staged.put(decode(encode(memoryview(file), name, i, b"{}"))) for i in order]

    assert staged.received.whole
    assert sum(new) == chunk_count(len(file)), "each chunk counts once"
    assert staged.intact()
    assert bytes(staged.bytes()) == bytes(file)
    staged.release()
    assert budget.used == 0, "memory is given back"


def test_a_damaged_chunk_is_refused() -> None:
    file = pack(model(size=60_000))
    message = bytearray(encode(memoryview(file), digest(file), 1, b""))
    message[1000] ^= 1

    with pytest.raises(WireError, match="chunk 1 is damaged"):
        decode(bytes(message))


def test_a_chunk_of_another_length_is_none_of_this_transfer() -> None:
    file = pack(model(size=60_000))
    chunk = decode(encode(memoryview(file), digest(file), 0, b""))

    with pytest.raises(WireError, match="chunk 0"):
        Received(CHUNK_BYTES // 2).accepts(chunk)


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=6), st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_the_mean_is_the_same_bits_in_any_order_and_near_the_true_one(
    samples: list[int], chance: random.Random
) -> None:
    updates = [(pack({k: v for k, v in model(seed).items() if k != "n"}), n) for seed, n in enumerate(samples)]
    shuffled = updates[:]
    chance.shuffle(shuffled)
    means = []
    for order in (updates, shuffled):
        total = Sum(read_table(updates[0][0]))
        for file, n in order:
            total.add(file, n)
        mean = bytearray(updates[0][0])
        total.mean(mean)
        means.append(mean)

    true = np.average([unpack(file)["kernel"].astype(float) for file, _ in updates], axis=0, weights=samples)

    assert means[0] == means[1], "no order of arrival may show in the model"
    assert np.abs(unpack(means[0])["kernel"] - true).max() <= 2.0 ** (1 - FRACTION_BITS) + 1e-6


def test_what_the_sum_can_not_hold_is_found_with_its_tensor_named() -> None:
    good = model()
    like = read_table(pack(good))
    bound = 2.0**RANGE_BITS / 3 / 100
    bad = {
        "not_finite": {**good, "bias": np.array([1.0, np.nan, 0.0])},
        "out_of_range": {**good, "bias": np.array([0.0, 0.0, -bound * 1.01])},
        "wrong_shape": {**good, "bias": np.zeros(4)},
    }

    found = {reason: fault(pack(weights), like, samples=100, trainers=3) for reason, weights in bad.items()}

    assert fault(pack(good), like, samples=100, trainers=3) is None
    assert fault(pack({**good, "bias": np.full(3, bound)}), like, samples=100, trainers=3) is None, "the bound itself"
    assert {reason: why[0] for reason, why in found.items() if why} == {reason: reason for reason in bad}
    assert all(why is not None and "'bias'" in why[1] for why in found.values())
    assert fault(pack(good), like, samples=0, trainers=3) is not None, "zero samples"
    assert fault(pack(good)[:-1], like, samples=1, trainers=3) is not None, "truncated"


def test_integer_tensors_must_be_equal() -> None:
    first, other = pack(model()), pack({**model(1), "n": np.arange(4) + 1})
    total = Sum(read_table(first))
    total.add(first, 1)

    assert total.conflict(pack(model(1))) == ""
    assert "'n'" in total.conflict(other)
