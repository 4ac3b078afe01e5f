"""`fedtag import DIR`: a Flame example as a stack file and a TAG in YAML; says what of it they can't carry."""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from cli.stack_files import add_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.stack_files import StackFiles
    from tag.faults import Fault
    from tag.flame.texts import Flame

_ALIKE = 3
"""So many notes of one kind are told one by one."""

_PROGRAMS = Path(__file__).resolve().parent.parent / "worker" / "programs"


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to fedtag's parser."""
    parser = subparsers.add_parser(
        "import", help="turn a Flame example into a stack file and a TAG", description=__doc__
    )
    parser.add_argument(
        "folder",
        metavar="DIR",
        type=Path,
        help="with schema.json, job.json, modelSpec.json, dataSpec.json, dataset*.json",
    )
    parser.add_argument(
        "--data",
        metavar="URI",
        help="what to train on: mnist: or program: (parts of it), npz:FOLDER/ (the urls' files there), npz:FILE "
        "(default: MNIST and MedMNIST are known by their names)",
    )
    parser.add_argument(
        "--program",
        metavar="FILE",
        type=Path,
        help="the program of the role with data (default: fedtag's for the data)",
    )
    add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Imports; 0 when the files are written, also where this version can't run them yet, 2 with faults in DIR."""
    from cli.stack_files import verdict, write
    from tag.faults import TagError
    from tag.flame.texts import not_carried_over, stack_text, tag_text

    try:
        flame = _read(args.folder, args.data)
    except TagError as error:
        from cli.faults import fail

        return fail(error, as_json=args.json)
    files = _target(args)
    program = files.relative(_program(flame, args.program))
    stack = stack_text(
        flame, [files.schema_line("stack"), *_head(args.folder, files)], f"tags/{files.name}.yaml", program
    )
    tag = tag_text(flame, [files.schema_line("tag"), f"# From Flame's example {args.folder.resolve().name!r}."])
    write(files, stack, tag)
    found, left = verdict(files), [*not_carried_over(flame), *_other_files(args.folder, program)]
    if args.json:
        made = {"stack": str(files.stack), "tag": str(files.tag)}
        print(
            json.dumps({"ok": not found.faults, **made, "notCarriedOver": [asdict(f) for f in left], **found.facts()})
        )
        return 1 if found.faults else 0
    print("\n".join([_made(flame, files), *_left(left), *found.lines(files)]))
    return 1 if found.faults else 0


def _read(folder: Path, data: str | None) -> Flame:
    """Raises TagError with all faults of Flame's files."""
    from tag.flame.data import choose
    from tag.flame.job import load_job
    from tag.flame.texts import Flame
    from tag.load import load_job_plan
    from tag.reading.source import read

    expanded = load_job_plan(folder / "schema.json", folder)
    job = load_job(folder)
    return Flame(read(folder / "schema.json"), job, expanded, choose(job.entries, data))


def _target(args: argparse.Namespace) -> StackFiles:
    from cli.stack_files import stack_files
    from tag.names import slug

    return stack_files(args.name or slug(args.folder.resolve().name), args.out, force=args.force)


def _program(flame: Flame, given: Path | None) -> Path:
    """The program of the role with data.

    Raises:
        InputError: the given one does not exist, or none is known for the data.
    """
    from worker.errors import InputError

    if given is not None:
        if not given.is_file():
            raise InputError(f"program {str(given)!r} does not exist; mend --program")
        return given
    names = {chosen.program for chosen in flame.data}
    if len(names) == 1 and None not in names:
        return _PROGRAMS / str(names.pop())
    uris = ", ".join(sorted({chosen.uri.partition(":")[0] for chosen in flame.data}))
    raise InputError(f"no program of fedtag's goes with this data ({uris}); name yours with --program FILE")


def _head(folder: Path, files: StackFiles) -> list[str]:
    return [
        f"# From Flame's example {folder.resolve().name!r}, by `fedtag import`. Paths are relative to this file.",
        f"# Check it: fedtag check {files.shown}",
        f"# Train on this machine: fedtag run {files.shown}",
    ]


def _other_files(folder: Path, program: str) -> list[Fault]:
    """The code, which is written for Flame's library."""
    from tag.faults import Fault
    from tag.reading.paths import shown

    code = sorted({*folder.glob("*.zip"), *folder.glob("*.py"), *folder.glob("*/main.py")})
    message = f"it is written for Flame's library; {program} takes its place"
    return [Fault(shown(path), 1, "T019", "code", message, "warning") for path in code]


def _made(flame: Flame, files: StackFiles) -> str:
    from tag.reading.paths import shown

    plan = flame.expanded.plan
    workers = f"{len(plan.trainers)} worker{'s' * (len(plan.trainers) != 1)} with data, {len(plan.aggregators)} without"
    return f"wrote {shown(files.stack)} and {shown(files.tag)}: {workers}"


def _left(left: Sequence[Fault]) -> list[str]:
    """A line for each; many alike, such as a field of all records, are told by the first."""
    if not left:
        return []
    alike: dict[tuple[str, str, str], list[Fault]] = {}
    for fault in left:
        kind = re.sub(r"[0-9]+/[0-9]+|/[^ ]*", "", fault.message)
        alike.setdefault((fault.code, fault.subject.partition(" ")[0], kind), []).append(fault)
    lines = []
    for faults in alike.values():
        shown, more = (faults, 0) if len(faults) <= _ALIKE else (faults[:1], len(faults) - 1)
        lines += [f"  {fault.file}:{fault.line}: {fault.subject}: {fault.message}" for fault in shown]
        lines += [f"    and {more} more like it (--json lists all)"] if more else []
    return ["not carried over:", *lines]
