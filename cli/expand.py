"""`fedtag expand TARGET`: the workers that a stack, or a TAG with a Flame job, calls for."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from cli.check import TARGET, fail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tag.load import Expanded, LoadedTag
    from tag.plan import PlannedWorker


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to fedtag's parser."""
    parser = subparsers.add_parser("expand", help="list the workers of a stack or a TAG", description=__doc__)
    parser.add_argument("target", metavar="TARGET", help=TARGET)
    parser.add_argument("--job", metavar="DIR", type=Path, help="folder of a Flame job, for a TAG")
    parser.add_argument("--json", action="store_true", help="print the plan as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Expands; 0 with a plan, 2 with faults."""
    from tag.faults import TagError

    try:
        expanded = _load(args.target, args.job)
    except TagError as error:
        return fail(error, as_json=args.json)
    if args.json:
        print(expanded.plan.model_dump_json(by_alias=True, indent=2))
        return 0
    for warning in expanded.warnings:
        print(warning)
    print("\n".join(_lines(expanded)))
    return 0


def _load(target: str, job: Path | None) -> Expanded:
    from tag.faults import Fault, TagError
    from tag.load import is_stack, load_job_plan, load_stack

    stack = is_stack(target)
    if stack and job is None:
        return load_stack(target)
    if not stack and job is not None:
        return load_job_plan(Path(target), job)
    message = (
        "--job goes with a TAG, and this is a stack; write job: DIR into the stack file, or leave --job out"
        if stack
        else "a TAG alone has no datasets, so no workers follow from it; add --job DIR, or name a stack"
    )
    raise TagError([Fault(target, 1, "T050", "TARGET", message)])


def _lines(expanded: Expanded) -> list[str]:
    plan = expanded.plan
    head = (
        f"federation {plan.federation}: {len(plan.workers)} workers "
        f"({len(plan.trainers)} with data, {len(plan.aggregators)} without)"
    )
    return [head, "", *_table(plan.workers), *_associations(expanded)]


def _table(workers: Sequence[PlannedWorker]) -> list[str]:
    rows = [("WORKER", "ROLE", "GROUPS", "REGION", "DATASET")]
    for worker in workers:
        spec = worker.spec
        groups = " ".join(f"{place.channel}={place.group}" for place in spec.memberships)
        data = f"{spec.dataset.name} ({spec.dataset.uri})" if spec.dataset else "-"
        rows.append((spec.worker, spec.role, groups, worker.region or "-", data))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def _associations(loaded: LoadedTag) -> list[str]:
    """What was inferred, as the user could have written it."""
    lines: list[str] = []
    for name in loaded.inferred:
        role = loaded.tag.role(name)
        if role is None:
            continue
        entries = (", ".join(f"{c}: {g}" for c, g in sorted(e.items())) for e in role.group_association)
        lines.append(f"  {name}: [{', '.join('{' + entry + '}' for entry in entries)}]")
    return ["", "inferred groupAssociation", *lines] if lines else []
