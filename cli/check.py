"""`fedtag check TARGET…`: all faults of stacks and TAGs at once; with `--cluster`, also what their clusters lack."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.faults import as_dicts
from cli.targets import TARGET

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from remote.needs.facts import Lack
    from tag.faults import Fault
    from tag.load import Loaded, LoadedTag


@dataclass(frozen=True)
class Examined:
    """What came of a target.

    Attributes:
        target: as the user named it.
        facts: what it is; empty where it has errors.
        faults: errors, warnings and notes.
        lacks: what its clusters lack, if they were asked.
    """

    target: str
    facts: dict[str, Any] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    lacks: tuple[Lack, ...] = ()


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to fedtag's parser."""
    parser = subparsers.add_parser("check", help="find all faults of stacks and TAGs", description=__doc__)
    parser.add_argument("targets", metavar="TARGET", nargs="+", help=TARGET)
    parser.add_argument(
        "--cluster", action="store_true", help="also ask the stack's clusters what they lack for 'pulumi up'"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object")
    form.add_argument("--sarif", action="store_true", help="print SARIF 2.1.0, for a code host's annotations")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Checks; 0 without faults (warnings are none), 2 with faults, 1 if only a cluster lacks something."""
    from tag.faults import split

    found = [_examine(target, cluster=args.cluster) for target in dict.fromkeys(args.targets)]
    errors, others = split(fault for one in found for fault in one.faults)
    status = 2 if errors else 1 if any(one.lacks for one in found) else 0
    if args.json:
        print(json.dumps(_as_json(found, (*errors, *others), ok=status == 0)))
    elif args.sarif:
        print(_as_sarif((*errors, *others)))
    else:
        _tell(found, errors, others)
    return status


def _examine(target: str, *, cluster: bool) -> Examined:
    """What a target is, its faults, and what the clusters of a stack lack."""
    from tag.faults import Fault, TagError
    from tag.load import is_stack, load_stack, load_tag

    try:
        if is_stack(target):
            stack = load_stack(target)
            if not cluster:
                return Examined(target, _stack_facts(stack), stack.warnings)
            lacks = _lacks(stack)
            facts = {**_stack_facts(stack), "cluster": [asdict(lack) for lack in lacks]}
            return Examined(target, facts, stack.warnings, tuple(lacks))
        loaded = load_tag(Path(target))
        if cluster:
            message = "--cluster goes with a stack, and this is a TAG; name a stack of it"
            return Examined(target, faults=(Fault(target, 1, "T050", "TARGET", message),))
        return Examined(target, _tag_facts(loaded), loaded.warnings)
    except TagError as error:
        return Examined(target, faults=error.faults)


def _tell(found: Sequence[Examined], errors: Sequence[Fault], others: Sequence[Fault]) -> None:
    """Faults go to the error stream, and what only is odd to the output, as it belongs to a good target."""
    from cli.excerpts import counted, told

    lacks = [lack for one in found for lack in one.lacks]
    stream = sys.stderr if errors or lacks else sys.stdout
    for line in told((*errors, *others)):
        print(line, file=stream)
    if errors:
        print(counted((*errors, *others)), file=sys.stderr)
    for lack in lacks:
        print(lack, file=sys.stderr)
    if lacks:
        things = "1 thing is" if len(lacks) == 1 else f"{len(lacks)} things are"
        print(f"{things} missing; 'pulumi up' would fail", file=sys.stderr)
    for one in found:
        if one.facts and not one.lacks:
            print("\n".join(_lines(one) if len(found) == 1 else [_line(one)]))


def _lacks(stack: Loaded) -> list[Lack]:
    """What the stack's clusters lack.

    Raises:
        TagError: the stack itself can't be deployed.
    """
    from remote.needs.requirements import lacking
    from tag.deployable import obstacles_of
    from tag.faults import Fault, TagError

    if found := obstacles_of(stack.plan, stack.stack.kubernetes):
        raise TagError([Fault(str(stack.path), 1, "T060", "deployment", obstacle) for obstacle in found])
    return lacking(stack)


def _as_json(found: Sequence[Examined], faults: Iterable[Fault], *, ok: bool) -> dict[str, Any]:
    """One object: of one target with its facts in it, of several with a list of them."""
    head = {"ok": ok, "faults": as_dicts(faults)}
    if len(found) == 1:
        return {**head, **found[0].facts}
    return {
        **head,
        "targets": [{"target": one.target, "ok": bool(one.facts) and not one.lacks, **one.facts} for one in found],
    }


def _as_sarif(faults: Sequence[Fault]) -> str:
    from importlib.metadata import version

    from cli.sarif import sarif
    from tag.rules.catalogue import RULES

    titles = {code: rule.title for code, rule in RULES.items()}
    return json.dumps(sarif(faults, version("fedtag"), titles), indent=2)


def _stack_facts(stack: Loaded) -> dict[str, Any]:
    from tag.rules.run import why_inexact

    return {
        **_tag_facts(stack),
        "federation": stack.plan.federation,
        "trainers": len(stack.plan.trainers),
        "aggregators": len(stack.plan.aggregators),
        "rounds": stack.stack.rounds,
        "optimizer": str(stack.stack.optimizer.filled()),
        "selector": str(stack.stack.selector.filled(seed=stack.stack.seed)),
        "inexact": list(why_inexact(stack.stack, len(stack.plan.trainers))),
    }


def _tag_facts(loaded: LoadedTag) -> dict[str, Any]:
    return {
        "tag": loaded.tag.name,
        "roles": sorted(role.name for role in loaded.tag.roles),
        "channels": sorted(channel.name for channel in loaded.tag.channels),
        "inferred": list(loaded.inferred),
    }


def _verdict(one: Examined) -> str:
    from cli.excerpts import counted

    return ", ".join(filter(None, [f"{one.target}: no faults", counted(one.faults)]))


def _line(one: Examined) -> str:
    workers = one.facts.get("trainers", 0) + one.facts.get("aggregators", 0)
    what = f"{workers} workers" if workers else f"{', '.join(one.facts['roles'])} on {', '.join(one.facts['channels'])}"
    return f"{_verdict(one)} ({what})"


def _lines(one: Examined) -> list[str]:
    facts = one.facts
    lines = [_verdict(one), f"  TAG         {facts['tag']}"]
    lines.append(f"  roles       {', '.join(facts['roles'])}")
    lines.append(f"  channels    {', '.join(facts['channels'])}")
    if "trainers" in facts:
        lines.append(f"  workers     {facts['trainers']} with data, {facts['aggregators']} without")
        said = {"optimizer": "fedavg", "selector": "all"}
        lines += [f"  {what:<11} {facts[what]}" for what, usual in said.items() if facts[what] != usual]
        if "cluster" in facts:
            lines.append("  cluster     has what the stack needs")
        exact = "no: the note says why" if facts["inexact"] else "yes: the same seed gives the same model"
        lines.append(f"  exact       {exact}")
    return lines
