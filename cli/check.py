"""`fedtag check TARGET`: all faults of a stack or a TAG at once; with `--cluster`, also what its clusters lack."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from remote.needs.facts import Lack
    from tag.faults import Fault, TagError
    from tag.load import Loaded, LoadedTag

TARGET = "a stack's name (stacks/Pulumi.NAME.yaml), the path of a stack file, or the path of a TAG (YAML or JSON)"


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to fedtag's parser."""
    parser = subparsers.add_parser("check", help="find all faults of a stack or a TAG", description=__doc__)
    parser.add_argument("target", metavar="TARGET", help=TARGET)
    parser.add_argument(
        "--cluster", action="store_true", help="also ask the stack's clusters what they lack for 'pulumi up'"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Checks; 0 without faults (warnings are none), 2 with faults, 1 if only a cluster lacks something."""
    from tag.faults import TagError

    try:
        facts, warnings, lacks = _examine(args.target, cluster=args.cluster)
    except TagError as error:
        return fail(error, as_json=args.json)
    if lacks:
        return _fail_of_cluster(lacks, warnings, as_json=args.json)
    if args.json:
        print(json.dumps({"ok": True, "faults": as_dicts(warnings), **facts}))
        return 0
    for warning in warnings:
        print(warning)
    print("\n".join(_lines(args.target, facts)))
    return 0


def _examine(target: str, *, cluster: bool) -> tuple[dict[str, Any], Iterable[Fault], list[Lack]]:
    """What a target is, its warnings, and what the clusters of a stack lack.

    Raises:
        TagError: with all faults of the files.
    """
    from tag.faults import Fault, TagError
    from tag.load import is_stack, load_stack, load_tag

    if is_stack(target):
        stack = load_stack(target)
        if not cluster:
            return _stack_facts(stack), stack.warnings, []
        return {**_stack_facts(stack), "cluster": []}, stack.warnings, _lacks(stack)
    loaded = load_tag(Path(target))
    if cluster:
        message = "--cluster goes with a stack, and this is a TAG; name a stack of it"
        raise TagError([Fault(target, 1, "T050", "TARGET", message)])
    return _tag_facts(loaded), loaded.warnings, []


def fail(error: TagError, *, as_json: bool) -> int:
    """Prints what is wrong, on the error stream or as JSON, and gives the exit code for bad input."""
    if as_json:
        print(json.dumps({"ok": False, "faults": as_dicts(error.faults)}))
        return 2
    print(error, file=sys.stderr)
    count = sum(fault.severity == "error" for fault in error.faults)
    print(f"{count} fault{'s' if count > 1 else ''}; nothing was started", file=sys.stderr)
    return 2


def _lacks(stack: Loaded) -> list[Lack]:
    """What the stack's clusters lack.

    Raises:
        TagError: the stack itself can't be deployed.
    """
    from remote.needs.requirements import lacking
    from tag.deployable import obstacles_of
    from tag.faults import Fault, TagError

    if found := obstacles_of(stack.plan):
        raise TagError([Fault(str(stack.path), 1, "T060", "deployment", obstacle) for obstacle in found])
    return lacking(stack)


def _fail_of_cluster(lacks: list[Lack], warnings: Iterable[Fault], *, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"ok": False, "faults": as_dicts(warnings), "cluster": [asdict(lack) for lack in lacks]}))
        return 1
    for line in [*warnings, *lacks]:
        print(line, file=sys.stderr)
    things = "1 thing is" if len(lacks) == 1 else f"{len(lacks)} things are"
    print(f"{things} missing; 'pulumi up' would fail", file=sys.stderr)
    return 1


def as_dicts(faults: Iterable[Fault]) -> list[dict[str, Any]]:
    """Faults for JSON."""
    return [asdict(fault) for fault in faults]


def _stack_facts(stack: Loaded) -> dict[str, Any]:
    from tag.rules.run import why_inexact

    return {
        **_tag_facts(stack),
        "federation": stack.plan.federation,
        "trainers": len(stack.plan.trainers),
        "aggregators": len(stack.plan.aggregators),
        "rounds": stack.stack.rounds,
        "inexact": list(why_inexact(stack.stack, len(stack.plan.trainers))),
    }


def _tag_facts(loaded: LoadedTag) -> dict[str, Any]:
    return {
        "tag": loaded.tag.name,
        "roles": sorted(role.name for role in loaded.tag.roles),
        "channels": sorted(channel.name for channel in loaded.tag.channels),
        "inferred": list(loaded.inferred),
    }


def _lines(target: str, facts: dict[str, Any]) -> list[str]:
    lines = [f"{target}: no faults", f"  TAG         {facts['tag']}"]
    lines.append(f"  roles       {', '.join(facts['roles'])}")
    lines.append(f"  channels    {', '.join(facts['channels'])}")
    if "trainers" in facts:
        lines.append(f"  workers     {facts['trainers']} with data, {facts['aggregators']} without")
        if "cluster" in facts:
            lines.append("  cluster     has what the stack needs")
        exact = "; ".join(facts["inexact"])
        lines.append(f"  exact       {'no: ' + exact if exact else 'yes: the same seed gives the same model'}")
    return lines
