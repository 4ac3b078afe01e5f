"""What `fedtag new` and `fedtag import` share: a stack file and a TAG that are written together, and checked."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    from tag.faults import Fault

NOT_YET = frozenset({"T044", "T049"})
"""Faults of what is right, but can't run in this version."""


@dataclass(frozen=True)
class StackFiles:
    """Where the two files go.

    Attributes:
        name: of the stack.
        folder: of the stack file; the TAG goes to `tags` in it.
    """

    name: str
    folder: Path

    @property
    def stack(self) -> Path:
        """The stack file."""
        return self.folder / f"Pulumi.{self.name}.yaml"

    @property
    def tag(self) -> Path:
        """The TAG."""
        return self.folder / "tags" / f"{self.name}.yaml"

    @property
    def shown(self) -> str:
        """What other commands take for the stack: its name, or the path of its file."""
        from tag.load import STACKS
        from tag.reading.paths import shown

        return self.name if self.folder.resolve() == STACKS else shown(self.stack)

    def relative(self, path: Path) -> str:
        """A path as the stack file writes it: relative within the project, else absolute."""
        return _relative(path, self.folder)

    def schema_line(self, kind: str) -> str:
        """The comment by which editors find the JSON Schema of a `stack` or a `tag`."""
        from tag.load import STACKS

        folder = self.folder if kind == "stack" else self.tag.parent
        return (
            f"# yaml-language-server: $schema={_relative(STACKS.parent / 'docs' / 'schema' / f'{kind}.json', folder)}"
        )


def _relative(path: Path, folder: Path) -> str:
    from tag.load import STACKS

    path, folder = path.resolve(), folder.resolve()
    inside = path.is_relative_to(STACKS.parent) and folder.is_relative_to(STACKS.parent)
    return os.path.relpath(path, folder) if inside or path.is_relative_to(folder) else str(path)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of where files go."""
    parser.add_argument("--name", metavar="NAME", help="name of the stack")
    parser.add_argument(
        "--out", metavar="FOLDER", type=Path, help="write Pulumi.NAME.yaml and tags/NAME.yaml there (default: stacks)"
    )
    parser.add_argument("--force", action="store_true", help="overwrite files that exist")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def stack_files(name: str, out: Path | None, *, force: bool) -> StackFiles:
    """Where the files go.

    Raises:
        InputError: the name is no name, or a file exists and is not to be overwritten.
    """
    from tag.load import STACKS
    from tag.names import RULE, is_name
    from tag.reading.paths import shown
    from worker.errors import InputError

    if not is_name(name):
        raise InputError(f"the stack's name {name!r} can't stand in topics and namespaces; {RULE}; give --name")
    found = StackFiles(name, STACKS if out is None else out)
    exist = [shown(path) for path in (found.stack, found.tag) if path.exists()]
    if exist and not force:
        those = "it" if len(exist) == 1 else "them"
        raise InputError(
            f"{' and '.join(exist)} would be overwritten; give another --name, or --force to replace {those}"
        )
    return found


def write(files: StackFiles, stack: str, tag: str) -> None:
    """Writes both files.

    Raises:
        InputError: the folder can't be written.
    """
    from worker.errors import InputError

    try:
        files.tag.parent.mkdir(parents=True, exist_ok=True)
        files.tag.write_text(tag, encoding="utf-8")
        files.stack.write_text(stack, encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{str(files.folder)!r} can't be written: {reason}; give another --out") from error


@dataclass(frozen=True)
class Verdict:
    """What `fedtag check` says of the files.

    Attributes:
        waits: faults of what can't run in this version.
        faults: other errors.
        warnings: what stops nothing.
    """

    waits: tuple[Fault, ...]
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]

    def facts(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "runs": not self.waits and not self.faults,
            "faults": [asdict(fault) for fault in (*self.waits, *self.faults, *self.warnings)],
        }

    def lines(self, files: StackFiles) -> list[str]:
        """For people: what remains, and what to do next."""
        from tag.reading.paths import shown

        lines = [str(fault) for fault in (*self.faults, *self.warnings)]
        if self.faults:
            return [*lines, f"mend these, and try again: fedtag check {files.shown}"]
        if not self.waits:
            return [*lines, f"next: fedtag run {files.shown}"]
        waits = [f"{fault.subject}: {fault.message}" for fault in self.waits]
        return [*lines, *waits, f"the graph itself has no faults: fedtag check {shown(files.tag)}"]


def verdict(files: StackFiles) -> Verdict:
    """Checks the files that were written."""
    from tag.faults import TagError, split
    from tag.load import load_stack

    try:
        loaded = load_stack(files.stack)
    except TagError as error:
        errors, warnings = split(error.faults)
        waits = tuple(fault for fault in errors if fault.code in NOT_YET)
        return Verdict(waits, tuple(fault for fault in errors if fault.code not in NOT_YET), warnings)
    return Verdict((), (), loaded.warnings)
