"""Models as programs make them: built from a seed, with named weights, checked against the data."""

import sys
from typing import Any

import numpy as np

from worker import determinism, keras_defaults
from worker.data import Data
from worker.errors import InputError
from worker.program import Model, Program

__all__ = ["Model", "build_model", "check_fit", "weight_names"]

_TABLE_AXES = 2


def build_model(program: Program, data: Data | None, seed: int) -> Model:
    """A new model, in a process that has forgotten all models before it.

    Args:
        program: builds it.
        data: given to a `build_model` that takes it.
        seed: of Python's, numpy's and Keras' generators.

    Raises:
        InputError: `build_model` raised, or gave no model.
    """
    had_tensorflow = "tensorflow" in sys.modules
    determinism.settle()
    determinism.seed_everything(seed)
    model = program.build_model(data)
    if "tensorflow" in sys.modules and not had_tensorflow:  # imported by build_model: again, now settled and seeded
        determinism.settle()
        determinism.seed_everything(seed)
        model = program.build_model(data)
    return model


def weight_names(model: Model) -> tuple[str, ...]:
    """Unique names of a model's weights: Keras' paths, the model's `weight_names`, or numbers.

    Raises:
        InputError: weights are no arrays of finite numbers, or there are none.
    """
    weights = model.get_weights()
    if keras_defaults.is_keras(model):
        names = keras_defaults.weight_names(model)
    else:
        names = list(getattr(model, "weight_names", None) or (f"{i:04d}" for i in range(len(weights))))
    if not weights or len(names) != len(weights):
        raise InputError(
            f"the model has {len(weights)} weights and {len(names)} names for them; it needs one weight or more, each "
            "with a name; start a Keras model with keras.Input, or mend get_weights or weight_names"
        )
    for name, weight in zip(names, map(np.asarray, weights), strict=True):
        if weight.dtype.kind not in "iuf":
            raise InputError(f"tensor {name!r} has dtype {str(weight.dtype)!r}; numbers are wanted; take float32")
        if weight.dtype.kind == "f" and not np.isfinite(weight).all():
            raise InputError(f"tensor {name!r} is not finite when built; weights must be finite; mend its initializer")
    return tuple(f"{name}:{i}" if names.count(name) > 1 else name for i, name in enumerate(names))


def check_fit(program: Program, model: Model, data: Data, dataset: str) -> None:
    """Compare model, hooks and data: `input_shape` and `output_shape`, batch axis first, of models that have them.

    Raises:
        InputError: a hook is missing, samples don't fit the model's input, or labels its outputs.
    """
    what = f"program {str(program.path)!r}, dataset {dataset!r}"
    outputs = _shape(model, "output_shape")
    for hook in ("train", "evaluate"):
        by_default = keras_defaults.is_keras(model) and (outputs is None or len(outputs) == _TABLE_AXES)
        if hook not in program.functions and not by_default:
            raise InputError(
                f"program {str(program.path)!r} has no function {hook}; only Keras models with an output per class do "
                f"without it, and build_model returns {type(model).__name__!r}; add {hook}, see docs/programs.md"
            )
    wanted, given = _shape(model, "input_shape"), (None, *data.train.x.shape[1:])
    if wanted and (len(wanted) != len(given) or any(a not in (None, b) for a, b in zip(wanted, given, strict=True))):
        raise InputError(
            f"{what}: samples have shape {given[1:]!r}, and the model takes {wanted[1:]!r}; they must agree; "
            "mend the model's input or load_data"
        )
    classes = outputs[-1] if outputs else None
    if isinstance(classes, int) and data.classes > classes:
        raise InputError(
            f"{what}: label {data.classes - 1} is outside the model's {classes} classes; labels go from 0 to "
            f"{classes - 1}; give the model {data.classes} outputs or mend the labels"
        )


def _shape(model: Any, name: str) -> tuple[Any, ...] | None:
    try:
        shape = getattr(model, name, None)
    except ValueError:  # Keras' answer of a model that was not built
        return None
    return shape if isinstance(shape, tuple) else None
