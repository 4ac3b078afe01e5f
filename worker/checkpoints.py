"""A leader's checkpoints on its volume: atomic, checksummed, two generations, written beside the round.

A generation is `RUN-ROUND.safetensors` (the model), `RUN-ROUND.json` (its digest, and whose updates are in it) and,
where the optimizer has a state, `RUN-ROUND.optimizer.safetensors`; it counts only if all of it is whole.
"""

import contextlib
import json
import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from worker.journal import Journal
from worker.protocol.messages import Held
from worker.tensors import digest

KEEP_S = 0.5
"""Least seconds between two checkpoints: of shorter rounds, not each is worth the disk's time."""
_KEPT = 2
_STATE = ".optimizer.safetensors"

Kept = tuple[Held, tuple[str, ...], bytearray, bytearray | None]
"""A model, whose updates are in it, its file, and that of the optimizer's state if there is one."""


class Checkpoints:
    """The models of the last rounds, in a folder.

    Args:
        folder: made if it is missing.

    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer = ThreadPoolExecutor(1, "checkpoint")
        self._writing: Future[None] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def begin(
        self,
        held: Held,
        participants: tuple[str, ...],
        file: bytes | bytearray,
        state: bytes | bytearray | None = None,
    ) -> None:
        """Begin to keep a model and an optimizer's state, whose bytes stay as they are until `settle`."""
        self._writing = self._writer.submit(self._write, held, participants, file, state)

    def settle(self) -> str:
        """Wait for what was begun; why it could not be kept, or empty."""
        writing, self._writing = self._writing, None
        error = writing.exception() if writing is not None else None
        if error is None:
            return ""
        if isinstance(error, OSError):
            return f"the checkpoint could not be written to {str(self._folder)!r}: {error}; the run goes on without it"
        raise error

    def _write(
        self,
        held: Held,
        participants: tuple[str, ...],
        file: bytes | bytearray,
        state: bytes | bytearray | None,
    ) -> None:
        """Keep a model; the oldest goes."""
        name = f"{held.run:08d}-{held.round:08d}"
        self._replace(f"{name}.safetensors", file)
        about = {"run": held.run, "round": held.round, "digest": held.digest, "participants": participants}
        if state is not None:
            self._replace(f"{name}{_STATE}", state)
            about["optimizer"] = digest(state)
        self._replace(f"{name}.json", json.dumps(about).encode())
        for old in sorted(self._folder.glob("*.json"))[:-_KEPT]:
            old.unlink()
            for suffix in (".safetensors", _STATE):
                with contextlib.suppress(OSError):
                    old.with_suffix(suffix).unlink()

    def read(self) -> Kept | None:
        """The newest model that is whole; None if there is none."""
        for about in sorted(self._folder.glob("*.json"), reverse=True):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                text = json.loads(about.read_bytes())
                file = bytearray(about.with_suffix(".safetensors").read_bytes())
                named = text.get("optimizer")
                state = bytearray(about.with_suffix(_STATE).read_bytes()) if named is not None else None
                if digest(file) == text["digest"] and (state is None or digest(state) == named):
                    held = Held(int(text["run"]), int(text["round"]), text["digest"], len(file))
                    return held, tuple(text["participants"]), file, state
        return None

    def _replace(self, name: str, data: bytes | bytearray) -> None:
        temporary = self._folder / f".{name}.part"
        with temporary.open("wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(self._folder / name)


class Volume:
    """An aggregator's checkpoints, if it has a folder for them.

    Args:
        folder: None keeps nothing.
        journal: is told what can't be kept; the run goes on without it.
    """

    def __init__(self, folder: Path | None, journal: Journal) -> None:
        self._checkpoints = Checkpoints(folder) if folder is not None else None
        self._journal = journal
        self._kept = ""
        self._next = 0.0

    def read(self) -> Kept | None:
        """The newest model that is whole; None if there is none."""
        found = self._checkpoints.read() if self._checkpoints is not None else None
        self._kept = found[0].digest if found is not None else ""
        return found

    def keep(
        self,
        held: Held,
        participants: tuple[str, ...],
        file: bytes | bytearray,
        now: float | None = None,
        *,
        state: bytes | bytearray | None = None,
    ) -> None:
        """Begin to keep a model that is new, unless the last was begun less than `KEEP_S` seconds before `now`."""
        due = now is None or now >= self._next
        if self._checkpoints is None or held.digest == self._kept or not due:
            return
        self.settle()
        self._kept = held.digest
        self._next = (now or 0.0) + KEEP_S
        self._checkpoints.begin(held, participants, file, state)

    def settle(self) -> None:
        """Wait until what was begun is kept; then its bytes may change."""
        if self._checkpoints is not None and (trouble := self._checkpoints.settle()):
            self._journal.write("error", trouble)
