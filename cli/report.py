"""`fedtag report RUN`: make a kept run's metrics, pictures and page again, and show its result."""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to fedtag's parser."""
    parser = subparsers.add_parser("report", help="make a kept run's report again", description=__doc__)
    parser.add_argument("folder", metavar="RUN", help="a run's folder, its name in DIR, or 'latest'")
    parser.add_argument(
        "--runs", metavar="DIR", type=Path, default=Path("runs"), help="where runs are kept (default: runs)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Makes the report; 0 when it is made, 2 when there is no such run."""
    from report.as_json import describe
    from report.plain import to_stdout
    from report.record import read_record
    from report.tables import summarize
    from report.write import write_report

    folder = _folder(args.folder, args.runs)
    files = write_report(folder)
    record = read_record(folder)
    if args.json:
        print(json.dumps(describe(record) | {"files": [str(path) for path in files]}))
    else:
        to_stdout(summarize(record))
    return 0


def _folder(name: str, runs: Path) -> Path:
    """The run that is meant; names begin with the time, so that the last is the newest.

    Raises:
        ReportError: `latest` is asked for, and there is none.
    """
    from report.record import FACTS, ReportError

    if name != "latest":
        inside = runs / name
        return inside if inside.is_dir() and not Path(name).is_dir() else Path(name)
    found = sorted(path for path in runs.glob("*") if (path / FACTS).is_file())
    if not found:
        raise ReportError(f"folder {str(runs)!r} has no run; make one with 'fedtag run STACK', or choose with --runs")
    return found[-1]
