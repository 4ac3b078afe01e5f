"""`fedtag run STACK`: train a stack on this machine, with progress, and keep what came of it."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.outcome import Result, Watch
    from tag.load import Loaded


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to fedtag's parser."""
    parser = subparsers.add_parser("run", help="train a stack on this machine", description=__doc__)
    parser.add_argument("stack", metavar="STACK", help="a stack's name (stacks/Pulumi.NAME.yaml), or a stack file")
    parser.add_argument("--json", action="store_true", help="print events as JSON lines, and the result last")
    parser.add_argument(
        "--compare", action="store_true", help="also train on the pooled data and on each region's alone"
    )
    parser.add_argument(
        "--runs", metavar="DIR", type=Path, default=Path("runs"), help="keep the run in DIR (default: runs)"
    )
    parser.add_argument("--replicas", action="store_true", help="start all replicas of a role, not only the first")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Trains; 0 when the run has finished, 1 when it failed, 2 for bad input, 128 + signal when it was interrupted."""
    from local.run import run as run_locally
    from tag.deployable import obstacles_of
    from tag.load import load_stack

    loaded = load_stack(args.stack)
    for warning in loaded.warnings:
        print(warning, file=sys.stderr)
    for obstacle in obstacles_of(loaded.plan, loaded.stack.kubernetes):
        print(f"warning: this stack runs here only, and 'pulumi up' would refuse it: {obstacle}", file=sys.stderr)
    with _view(loaded, as_json=args.json) as watch:
        result = run_locally(loaded, watch, runs=args.runs, replicas=args.replicas, comparison=args.compare)
    return _conclude(result, as_json=args.json)


@contextmanager
def _view(loaded: Loaded, *, as_json: bool) -> Iterator[Watch]:
    from local.outcome import Watch
    from report.live import view_for

    with view_for(loaded.plan, as_json=as_json) as view:
        yield Watch(event=view.event, say=view.say, tick=view.tick)


def _conclude(result: Result, *, as_json: bool) -> int:
    """Makes the report and says what came of the run; gives the exit status."""
    from local.outcome import describe
    from report.plain import to_stdout
    from report.tables import summary
    from report.write import write_report

    write_report(result.folder)
    if as_json:
        print(json.dumps(describe(result)))
    else:
        to_stdout(summary(result.folder))
    if result.message and result.outcome != "interrupted":  # who has interrupted it knows
        print(f"error: {result.message}", file=sys.stderr)
    return result.status
