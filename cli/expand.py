"""`fedtag expand TARGET`: the workers that a stack, or a TAG with a Flame job, calls for."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from typing import TYPE_CHECKING

from cli.faults import fail
from cli.targets import add_target, load_plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tag.load import Expanded, LoadedTag
    from tag.plan import Plan, PlannedWorker

MOST_LINES = 50
"""Lines of a table that people read; --json has everything."""

MOST_ENTRIES = 12
"""Entries of an inferred association that are shown."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to fedtag's parser."""
    parser = subparsers.add_parser("expand", help="list the workers of a stack or a TAG", description=__doc__)
    add_target(parser, as_json="print the plan as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Expands; 0 with a plan, 2 with faults."""
    from tag.faults import TagError

    try:
        expanded = load_plan(args.target, args.job, "add --job DIR, or name a stack")
    except TagError as error:
        return fail(error, as_json=args.json)
    if args.json:
        print(_as_json(expanded.plan))
        return 0
    for warning in expanded.warnings[:MOST_LINES]:
        print(warning)
    print("\n".join(_more(len(expanded.warnings), "warnings and notes\n")), end="")
    print("\n".join(_lines(expanded)))
    return 0


def _as_json(plan: Plan) -> str:
    """The plan, and its brokers where there are several."""
    if len(plan.brokers) == 1:
        return plan.model_dump_json(by_alias=True, indent=2)
    brokers = [broker._asdict() for broker in plan.brokers]
    return json.dumps({**plan.model_dump(mode="json", by_alias=True), "brokers": brokers}, indent=2)


def _lines(expanded: Expanded) -> list[str]:
    plan = expanded.plan
    head = (
        f"federation {plan.federation}: {len(plan.workers):,} workers "
        f"({len(plan.trainers):,} with data, {len(plan.aggregators):,} without)"
    )
    return [head, "", *_workers(plan.workers), "", *_groups(plan.workers), *_brokers(plan), *_associations(expanded)]


def _workers(workers: Sequence[PlannedWorker]) -> list[str]:
    rows = []
    for worker in workers[:MOST_LINES]:
        spec = worker.spec
        groups = " ".join(f"{place.channel}={place.group}" for place in spec.memberships)
        data = f"{spec.dataset.name} ({spec.dataset.uri})" if spec.dataset else "-"
        rows.append((spec.worker, spec.role, groups, worker.region or "-", data))
    return [
        *_table(("WORKER", "ROLE", "GROUPS", "REGION", "DATASET"), rows),
        *_more(len(workers), "workers; --json lists all"),
    ]


def _groups(workers: Sequence[PlannedWorker]) -> list[str]:
    """How many of each role are in each group; those in every group have a line of their own."""
    from tag.names import natural
    from tag.spec import EVERY_GROUP

    count = Counter(
        (place.channel, place.group, worker.spec.role) for worker in workers for place in worker.spec.memberships
    )
    roles: dict[tuple[str, str], list[str]] = {}
    for channel, group, role in sorted(count, key=lambda c: (c[0], c[1] != EVERY_GROUP, natural(c[1]), c[2])):
        number = f"{count[channel, group, role]:,}"
        roles.setdefault((channel, group), []).append(f"{number} {role}")
    rows = [
        (channel, "* (every group)" if group == EVERY_GROUP else group, ", ".join(said))
        for (channel, group), said in roles.items()
    ]
    return [*_table(("CHANNEL", "GROUP", "WORKERS"), rows[:MOST_LINES]), *_more(len(rows), "groups; --json lists all")]


def _brokers(plan: Plan) -> list[str]:
    """Which broker runs where, for which groups; nothing where there is only one."""
    from tag.names import natural
    from tag.summary import FEDERATIONS, listed

    if len(plan.brokers) == 1:
        return []
    behind: dict[str, dict[str, set[str]]] = {}
    for worker in plan.workers:
        for place in worker.spec.memberships:
            behind.setdefault(place.broker, {}).setdefault(place.channel, set()).add(place.group)
    rows = [
        (
            broker.name or FEDERATIONS,
            broker.region or "-",
            " ".join(f"{c}={listed(sorted(g, key=natural))}" for c, g in sorted(behind[broker.name].items())),
            f"{broker.workers:,}",
        )
        for broker in plan.brokers
    ]
    table = _table(("BROKER", "REGION", "GROUPS", "WORKERS"), rows[:MOST_LINES])
    return ["", *table, *_more(len(rows), "brokers; --json lists all")]


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in (head, *rows)]


def _more(count: int, what: str) -> list[str]:
    return [f"… and {count - MOST_LINES:,} more {what}"] if count > MOST_LINES else []


def _associations(loaded: LoadedTag) -> list[str]:
    """What was inferred, as the user could have written it."""
    lines: list[str] = []
    for name in loaded.inferred:
        role = loaded.tag.role(name)
        if role is None:
            continue
        shown = role.group_association[:MOST_ENTRIES]
        entries = ["{" + ", ".join(f"{c}: {g}" for c, g in sorted(entry.items())) + "}" for entry in shown]
        if len(role.group_association) > len(shown):
            entries.append(f"… {len(role.group_association) - len(shown):,} more")
        lines.append(f"  {name}: [{', '.join(entries)}]")
    return ["", "inferred groupAssociation", *lines] if lines else []
