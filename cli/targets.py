"""The TARGET of commands: a stack, a TAG with a Flame job, or a TAG alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from tag.load import Expanded, LoadedTag

TARGET = "a stack's name (stacks/Pulumi.NAME.yaml), the path of a stack file, or the path of a TAG (YAML or JSON)"


def add_target(parser: argparse.ArgumentParser, *, as_json: str = "print one JSON object") -> None:
    """Adds TARGET, --job and --json.

    Args:
        parser: of the command.
        as_json: what --json prints.
    """
    parser.add_argument("target", metavar="TARGET", help=TARGET)
    parser.add_argument("--job", metavar="DIR", type=Path, help="folder of a Flame job, for a TAG")
    parser.add_argument("--json", action="store_true", help=as_json)


def load(target: str, job: Path | None) -> LoadedTag:
    """What a target is, whether or not this version can run it: a `Loaded` stack, an `Expanded` job, or a TAG alone.

    Raises:
        TagError: with the faults of the files, or because a stack has no use for a job.
    """
    from tag.faults import Fault, TagError
    from tag.load import is_stack, load_job_plan, load_stack, load_tag

    if not is_stack(target):
        return load_tag(Path(target)) if job is None else load_job_plan(Path(target), job)
    if job is not None:
        message = "goes with a TAG, and this is a stack; write job: DIR into the stack file, or leave --job out"
        raise TagError([Fault(target, 1, "T050", "--job", message)])
    return load_stack(target, to_run=False)


def load_plan(target: str, job: Path | None, remedy: str) -> Expanded:
    """A target that has workers.

    Args:
        target: of the command.
        job: likewise.
        remedy: what gives a TAG alone its datasets.

    Raises:
        TagError: as `load`, and for a TAG alone.
    """
    from tag.faults import Fault, TagError
    from tag.load import Expanded

    loaded = load(target, job)
    if not isinstance(loaded, Expanded):
        message = f"a TAG alone has no datasets, so no workers follow from it; {remedy}"
        raise TagError([Fault(target, 1, "T050", "TARGET", message)])
    return loaded
