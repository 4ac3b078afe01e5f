"""Kept models as Keras loads them, written by a process of its own: TensorFlow never gives its memory back."""

from collections.abc import Callable, Sequence
from pathlib import Path

from local.processes import Child, Command
from report.folder import RunFolder
from tag.load import Loaded

EXPORT_S = 120.0


def export_keras(loaded: Loaded, folder: RunFolder, models: Sequence[Path], say: Callable[[str], None]) -> None:
    """Write a `.keras` file beside each model, if the program makes Keras models and TensorFlow is there.

    Args:
        loaded: the stack that was trained.
        folder: of the run.
        models: the safetensors files in it; nothing is done without one.
        say: is told if they could not be written.
    """
    if not models:
        return
    program = next(w.spec.program for w in loaded.plan.trainers)
    outs = [model.with_suffix(".keras") for model in models]
    arguments = ("--program", str(program), "--weights", *map(str, models), "--out", *map(str, outs))
    log = folder.logs / "export.log"
    child = Child(Command("export", "worker.export", arguments, log, loaded.stack.threads))
    try:
        status = child.wait(EXPORT_S)
    finally:
        child.stop(0)
    if status != 0:
        what = "model.keras" if len(models) == 1 else "the .keras files"
        say(f"{what} could not be written; read {log}; {_listing(models, folder)} the weights")


def _listing(models: Sequence[Path], folder: RunFolder) -> str:
    names = [str(model.relative_to(folder.path)) for model in models]
    return f"{names[0]} holds" if len(names) == 1 else f"{', '.join(names)} hold"
