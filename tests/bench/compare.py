"""`make compare`: each topology and optimizer on the same data: rounds to an accuracy, seconds and bytes of a round.

    python -m tests.bench.compare [--seeds 1 2 3] [--only star ring] [--program mnist] [--rounds 6] [--target 0.97]

Prints a Markdown table, of medians with least and greatest over the seeds. Bytes are the payload of a round up and down
the link of the region that moves most. Of exact topologies the models must be equal for each seed, or it fails.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from report.as_json import describe
from report.record import read_record
from tests.bench.run import ROOT

REGIONS = ("eu", "us", "asia")
PARTS = 6
LIMIT_S = 900
WITHOUT_REPORT = """
import sys, report.write
from cli.__main__ import main

report.write.write_report = lambda folder: []
sys.exit(main(sys.argv[1:]))
"""


@dataclass(frozen=True)
class Case:
    """What is compared.

    Attributes:
        tag: of `stacks/tags/`.
        settings: of the stack.
        exact: it ends with the star's model.
        groups: of the TAG, to which the parts of the data belong in turn.
    """

    tag: str
    settings: Mapping[str, Any]
    exact: bool = False
    groups: tuple[str, ...] = REGIONS


CASES = {
    "star": Case("regions", {}, exact=True),
    "tree": Case("hierarchical", {}, exact=True),
    "coordinated": Case("coordinated", {}, exact=True, groups=("eu", "us")),
    "ring": Case("ring", {}, exact=True, groups=("default",)),
    "hybrid": Case("hybrid", {}, exact=True),
    "asynchronous star": Case("regions", {"optimizer": {"sort": "fedbuff", "kwargs": {"aggGoal": 3}}}),
    "asynchronous tree": Case("hierarchical", {"optimizer": "fedbuff"}),
    **{
        sort: Case("regions", {"optimizer": sort})
        for sort in ("fedavgm", "fedadam", "fedyogi", "fedadagrad", "fedprox")
    },
    "random 3 of 6": Case("regions", {"selector": {"sort": "random", "kwargs": {"k": 3}}}),
}


@dataclass(frozen=True)
class Found:
    """What a run came to.

    Attributes:
        to_target: rounds to the accuracy; None if it wasn't reached.
        accuracy: of the last model.
        seconds: of a round, median.
        up: payload bytes of a round out of the region that sends most.
        down: into the region that receives most.
        model: SHA-256.
    """

    to_target: int | None
    accuracy: float
    seconds: float
    up: float
    down: float
    model: str


def write_stack(folder: Path, case: Case, arguments: argparse.Namespace, seed: int) -> Path:
    """The stack of a case, and its TAG."""
    datasets: dict[str, list[dict[str, str]]] = {group: [] for group in case.groups}
    for number in range(PARTS):
        group, region = (names[number * len(names) // PARTS] for names in (case.groups, REGIONS))
        entry = {"name": f"part-{number + 1}", "uri": f"mnist:{number + 1}/{PARTS}", "region": region}
        datasets[group].append(entry)
    stack = folder / "Pulumi.compared.yaml"
    federation = {
        "tag": str(ROOT / "stacks" / "tags" / f"{case.tag}.yaml"),
        "program": str(ROOT / "worker" / "programs" / f"{arguments.program}.py"),
        "rounds": arguments.rounds,
        "seed": seed,
        "datasets": datasets,
        **({"learningRate": 0.05} if arguments.program == "softmax" else {}),
        **case.settings,
    }
    stack.write_text(json.dumps({"config": {"fedtag:federation": federation}}))
    return stack


def run(case: Case, arguments: argparse.Namespace, seed: int) -> Found:
    """Train once."""
    with tempfile.TemporaryDirectory(prefix="fedtag-compare-") as scratch:
        folder = Path(scratch)
        stack = write_stack(folder, case, arguments, seed)
        command = [sys.executable, "-c", WITHOUT_REPORT, "run", str(stack), "--json", "--runs", str(folder / "runs")]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=LIMIT_S)
        (kept,) = (folder / "runs").iterdir()
        told = describe(read_record(kept))
    rounds = [r for r in told["rounds"] if r["round"]]
    links = told["traffic"]["links"].values()
    reached = [r["round"] for r in rounds if r["accuracy"] is not None and r["accuracy"] >= arguments.target]
    return Found(
        to_target=min(reached, default=None),
        accuracy=told["accuracy"],
        seconds=statistics.median(r["seconds"] for r in rounds if r["seconds"] is not None),
        up=max((link["up"] for link in links), default=0) / len(rounds),
        down=max((link["down"] for link in links), default=0) / len(rounds),
        model=told["model"],
    )


def lines(found: Mapping[str, Sequence[Found]], target: float) -> Iterator[str]:
    """The table."""
    yield f"| | rounds to {target:.0%} | accuracy | s a round | kB up | kB down |"
    yield "|---|---|---|---|---|---|"
    for name, runs in found.items():
        reached = sorted(r.to_target for r in runs if r.to_target is not None)
        to_target = (
            _spread([float(n) for n in reached], "g")
            if len(reached) == len(runs)
            else f"{len(reached)} of {len(runs)} did"
        )
        accuracy = _spread([100 * r.accuracy for r in runs], ".2f")
        seconds = _spread([r.seconds for r in runs], ".2f")
        up, down = (statistics.median(values) / 1000 for values in ([r.up for r in runs], [r.down for r in runs]))
        yield f"| {name} | {to_target} | {accuracy} % | {seconds} | {up:,.0f} | {down:,.0f} |"


def _spread(values: Sequence[float], form: str) -> str:
    middle = format(statistics.median(values), form)
    return middle if min(values) == max(values) else f"{middle} ({min(values):{form}}–{max(values):{form}})"


def main() -> int:
    """Compare; 1 if exact topologies differ."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.compare", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--only", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--program", choices=["mnist", "softmax"], default="mnist")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--target", type=float, default=0.97)
    arguments = parser.parse_args()
    found: dict[str, list[Found]] = {}
    for name in arguments.only:
        found[name] = [run(CASES[name], arguments, seed) for seed in arguments.seeds]
        print(f"{name}: {found[name]}", file=sys.stderr, flush=True)
    print("\n".join(lines(found, arguments.target)))
    exact = [[r.model for r in runs] for name, runs in found.items() if CASES[name].exact]
    if any(models != exact[0] for models in exact):
        print("exact topologies ended with different models", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
