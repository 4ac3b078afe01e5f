"""`python -m worker.measure`: how large a program's model is, and how much memory building it takes.

It runs as a process of its own: TensorFlow takes memory that is never given back, and a program may never end.
"""

import argparse
import json
import resource
import sys
from pathlib import Path

from tag.spec import WorkerSpec
from worker import determinism
from worker.errors import InputError, WorkerError
from worker.model import build_model, weight_names
from worker.program import load_program
from worker.tensors import table_of


def measure(spec: WorkerSpec) -> dict[str, int]:
    """The model of a worker's program: `modelBytes` of its file, its `parameters`, and this process's `peakBytes`.

    Data is loaded only where `build_model` takes it.

    Raises:
        InputError: the program, its data or its model is out of order.
    """
    if spec.program is None or spec.dataset is None:
        raise InputError(f"worker {spec.worker!r} has no program and dataset; a worker with both is wanted")
    determinism.prepare(1)
    program = load_program(spec.program)
    model = build_model(program, program.load_data(spec.dataset) if program.wants_data else None, 0)
    table = table_of(dict(zip(weight_names(model), model.get_weights(), strict=True)))
    return {"modelBytes": table.size, "parameters": table.parameters, "peakBytes": _peak()}


def _peak() -> int:
    """This process's peak of memory in bytes; on Linux `ru_maxrss` would be at least that of the process before it."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    lines = status.read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def main(argv: list[str] | None = None) -> int:
    """Run the command; gives its exit status: 0 fine, 1 failed, 2 bad input."""
    parser = argparse.ArgumentParser(prog="python -m worker.measure", description=__doc__)
    parser.add_argument("--spec", type=Path, required=True, help="the JSON of a worker's spec")
    parser.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    arguments = parser.parse_args(argv)
    try:
        found = measure(WorkerSpec.model_validate_json(arguments.spec.read_bytes()))
    except WorkerError as error:
        sys.stderr.write(f"{error.detail}{error}\n")
        return error.status
    arguments.out.write_text(json.dumps(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
