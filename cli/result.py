"""`fedtag result STACK`: keep a deployed run's model, events and report, as of a local run."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cli.deployed import add_stack, find

if TYPE_CHECKING:
    from remote.outputs import Deployed
    from tag.load import Loaded


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to fedtag's parser."""
    parser = subparsers.add_parser("result", help="keep a deployed run's model and report", description=__doc__)
    add_stack(parser)
    parser.add_argument("--to", metavar="DIR", type=Path, help="a new folder to keep it in (default: runs/TIME-NAME)")
    parser.add_argument("--partial", action="store_true", help="also of a run that is not over, as far as it got")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Keeps the result; 0 when it is kept, 1 when the run failed, is not over or can't be reached, 2 for bad input."""
    loaded, deployed = find(args.stack)
    folder = _collect(args, loaded, deployed)
    return _conclude(folder, as_json=args.json)


def _collect(args: argparse.Namespace, loaded: Loaded, deployed: Deployed) -> Path:
    """Fetches everything into a new folder, which is gone again if something is lacking that can't be."""
    from local.export import export_keras
    from remote.result import await_end, keep
    from remote.session import Session
    from report.folder import RunFolder

    with Session(deployed, loaded.plan, loaded.stack.kubernetes) as session:
        states = await_end(session, args.stack, partial=args.partial)
        federation = loaded.plan.federation
        with RunFolder.at(args.to) if args.to else RunFolder.create(Path("runs"), federation) as folder:
            try:
                lacking = keep(session, loaded, states, folder)
                export_keras(loaded, folder, folder.models, _say)
            except BaseException:
                folder.discard()
                raise
        for line in [*session.notes, *([lacking] if lacking else [])]:
            _say(f"warning: {line}")
    return folder.path


def _conclude(folder: Path, *, as_json: bool) -> int:
    """Makes the report and says what came of the run; gives the exit status."""
    from report.as_json import describe
    from report.plain import to_stdout
    from report.record import read_record
    from report.tables import summarize
    from report.write import write_report

    files = write_report(folder)
    record = read_record(folder)
    if as_json:
        print(json.dumps(describe(record) | {"files": [str(path) for path in files]}))
    else:
        to_stdout(summarize(record))
    if record.facts.outcome == "failed":
        print(f"error: {record.facts.message}", file=sys.stderr)
        return 1
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr)
