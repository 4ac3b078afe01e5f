"""`fedtag watch STACK`: follow a deployed stack's run, from its first event to its end."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cli.deployed import add_stack, find

if TYPE_CHECKING:
    from collections.abc import Iterator

    from report.plain import View
    from tag.load import Loaded


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to fedtag's parser."""
    parser = subparsers.add_parser("watch", help="follow the run of a deployed stack", description=__doc__)
    add_stack(parser)
    parser.add_argument("--json", action="store_true", help="print events as JSON lines, and the end last")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Follows; 0 when the run has finished, 1 when it failed or can't be reached, 2 for bad input."""
    from remote.session import Session
    from remote.watch import Watcher

    loaded, deployed = find(args.stack)
    try:
        with Session(deployed, loaded.plan, loaded.stack.kubernetes) as session:
            ending = Watcher(session, loaded.plan).follow(lambda elapsed: _view(loaded, elapsed, as_json=args.json))
    except KeyboardInterrupt:
        print(f"the run goes on; see it again with 'fedtag watch {args.stack}'", file=sys.stderr)
        raise
    if args.json:
        told: dict[str, Any] = {"event": "result", "outcome": ending.outcome, "message": "", "model": ending.model}
        told |= {"accuracy": ending.accuracy}
        if ending.experiments:
            told["experiments"] = [
                {"name": e.title, "rounds": e.rounds, "model": e.model, "accuracy": e.accuracy}
                for e in ending.experiments
            ]
        print(json.dumps(told))
    else:
        kept = "its models and their report" if ending.experiments else "its model and its report"
        print(f"'fedtag result {args.stack}' keeps {kept}")
    return 0


@contextmanager
def _view(loaded: Loaded, elapsed: float, *, as_json: bool) -> Iterator[View]:
    from report.live import view_for

    with view_for(loaded.plan, as_json=as_json, elapsed=elapsed) as view:
        yield view
