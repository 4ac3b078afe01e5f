"""`make bench`: round overhead beside a bare MQTT program on one broker, and peak memory.

    python -m tests.bench.run [--trainers 3] [--parameters 34826] [--rounds 50] [--times 5] [--broker mosquitto]
    python -m tests.bench.run --topology ring ...

Prints a JSON line. The floor is a program that moves the same bytes with nothing around them; where it is not there
(by default beside this repository), fedtag's figures stand alone.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from iotcore import Broker

from local.broker import free_port
from local.workers import local_workers, write_commands
from tag.load import load_stack
from tests.bench.brokers import NAMES, running
from tests.driven import events_of
from worker.events import Finished, RoundClosed, Uploaded

ROOT = Path(__file__).resolve().parents[2]
FLOOR = ROOT.parent / "shared" / "bench" / "mqtt_floor.py"
LIMIT_S = 300
MARGIN_BYTES = 65536
BYTES = 4
TAG = """\
name: bench
roles:
  - {name: trainer, isDataConsumer: true}
  - {name: aggregator, groupAssociation: [{param-channel: all-in-one}]}
channels:
  - name: param-channel
    pair: [trainer, aggregator]
    groupBy: {type: tag, value: [all-in-one]}
    funcTags: {trainer: [fetch, upload], aggregator: [distribute, aggregate]}
"""
RING = """\
name: bench
roles:
  - {name: trainer, isDataConsumer: true}
channels:
  - name: ring-channel
    pair: [trainer, trainer]
    groupBy: {type: tag, value: [all-in-one]}
    funcTags: {trainer: [ring_allreduce]}
"""
TAGS = {"star": TAG, "ring": RING}
RING_FLOOR = Path(__file__).parent / "ring_floor.py"


def write_stack(folder: Path, trainers: int, rounds: int, tag: str) -> Path:
    """A stack of so many idle trainers in one group."""
    (folder / "tag.yaml").write_text(tag)
    datasets = [{"name": f"d{i:03}", "uri": f"program:{i}"} for i in range(trainers)]
    federation = {
        "tag": "tag.yaml",
        "program": str(ROOT / "tests" / "bench" / "idle.py"),
        "rounds": rounds,
        "datasets": {"all-in-one": datasets},
    }
    path = folder / "Pulumi.bench.yaml"
    path.write_text(json.dumps({"config": {"fedtag:federation": federation}}))
    return path


def peak_mib(pid: int | None) -> float:
    """Peak resident memory of a process so far."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def child_of(pid: int) -> list[int]:
    """Processes that a process has started."""
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()]
    except OSError:
        return []


def peak_of(name: str) -> float:
    """The largest peak of this process's descendants whose command line has a word."""
    found, todo = 0.0, [os.getpid()]
    while todo:
        pid = todo.pop()
        todo += child_of(pid)
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if name.encode() in words and pid != os.getpid():
            found = max(found, peak_mib(pid))
    return round(found, 1)


def fedtag(url: str, trainers: int, rounds: int, topology: str = "star") -> tuple[float, float, float]:
    """Median seconds of a round, without the first two; the leader's peak MiB; a trainer's largest payload a round."""
    with tempfile.TemporaryDirectory(prefix="fedtag-bench-") as scratch:
        folder = Path(scratch)
        loaded = load_stack(write_stack(folder, trainers, rounds, TAGS[topology]))
        plan = loaded.plan
        members = local_workers(plan, replicas=False)
        commands = write_commands(members, plan, brokers={"": url}, scratch=folder, logs=folder)
        times: list[float] = []
        sent: list[int] = []
        peak = 0.0
        for event in events_of(plan, commands, url, LIMIT_S):
            if isinstance(event, RoundClosed):
                times.append(event.seconds)
            if isinstance(event, Uploaded):
                sent.append(event.sent)
            if isinstance(event, Finished):
                peak = peak_of("aggregator-" if topology == "star" else "trainer-")
    if len(times) < rounds:
        raise SystemExit(f"only {len(times)} of {rounds} rounds closed in {LIMIT_S} s")
    return statistics.median(times[2:]), peak, statistics.median(sent)


def floor(program: Path, args: argparse.Namespace) -> float:
    """Median seconds of a round of the bare program, on the same kind of broker with room for its whole models."""
    if args.broker == "mosquitto":
        with running(args.broker, args.trainers) as url:
            return _bare(program, args, int(url.rpartition(":")[2]))
    port = free_port()
    with Broker(port=port, listen="127.0.0.1", max_payload_size=2 * BYTES * args.parameters + MARGIN_BYTES):
        return _bare(program, args, port)


def _bare(program: Path, args: argparse.Namespace, port: int) -> float:
    members = "--members" if args.topology == "ring" else "--trainers"
    sizes = [members, str(args.trainers), "--parameters", str(args.parameters), "--rounds", str(args.rounds)]
    command = [sys.executable, str(program), "--port", str(port), *sizes]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=True)
    return float(json.loads(done.stdout)["median_s"])


def main() -> None:
    """Alternate floor and fedtag, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trainers", type=int, default=3)
    parser.add_argument("--parameters", type=int, default=34826)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--broker", choices=NAMES, default="embedded")
    parser.add_argument("--topology", choices=sorted(TAGS), default="star")
    parser.add_argument("--floor", type=Path, help="the bare program (by default that of the topology)")
    args = parser.parse_args()
    args.floor = args.floor or (RING_FLOOR if args.topology == "ring" else FLOOR)
    os.environ["FEDTAG_BENCH_PARAMETERS"] = str(args.parameters)
    bare = args.floor.is_file()
    ours, floors, peaks, brokers, sent = [], [], [], [], 0.0
    for _ in range(args.times):
        if bare:
            floors.append(floor(args.floor, args))
        with running(args.broker, args.trainers) as url:
            seconds, peak, sent = fedtag(url, args.trainers, args.rounds, args.topology)
            brokers.append(peak_of("local.broker" if args.broker == "embedded" else "mosquitto"))
        ours.append(seconds)
        peaks.append(peak)
    found = {
        "topology": args.topology,
        "broker": args.broker,
        "trainers": args.trainers,
        "bytes": BYTES * args.parameters,
        "times": args.times,
        "fedtag_s": round(statistics.median(ours), 6),
        "floor_s": round(statistics.median(floors), 6) if floors else None,
        "ratio": round(statistics.median(ours) / statistics.median(floors), 2) if floors else None,
        "sent_by_a_trainer": int(sent),
        "leader_peak_mib": max(peaks),
        "broker_peak_mib": max(brokers),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
