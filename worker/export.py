"""`python -m worker.export`: a federation's weights as a `.keras` file that Keras loads without fedtag.

It runs where TensorFlow is; aggregators and commands have none.
"""

import argparse
import importlib
import sys
from pathlib import Path

import numpy as np

from worker import determinism, keras_defaults
from worker.errors import InputError, WorkerError
from worker.model import build_model, weight_names
from worker.program import load_program
from worker.tensors import TensorError, Weights, unpack


def export(program: Path, weights: Weights, out: Path) -> bool:
    """Build the program's model, give it the weights and save it; gives whether it is a Keras model and was saved.

    Raises:
        InputError: the program is out of order, or the weights are not its model's.
        WorkerError: the file can't be written.
    """
    determinism.prepare(1)
    loaded = load_program(program)
    if loaded.wants_data:
        return False  # such a model is shaped by data, which is elsewhere
    model = build_model(loaded, None, 0)
    if not keras_defaults.is_keras(model):
        return False
    names = weight_names(model)
    shapes = {name: np.shape(weight) for name, weight in zip(names, model.get_weights(), strict=True)}
    given = {name: weight.shape for name, weight in weights.items()}
    if shapes != given:
        wrong = sorted(name for name in shapes.keys() | given.keys() if shapes.get(name) != given.get(name))
        raise InputError(
            f"tensor {wrong[0]!r} has shape {given.get(wrong[0])!r} in the weights and {shapes.get(wrong[0])!r} in the "
            f"model of program {str(program)!r}; both must agree; take the program that trained these weights"
        )
    model.set_weights([weights[name] for name in names])
    draft = out.with_name(f".{out.stem}.draft.keras")
    try:
        importlib.import_module("keras").saving.save_model(model, draft)
        draft.replace(out)
    except OSError as error:
        raise WorkerError(f"file {str(out)!r} can't be written ({error.strerror}); choose a folder that can") from error
    return True


def main(argv: list[str] | None = None) -> int:
    """Run the command; gives its exit status: 0 fine, also where there is nothing to write; 1 failed; 2 bad input."""
    parser = argparse.ArgumentParser(prog="python -m worker.export", description=__doc__)
    parser.add_argument("--program", type=Path, required=True, help="the program that trained the weights")
    parser.add_argument("--weights", type=Path, required=True, nargs="+", help="a model.safetensors, or several")
    parser.add_argument("--out", type=Path, required=True, nargs="+", help="the .keras file to write for each")
    arguments = parser.parse_args(argv)
    if len(arguments.weights) != len(arguments.out):
        parser.error(f"{len(arguments.weights)} --weights and {len(arguments.out)} --out; give one --out for each")
    for weights, out in zip(arguments.weights, arguments.out, strict=True):
        try:
            saved = export(arguments.program, unpack(weights.read_bytes()), out)
        except (OSError, TensorError) as error:
            sys.stderr.write(f"weights {str(weights)!r} can't be read ({error}); a model.safetensors is wanted\n")
            return 2
        except WorkerError as error:
            sys.stderr.write(f"{error.detail}{error}\n")
            return error.status
        done = f"wrote {out}" if saved else f"{arguments.program} makes no Keras model without data; no .keras file"
        sys.stdout.write(f"{done}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
