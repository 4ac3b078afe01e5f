"""How a root makes the next model of a round's sum: in float64 on delta = mean - model, block by block, so exactly.

FedAvgM: Hsu, Qi, Brown 2019, Measuring the Effects of Non-Identical Data Distribution (arXiv:1909.06335), section 3.
FedAdam, FedYogi, FedAdagrad: Reddi et al. 2021, Adaptive Federated Optimization (arXiv:2003.00295), algorithm 2, whose
second moment begins at tau². Its state (momentum, second moment) has one value for each of the model's floating values,
in float32, or float64 for a model of float64; it is a safetensors file beside the model's, and goes where that goes.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from tag.options import Optimizer
from worker.sums import Sum
from worker.tensors import Table, TensorError, Weights, pack, read_table, table_of

Block = NDArray[np.float64]
Options = Mapping[str, float]
Rule = Callable[[Options, Block, tuple[Block, ...]], tuple[Block, tuple[Block, ...]]]
"""Options, delta and state to the step that is added to the model, and the next state; all in float64, elementwise."""


def fedavgm(options: Options, delta: Block, state: tuple[Block, ...]) -> tuple[Block, tuple[Block, ...]]:
    """Momentum that adds up: v = beta v + delta, the step is eta v."""
    momentum = options["beta"] * state[0] + delta
    return options["eta"] * momentum, (momentum,)


def fedadam(options: Options, delta: Block, state: tuple[Block, ...]) -> tuple[Block, tuple[Block, ...]]:
    """The second moment fades: v = beta_2 v + (1 - beta_2) delta²."""
    second = options["beta_2"] * state[1] + (1 - options["beta_2"]) * delta**2
    return _adapted(options, delta, state[0], second)


def fedyogi(options: Options, delta: Block, state: tuple[Block, ...]) -> tuple[Block, tuple[Block, ...]]:
    """The second moment moves by a bounded step: v = v - (1 - beta_2) delta² sign(v - delta²)."""
    square = delta**2
    second = state[1] - (1 - options["beta_2"]) * square * np.sign(state[1] - square)
    return _adapted(options, delta, state[0], second)


def fedadagrad(options: Options, delta: Block, state: tuple[Block, ...]) -> tuple[Block, tuple[Block, ...]]:
    """The second moment only grows: v = v + delta²."""
    return _adapted(options, delta, state[0], state[1] + delta**2)


def _adapted(options: Options, delta: Block, momentum: Block, second: Block) -> tuple[Block, tuple[Block, ...]]:
    momentum = options["beta_1"] * momentum + (1 - options["beta_1"]) * delta
    return options["eta"] * momentum / (np.sqrt(second) + options["tau"]), (momentum, second)


_ADAPTIVE = ("momentum", "second")
_RULES: Mapping[str, tuple[Rule, tuple[str, ...]]] = {
    "fedavgm": (fedavgm, ("momentum",)),
    "fedadam": (fedadam, _ADAPTIVE),
    "fedyogi": (fedyogi, _ADAPTIVE),
    "fedadagrad": (fedadagrad, _ADAPTIVE),
}
"""Each rule, and the names of its state."""


def begin(optimizer: Optimizer, table: Table) -> bytearray:
    """The state before the first round of a model: a safetensors file.

    Raises:
        KeyError: the optimizer has none.
    """
    return pack(_first(optimizer, table))


def _first(optimizer: Optimizer, table: Table) -> Weights:
    """The tensors of the state before the first round, of which each value is stored once."""
    _, slots = _RULES[optimizer.sort]
    wide = any(tensor.dtype == "F64" for tensor in table.tensors)
    first = {"momentum": 0.0, "second": optimizer.option("tau") ** 2 if "second" in slots else 0.0}
    kind = np.dtype(np.float64 if wide else np.float32)
    values = {f"{optimizer.sort}.{slot}": np.array(first[slot], kind) for slot in slots}
    return {name: np.broadcast_to(value, (table.parameters,)) for name, value in values.items()}


def fits(optimizer: Optimizer, table: Table, state: bytes | bytearray | None) -> bool:
    """Whether a state is one of this optimizer, for models of this table."""
    if state is None or not optimizer.has_state:
        return False
    try:
        return read_table(state).header == table_of(_first(optimizer, table)).header
    except TensorError:
        return False


def advance(optimizer: Optimizer, total: Sum, model: bytearray, state: bytearray | None) -> None:
    """Write the next model over a model's bytes, and the next state over the state's.

    Args:
        optimizer: with all of its options.
        total: of the round's updates; integer tensors are taken from them as they are.
        model: a safetensors file, in float32 after a rounding from float64.
        state: that of this optimizer and model; None for an average.
    """
    if state is None:
        total.mean(model)
        return
    rule, _ = _RULES[optimizer.sort]
    options = optimizer.filled().kwargs
    arrays = [tensor.view(state) for tensor in read_table(state).tensors]
    at = 0
    for values, mean in total.means(model):
        here = slice(at, at + mean.size)
        before = values.astype(np.float64)
        step, after = rule(options, mean - before, tuple(array[here].astype(np.float64) for array in arrays))
        values[...] = before + step
        for array, value in zip(arrays, after, strict=True):
            array[here] = value
        at = here.stop
    total.copy_integers(model)
