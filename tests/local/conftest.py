"""Small federations on disk, run by the `fedtag` command in a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

SOFTMAX = Path(__file__).parents[2] / "worker" / "programs" / "softmax.py"
LIMIT_S = 60
REGIONS = {"eu": ["data-1"], "us": ["data-2"], "asia": ["data-3"]}
WITHOUT_REPORT = """
import sys, report.write
from cli.__main__ import main

report.write.write_report = lambda folder: []
sys.exit(main(sys.argv[1:]))
"""

TAG = """\
name: three regions
roles:
  - name: trainer
    isDataConsumer: true
  - name: aggregator
    replica: 2
    groupAssociation:
      - param-channel: "*"
channels:
  - name: param-channel
    pair: [trainer, aggregator]
    groupBy:
      type: tag
      value: [{groups}]
    funcTags:
      trainer: [fetch, upload]
      aggregator: [distribute, aggregate]
"""


EXPERIMENTS = TAG.replace('      - param-channel: "*"\n', "{each}").replace("    replica: 2\n", "")
"""An aggregator for each group; fill in `each` by `experiments`."""


def experiments(groups: Iterable[str]) -> str:
    """The TAG of an experiment in each group, to be given to `Federation.write`."""
    return EXPERIMENTS.replace("{each}", "".join(f"      - param-channel: {group}\n" for group in groups))


def _uri(name: str, parts: int) -> str:
    kind, _, number = name.rpartition("-")
    return f"mnist:{number}/60" if kind == "mnist" else f"npz:../blobs.npz#{number}/{parts}"


@dataclass
class Run:
    """A `fedtag run` that has ended."""

    status: int
    out: str
    err: str
    runs: Path

    @property
    def folder(self) -> Path:
        """The run's only folder."""
        (folder,) = self.runs.iterdir()
        return folder

    @property
    def record(self) -> dict[str, Any]:
        """Its run.json."""
        record: dict[str, Any] = json.loads((self.folder / "run.json").read_text())
        return record

    @property
    def model(self) -> str:
        """The model's SHA-256."""
        return str(self.record["model_sha256"])

    def events(self, kind: str) -> list[dict[str, Any]]:
        """The events of a kind in events.jsonl."""
        lines = (self.folder / "events.jsonl").read_text().splitlines()
        return [event for line in lines if (event := json.loads(line))["event"] == kind]


@dataclass
class Started:
    """A `fedtag run` under way."""

    process: "subprocess.Popen[str]"
    runs: Path
    lines: list[str] = field(default_factory=list)

    def until(self, kind: str, **wanted: Any) -> dict[str, Any]:
        """Read its events up to one of that kind with these fields."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            event: dict[str, Any] = json.loads(line)
            if event["event"] == kind and all(event.get(k) == v for k, v in wanted.items()):
                return event
        raise AssertionError(f"the run ended before {kind} {wanted}: {self.process.communicate()[1]}")

    def worker(self, name: str) -> int:
        """The process id of a worker, by its spec's file name on its command line."""
        for child in psutil.Process(self.process.pid).children(recursive=True):
            if any(argument.endswith(f"/{name}.json") for argument in child.cmdline()):
                return child.pid
        raise AssertionError(f"no process of worker {name}")

    def children(self) -> list[psutil.Process]:
        """All processes that it has started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def finish(self) -> Run:
        """Wait for its end."""
        try:
            out, err = self.process.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            out, err = self.process.communicate(timeout=LIMIT_S)
            raise AssertionError(f"the run did not end within {LIMIT_S} s; it told:\n{out}{err}") from None
        return Run(self.process.returncode, "".join(self.lines) + out, err, self.runs)


@dataclass
class Federation:
    """A folder with a stack, its TAG and its data."""

    root: Path

    @property
    def stack(self) -> Path:
        """The stack file."""
        return self.root / "stacks" / "Pulumi.demo.yaml"

    def write(
        self,
        *,
        regions: Mapping[str, list[str]] = REGIONS,
        program: str | Path = SOFTMAX,
        graph: str = TAG,
        parts: int = 3,
        **settings: Any,
    ) -> "Federation":
        """Write the files; dataset `data-K` is part K of three, or of so many, `mnist-K` part K of sixty of MNIST."""
        (self.root / "stacks" / "tags").mkdir(parents=True, exist_ok=True)
        (self.root / "stacks" / "tags" / "regions.yaml").write_text(graph.replace("{groups}", ", ".join(regions)))
        if not isinstance(program, Path):
            (self.root / "program.py").write_text(program)
            program = self.root / "program.py"
        chosen = {"tag": "tags/regions.yaml", "program": str(program), "rounds": 3, "learningRate": 0.1, "seed": 7}
        chosen |= settings
        chosen["datasets"] = {
            group: [{"name": name, "uri": _uri(name, parts)} for name in names] for group, names in regions.items()
        }
        self.stack.write_text(json.dumps({"config": {"fedtag:federation": chosen}}))
        return self

    def data(self, **arrays: Any) -> "Federation":
        """Write blobs.npz: by default a problem that can be learned, 600 samples of 3 classes."""
        draw = np.random.default_rng(5)
        centres = draw.normal(size=(3, 8)) * 2
        kept: dict[str, Any] = {}
        for part, count in (("train", 600), ("test", 300)):
            y = draw.integers(0, 3, count)
            kept[f"x_{part}"] = (centres[y] + draw.normal(size=(count, 8))).astype(np.float32)
            kept[f"y_{part}"] = y
        np.savez(self.root / "blobs.npz", **(kept | arrays))
        return self

    def start(self, *arguments: str, runs: str = "runs", report: bool = False) -> Started:
        """Start `fedtag run` on the stack, with its events on standard output; a report takes longer."""
        fedtag = ["-m", "cli"] if report else ["-c", WITHOUT_REPORT]
        command = [sys.executable, *fedtag, "run", str(self.stack), "--json", "--runs", str(self.root / runs)]
        environment = os.environ | {"PYTHONWARNINGS": "default"}
        process = subprocess.Popen(
            [*command, *arguments],
            cwd=self.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        return Started(process, self.root / runs)

    def run(self, *arguments: str, runs: str = "runs", report: bool = False) -> Run:
        """Run the stack to its end."""
        return self.start(*arguments, runs=runs, report=report).finish()


@pytest.fixture(scope="module")
def federations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Federation]]:
    """Makes federations with data; what they leave running is a failure, and is ended."""
    mine = psutil.Process()
    before = set(mine.children(recursive=True))

    yield lambda: Federation(tmp_path_factory.mktemp("federation")).data()

    deadline = time.monotonic() + 10
    while (left := [p for p in mine.children(recursive=True) if p not in before]) and time.monotonic() < deadline:
        time.sleep(0.05)
    for process in left:
        process.send_signal(signal.SIGKILL)
    assert not left, "a federation left processes"
