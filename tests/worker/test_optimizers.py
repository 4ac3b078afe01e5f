"""The root's optimizers against the papers, written down a second time in a few lines of numpy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tag.options import OPTIMIZERS, Optimizer
from worker import optimizers
from worker.sums import Sum
from worker.tensors import pack, read_table, unpack

Array = NDArray[Any]
STATEFUL = sorted(sort for sort, about in OPTIMIZERS.items() if about.acts == "root")


class Reference:
    """Hsu et al. 2019 and algorithm 2 of Reddi et al. 2021, on whole arrays in float64."""

    def __init__(self, sort: str, size: int, **o: float) -> None:
        self.sort, self.o = sort, o
        self.m, self.v = np.zeros(size), np.full(size, o.get("tau", 0) ** 2)

    def step(self, x: Array, mean: Array) -> Array:
        d, o = mean - x, self.o
        if self.sort == "fedavgm":
            self.m = o["beta"] * self.m + d
            return x + o["eta"] * self.m
        self.m = o["beta_1"] * self.m + (1 - o["beta_1"]) * d
        if self.sort == "fedadagrad":
            self.v = self.v + d * d
        elif self.sort == "fedadam":
            self.v = o["beta_2"] * self.v + (1 - o["beta_2"]) * d * d
        else:
            self.v = self.v - (1 - o["beta_2"]) * d * d * np.sign(self.v - d * d)
        return x + o["eta"] * self.m / (np.sqrt(self.v) + o["tau"])


def weights(rng: np.random.Generator, size: int, scale: float = 1.0) -> dict[str, Array]:
    """Two floating tensors and one of integers between them."""
    a = (rng.standard_normal(size) * scale).astype(np.float32)
    return {"a": a, "steps": np.array([size], np.int64), "b": a[: size // 2 + 1].reshape(1, -1) * np.float32(0.5)}


def flat(file: bytearray) -> Array:
    return np.concatenate([v.ravel() for v in unpack(file).values() if v.dtype.kind == "f"]).astype(np.float64)


def rounds(
    optimizer: Optimizer, size: int, count: int, seed: int, look: Callable[[Array, Array, Array], None]
) -> bytearray:
    """Some rounds of two updates each; `look` sees each model, the mean of its updates, and what became of it."""
    rng = np.random.default_rng(seed)
    model = pack(weights(rng, size))
    table = read_table(model)
    state = optimizers.begin(optimizer, table) if optimizer.has_state else None
    for _ in range(count):
        total = Sum(table)
        updates = [(pack(weights(rng, size, 0.1)), samples) for samples in (3, 5)]
        for update, samples in updates:
            total.add(update, samples)
        before = flat(model)
        mean = sum(flat(update) * samples for update, samples in updates) / 8
        optimizers.advance(optimizer, total, model, state)
        look(before, mean, flat(model))
    return model


@pytest.mark.parametrize("sort", STATEFUL)
@pytest.mark.parametrize("size", [5, 40_000])
def test_an_optimizer_is_that_of_its_paper_over_several_rounds(sort: str, size: int) -> None:
    optimizer = Optimizer(sort=sort).filled()
    reference = Reference(sort, size + size // 2 + 1, **optimizer.kwargs)

    def look(before: Array, mean: Array, after: Array) -> None:
        np.testing.assert_allclose(after, reference.step(before, mean), rtol=2e-6, atol=2e-7)

    rounds(optimizer, size, 6, 1, look)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_whatever_the_options_it_is_that_of_its_paper(data: st.DataObject) -> None:
    sort = data.draw(st.sampled_from(STATEFUL))
    shares, steps = st.floats(0, 0.99), st.floats(0.001, 2)
    kwargs = {name: data.draw(shares if "beta" in name else steps) for name in OPTIMIZERS[sort].options}
    optimizer = Optimizer(sort=sort, kwargs=kwargs)
    reference = Reference(sort, 11, **kwargs)

    def look(before: Array, mean: Array, after: Array) -> None:
        np.testing.assert_allclose(after, reference.step(before, mean), rtol=1e-5, atol=1e-5)

    rounds(optimizer, 7, 4, data.draw(st.integers(0, 9)), look)


@pytest.mark.parametrize("sort", ["fedavg", "fedprox"])
def test_an_average_is_the_exact_sum_s_mean_and_has_no_state(sort: str) -> None:
    optimizer = Optimizer(sort=sort)
    rng = np.random.default_rng(0)
    model, update = pack(weights(rng, 9)), pack(weights(rng, 9))
    total = Sum(read_table(model))
    total.add(update, 7)
    wanted = bytearray(model)
    total.mean(wanted)

    optimizers.advance(optimizer, total, model, None)

    assert model == wanted
    assert not optimizer.has_state


@pytest.mark.parametrize("sort", STATEFUL)
def test_integer_tensors_are_those_of_the_updates(sort: str) -> None:
    optimizer = Optimizer(sort=sort).filled()
    model = pack({"a": np.ones(2, np.float32), "n": np.array([1], np.int64)})
    total = Sum(read_table(model))
    total.add(pack({"a": np.ones(2, np.float32), "n": np.array([2], np.int64)}), 1)

    optimizers.advance(optimizer, total, model, optimizers.begin(optimizer, read_table(model)))

    assert unpack(model)["n"].tolist() == [2]
    assert unpack(model)["a"].tolist() == [1.0, 1.0], "no difference, no step"


@pytest.mark.parametrize("sort", STATEFUL)
def test_the_state_goes_on_from_its_bytes_and_matters(sort: str) -> None:
    """A standby that has model and state makes the same model; one that has the model alone makes another."""
    optimizer = Optimizer(sort=sort).filled()
    rng = np.random.default_rng(3)
    model = pack(weights(rng, 33))
    table = read_table(model)
    state = optimizers.begin(optimizer, table)
    first, second = Sum(table), Sum(table)
    first.add(pack(weights(rng, 33)), 2)
    second.add(pack(weights(rng, 33)), 4)
    optimizers.advance(optimizer, first, model, state)
    theirs, their_state, alone = bytearray(model), bytearray(bytes(state)), bytearray(model)

    optimizers.advance(optimizer, second, model, state)
    optimizers.advance(optimizer, second, theirs, their_state)
    optimizers.advance(optimizer, second, alone, optimizers.begin(optimizer, table))

    assert (theirs, their_state) == (model, state)
    assert alone != model


def test_a_state_of_another_optimizer_or_another_model_does_not_fit() -> None:
    adam, yogi = Optimizer(sort="fedadam").filled(), Optimizer(sort="fedyogi").filled()
    table, other = (read_table(pack({"a": np.zeros(n, np.float32)})) for n in (3, 4))
    state = optimizers.begin(adam, table)

    assert optimizers.fits(adam, table, state)
    assert not optimizers.fits(yogi, table, state)
    assert not optimizers.fits(adam, other, state)
    assert not optimizers.fits(adam, table, state[:-1])
    assert not optimizers.fits(adam, table, None)
    assert not optimizers.fits(Optimizer(), table, state)


def test_the_state_of_a_wide_model_is_wide() -> None:
    optimizer = Optimizer(sort="fedavgm").filled()
    narrow, wide = (
        read_table(optimizers.begin(optimizer, read_table(pack({"a": np.zeros(4, k)}))))
        for k in (np.float32, np.float64)
    )

    assert [t.dtype for t in (*narrow.tensors, *wide.tensors)] == ["F32", "F64"]
