"""The folder of a run, `runs/<time>-<federation>/`: what is kept of it."""

import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from report import environment
from tag.load import Loaded
from worker.errors import InputError
from worker.events import Event

_CUT_OFF = "the run was cut off before it could end"


class RunFolder:
    """An existing, new folder; it is entered while the run goes on, and gone afterwards if the input was bad.

    Attributes:
        path: of the folder.
    """

    def __init__(self, path: Path, *, made: Path | None = None) -> None:
        self.path = path
        self.logs.mkdir()
        self._made = made
        self._record: dict[str, Any] = {}
        self._events = (path / "events.jsonl").open("a", encoding="utf-8", buffering=1)

    @classmethod
    def create(cls, root: Path, federation: str, now: datetime | None = None) -> Self:
        """A new folder in `root`, which is made if need be; a number is added where the name is taken.

        Raises:
            InputError: it can't be made.
        """
        name = f"{now or datetime.now(UTC):%Y%m%dT%H%M%SZ}-{federation}"
        made = None if root.exists() else root
        try:
            root.mkdir(parents=True, exist_ok=True)
            number = 1
            while True:
                path = root / (name if number == 1 else f"{name}-{number}")
                try:
                    path.mkdir()
                    break
                except FileExistsError:
                    number += 1
            return cls(path, made=made)
        except OSError as error:
            raise InputError(
                f"folder {str(root)!r} can't keep runs ({error.strerror}); a folder that you may write to is wanted; "
                "choose one with --runs"
            ) from error

    @classmethod
    def at(cls, path: Path) -> Self:
        """A new folder under that very path.

        Raises:
            InputError: it can't be made, or holds something.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
            if any(path.iterdir()):
                raise InputError(
                    f"folder {str(path)!r} holds something already; a run has a folder for itself; name another"
                )
            return cls(path)
        except OSError as error:
            raise InputError(
                f"folder {str(path)!r} can't keep a run ({error.strerror}); a folder that you may write to is wanted; "
                "name another"
            ) from error

    @property
    def logs(self) -> Path:
        """Where each worker's output is."""
        return self.path / "logs"

    @property
    def model(self) -> Path:
        """The model as a safetensors file; its SHA-256 is the model's."""
        return self.path / "model.safetensors"

    def model_of(self, experiment: str) -> Path:
        """The model of an experiment, likewise; that of the only one (an empty name) is `model`."""
        return self.path / "models" / f"{experiment}.safetensors" if experiment else self.model

    @property
    def models(self) -> list[Path]:
        """The models that are kept, as safetensors files."""
        found = [self.model, *sorted((self.path / "models").glob("*.safetensors"))]
        return [path for path in found if path.is_file()]

    def keep_model(self, content: bytes, experiment: str = "") -> Path:
        """Write a model; gives its path."""
        path = self.model_of(experiment)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return path

    def __enter__(self) -> Self:
        """Keep it while the run goes on."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close its files; remove it if the input was bad."""
        self._events.close()
        if isinstance(error, InputError):
            self.discard()

    def begin(self, loaded: Loaded, **facts: Any) -> None:
        """Write `plan.json`, and a `run.json` that holds if the run is cut off.

        Args:
            loaded: the stack.
            facts: fields of `run.json` that are not as in a run that begins now on this machine.
        """
        plan = json.loads(loaded.plan.model_dump_json(by_alias=True))
        _write(self.path / "plan.json", plan)
        self._record = {
            "federation": loaded.plan.federation,
            "stack": loaded.name,
            "seed": loaded.stack.seed,
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": 0.0,
            "outcome": "interrupted",
            "message": _CUT_OFF,
            "model_sha256": None,
            "accuracy": None,
            "versions": environment.versions(),
            "cpu": environment.cpu(),
            "threads": loaded.stack.threads,
        }
        self.update(**facts)

    def append(self, event: Event) -> None:
        """Add a line to `events.jsonl`."""
        self._events.write(event.to_json() + "\n")

    def update(self, **fields: Any) -> None:
        """Set fields of `run.json`."""
        self._record |= fields
        _write(self.path / "run.json", self._record)

    def discard(self) -> None:
        """Remove it, and its parent if that was made for it and is empty."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._made is not None and self._made.is_dir() and not any(self._made.iterdir()):
            self._made.rmdir()


def _write(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON so that a reader sees the old file or the new one, whole."""
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(path)
