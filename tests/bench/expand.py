"""How long check and expand take, and how much memory: from 1,000 to 1,000,000 workers, 100 in a group.

    python tests/bench/expand.py [--workers 1000 10000 100000 1000000] [--files] [--json]

Each size has a process of its own. What is measured begins with models in memory: all rules of the TAG, the datasets
and the plan, and the expansion. `--files` measures `load_stack` on a stack file (JSON, which YAML is a superset of) and
a TAG of that size instead, with reading. Peak memory is that of the whole process.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tag.datasets import Dataset
from tag.expand import collector_paused
from tag.faults import Fault, split
from tag.load import load_stack, plan_of
from tag.plan import Plan
from tag.reading.source import Document, read
from tag.rules import data, run, sources, structure
from tag.rules.data import Placed
from tag.schema import Tag
from tag.settings import DatasetSpec, RunSettings, TrainSettings
from tag.stack import FEDERATION, Stack

SIZES = (1_000, 10_000, 100_000, 1_000_000)
IN_A_GROUP = 100
MIB = 1024


def _tag(groups: list[str]) -> dict[str, Any]:
    channel = {"name": "param-channel", "pair": ["trainer", "aggregator"], "groupBy": {"type": "tag", "value": groups}}
    roles = [
        {"name": "trainer", "isDataConsumer": True},
        {"name": "aggregator", "replica": 2, "groupAssociation": [{"param-channel": "*"}]},
    ]
    return {"name": "many", "roles": roles, "channels": [channel]}


def _groups(workers: int) -> list[str]:
    return [f"region{i}" for i in range(max(1, workers // IN_A_GROUP))]


def of_models(workers: int) -> tuple[float, int]:
    """Seconds to check and expand models in memory, and how many workers they have."""
    groups = _groups(workers)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tag.json"
        path.write_text("{}")
        document = read(path)
    tag, train = Tag.model_validate(_tag(groups)), TrainSettings()
    placed = [
        Placed(
            Dataset(
                "trainer",
                groups[i % len(groups)],
                DatasetSpec(name=f"data{i}", uri=f"mnist:{i + 1}/{workers}"),
                train,
                groups[i % len(groups)],
            ),
            document,
            ("datasets", groups[i % len(groups)], i // len(groups)),
        )
        for i in range(workers)
    ]
    begun = time.perf_counter()
    plan = _checked(tag, placed, document)
    return time.perf_counter() - begun, len(plan.workers)


@collector_paused()  # as load_stack does
def _checked(tag: Tag, placed: list[Placed], document: Document) -> Plan:
    home = (document, ())
    faults: list[Fault] = [*structure.check(tag, document), *data.check_names(placed), *sources.check(placed)]
    faults += run.check_settings(Stack(tag="tag.json"), len(placed), *home)
    _, plan = plan_of(
        tag, document, placed, home, faults, federation="many", settings=RunSettings(), programs={"trainer": "mine.py"}
    )
    faults += run.check_quorum(plan, Stack(tag="tag.json").quorum, *home)
    errors, _ = split(faults)
    if errors:
        raise SystemExit("\n".join(map(str, errors[:3])))
    return plan


def of_files(workers: int) -> tuple[float, int]:
    """Seconds to load a stack of files, and how many workers it has."""
    groups = _groups(workers)
    datasets: dict[str, list[dict[str, str]]] = {group: [] for group in groups}
    for i in range(workers):
        datasets[groups[i % len(groups)]].append({"name": f"data{i}", "uri": f"mnist:{i + 1}/{workers}"})
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "tag.json").write_text(json.dumps(_tag(groups), indent=1))
        (root / "mine.py").write_text("")
        federation = {"tag": "tag.json", "program": "mine.py", "datasets": datasets}
        stack = root / "Pulumi.many.yaml"
        stack.write_text(json.dumps({"config": {FEDERATION: federation}}, indent=1))
        del datasets, federation
        begun = time.perf_counter()
        plan = load_stack(stack).plan
        return time.perf_counter() - begun, len(plan.workers)


def _measured(workers: int, *, files: bool) -> dict[str, Any]:
    command = [sys.executable, __file__, "--one", str(workers), *(["--files"] if files else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=SIZES)
    parser.add_argument("--files", action="store_true", help="load a stack file and a TAG")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        seconds, count = (of_files if args.files else of_models)(args.one)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB
        print(json.dumps({"datasets": args.one, "workers": count, "seconds": seconds, "mib": peak}))
        return
    if not args.json:
        print(f"{'workers':>10}  {'groups':>7}  {'seconds':>8}  {'µs/worker':>9}  {'peak MiB':>8}")
    for size in args.workers:
        row = _measured(size, files=args.files)
        each = row["seconds"] / row["workers"] * 1e6
        text = (
            f"{row['workers']:>10,}  {len(_groups(size)):>7,}  {row['seconds']:>8.2f}  {each:>9.1f}  {row['mib']:>8.0f}"
        )
        print(json.dumps(row) if args.json else text, flush=True)


if __name__ == "__main__":
    main()
