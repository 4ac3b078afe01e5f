"""A kept model as Keras loads it, written by a process of its own: TensorFlow takes memory that is never given back."""

from collections.abc import Callable

from local.processes import Child, Command
from report.folder import RunFolder
from tag.load import Loaded

EXPORT_S = 120.0


def export_keras(loaded: Loaded, folder: RunFolder, say: Callable[[str], None]) -> None:
    """Write `model.keras` beside `model.safetensors`, if the program makes Keras models and TensorFlow is there.

    Args:
        loaded: the stack that was trained.
        folder: of the run; it holds the model.
        say: is told if it could not be written.
    """
    program = next(w.spec.program for w in loaded.plan.trainers)
    arguments = ("--program", str(program), "--weights", str(folder.model), "--out", str(folder.keras))
    log = folder.logs / "export.log"
    child = Child(Command("export", "worker.export", arguments, log, loaded.stack.threads))
    try:
        status = child.wait(EXPORT_S)
    finally:
        child.stop(0)
    if status != 0:
        say(f"model.keras could not be written; read {log}; model.safetensors holds the model")
