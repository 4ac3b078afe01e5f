"""The size of a program's model, built by a child process within a time limit."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from local.processes import Child, Command
from tag.spec import WorkerSpec
from worker.errors import InputError, WorkerError

BUILD_S = 120.0
"""Seconds that a program may take to be loaded and to build its model."""


@dataclass(frozen=True)
class Measured:
    """A program's model.

    Attributes:
        model: bytes of its file.
        parameters: values in floating tensors.
        peak: bytes of memory of the process that built it, data not loaded unless the model needs it.
    """

    model: int
    parameters: int
    peak: int


def measure(spec: WorkerSpec, *, timeout: float = BUILD_S) -> Measured:
    """Builds the model of a worker's program.

    Args:
        spec: of a worker with data.
        timeout: seconds, after which the process is ended.

    Raises:
        InputError: the program is out of order, or not ready in time.
        WorkerError: the process failed otherwise.
    """
    with tempfile.TemporaryDirectory(prefix="fedtag-") as name:
        folder = Path(name)
        out = folder / "out.json"
        (folder / "spec.json").write_text(spec.model_dump_json(by_alias=True), encoding="utf-8")
        arguments = ("--spec", str(folder / "spec.json"), "--out", str(out))
        child = Child(Command("measure", "worker.measure", arguments, folder / "log"))
        try:
            status = child.wait(timeout)
        finally:
            child.stop(0)
        if status == 0:
            found = json.loads(out.read_text(encoding="utf-8"))
            return Measured(found["modelBytes"], found["parameters"], found["peakBytes"])
        raise _failure(spec, status, child.output(), timeout)


def _failure(spec: WorkerSpec, status: int | None, said: list[str], timeout: float) -> WorkerError:
    if status is None:
        return InputError(
            f"program {spec.program!r} has not built its model after {timeout:g} s; mend it, or give --model-size"
        )
    last = said[-1] if said else "it said nothing"
    detail = "".join(f"{line}\n" for line in said[:-1])
    if status == InputError.status:
        return InputError(f"{last}; or give --model-size", detail=detail)
    return WorkerError(f"program {spec.program!r} failed with exit status {status}: {last}", detail=detail)
