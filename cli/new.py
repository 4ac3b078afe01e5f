"""`fedtag new TOPOLOGY`: a commented TAG and a stack of a known topology, to begin with."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from cli.stack_files import add_options

if TYPE_CHECKING:
    from cli.stack_files import StackFiles
    from tag.library import Order, Topology

_PROGRAM = Path(__file__).resolve().parent.parent / "worker" / "programs" / "softmax.py"
_MOST = 6000
"""Trainers among whom MNIST's 60,000 images are divided: ten for each."""


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to fedtag's parser."""
    parser = subparsers.add_parser("new", help="begin with a TAG and a stack of a known topology", description=__doc__)
    parser.add_argument("topology", metavar="TOPOLOGY", nargs="?", help="one of those that --list shows")
    parser.add_argument("--list", action="store_true", help="say what topologies there are")
    parser.add_argument("--groups", metavar="A,B,…", default="eu,us,asia", help="their names (default: eu,us,asia)")
    parser.add_argument(
        "--trainers", metavar="N", type=int, help="in each group (default: 1, or 2 where one shows little)"
    )
    parser.add_argument("--tiers", metavar="N", type=int, help="of 'hierarchical', its trainers included (default: 3)")
    add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Writes the files; 0 when they have no faults, also where this version can't run them yet."""
    from cli.stack_files import stack_files, verdict, write
    from tag.library import stack_text, tag_text

    if args.list:
        return _list(as_json=args.json)
    order = _order(args)
    files = stack_files(args.name or order.topology.name, args.out, force=args.force)
    relative = {"tag": f"tags/{files.name}.yaml", "program": files.relative(_PROGRAM)}
    write(
        files,
        stack_text(order, [files.schema_line("stack")], target=files.shown, **relative),
        tag_text(order, files.name, [files.schema_line("tag")]),
    )
    found = verdict(files)
    if args.json:
        made = {"stack": str(files.stack), "tag": str(files.tag), "trainers": order.total}
        print(json.dumps({"ok": not found.faults, **made, **found.facts()}))
    else:
        print("\n".join([*_made(order, files), *found.lines(files)]))
    return 1 if found.faults else 0


def _list(*, as_json: bool) -> int:
    from tag.library import topologies

    known = topologies().values()
    if as_json:
        print(json.dumps({each.name: each.sentence for each in known}))
        return 0
    width = max(len(each.name) for each in known)
    print("\n".join(f"{each.name.ljust(width)}  {each.sentence}" for each in known))
    return 0


def _order(args: argparse.Namespace) -> Order:
    """What the arguments ask for.

    Raises:
        InputError: they don't go together, or something has no such name.
    """
    from tag.library import TIERS, Order
    from worker.errors import InputError

    topology = _topology(args.topology)
    if args.tiers is not None and topology.name != "hierarchical":
        raise InputError(f"--tiers goes with 'hierarchical', and this is {topology.name!r}; leave it out")
    tiers = TIERS[0] if args.tiers is None else args.tiers
    if tiers not in TIERS:
        raise InputError(f"--tiers {tiers} is not in {TIERS[0]}..{TIERS[-1]}; a tree of two tiers is 'central'")
    trainers = topology.trainers if args.trainers is None else args.trainers
    if trainers < 1:
        raise InputError(f"--trainers {trainers} is below 1; each group needs one")
    order = Order(topology, _groups(args.groups), trainers, tiers)
    if order.total > _MOST:
        raise InputError(f"{order.total} trainers are more than the {_MOST} who can share MNIST; ask for fewer")
    return order


def _topology(name: str | None) -> Topology:
    from tag.library import topologies
    from tag.names import hint
    from worker.errors import InputError

    known = topologies()
    if name is None:
        raise InputError(f"no topology is named; there are {', '.join(known)}; see fedtag new --list")
    if name not in known:
        raise InputError(f"topology {name!r} is not known{hint(name, known)}; there are {', '.join(known)}")
    return known[name]


def _groups(text: str) -> tuple[str, ...]:
    from tag.names import RULE, is_name, slug
    from worker.errors import InputError

    groups = tuple(group.strip() for group in text.split(","))
    for group in groups:
        if not is_name(group):
            instead = f"; write {slug(group)!r}" if group else ""
            raise InputError(f"group {group!r} of --groups {text!r} is no name; {RULE}{instead}")
        if groups.count(group) > 1:
            raise InputError(f"group {group!r} stands twice in --groups {text!r}; name it once")
    return groups


def _made(order: Order, files: StackFiles) -> list[str]:
    from tag.reading.paths import shown

    trainers = "1 trainer" if order.total == 1 else f"{order.total} trainers"
    return [f"wrote {shown(files.stack)} and {shown(files.tag)}: {order.topology.name}, {trainers}"]
