"""`fedtag check TARGET`: all faults of a stack or a TAG at once."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tag.faults import Fault, TagError
    from tag.load import Loaded, LoadedTag

TARGET = "a stack's name (stacks/Pulumi.NAME.yaml), the path of a stack file, or the path of a TAG (YAML or JSON)"


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to fedtag's parser."""
    parser = subparsers.add_parser("check", help="find all faults of a stack or a TAG", description=__doc__)
    parser.add_argument("target", metavar="TARGET", help=TARGET)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Checks; 0 without faults (warnings are none), 2 with faults."""
    from tag.faults import TagError
    from tag.load import is_stack, load_stack, load_tag

    try:
        if is_stack(args.target):
            stack = load_stack(args.target)
            facts, warnings = _stack_facts(stack), stack.warnings
        else:
            loaded = load_tag(Path(args.target))
            facts, warnings = _tag_facts(loaded), loaded.warnings
    except TagError as error:
        return fail(error, as_json=args.json)
    if args.json:
        print(json.dumps({"ok": True, "faults": as_dicts(warnings), **facts}))
        return 0
    for warning in warnings:
        print(warning)
    print("\n".join(_lines(args.target, facts)))
    return 0


def fail(error: TagError, *, as_json: bool) -> int:
    """Prints what is wrong, on the error stream or as JSON, and gives the exit code for bad input."""
    if as_json:
        print(json.dumps({"ok": False, "faults": as_dicts(error.faults)}))
        return 2
    print(error, file=sys.stderr)
    count = sum(fault.severity == "error" for fault in error.faults)
    print(f"{count} fault{'s' if count > 1 else ''}; nothing was started", file=sys.stderr)
    return 2


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
        exact = "; ".join(facts["inexact"])
        lines.append(f"  exact       {'no: ' + exact if exact else 'yes: the same seed gives the same model'}")
    return lines
