"""Many trainers against a real aggregator and a real broker: peak memory, and whether anything is lost.

    python tests/bench/crowd.py --trainers 300 --parameters 10000000 [--slow 20] [--broker mosquitto]

Prints a JSON line. Each trainer is the real state machine on a real link, many to a process; what they train is a model
whose every weight is the round's number, so no one's memory is the model's size and the right end is known.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from local.workers import local_workers, write_commands
from tag.load import load_stack
from tag.spec import WorkerSpec
from tests.bench.brokers import NAMES, running
from tests.bench.run import TAG, peak_of, write_stack
from worker.address import Address
from worker.channel import Channel, read
from worker.events import Failed, Finished, RoundClosed
from worker.links import Connected, Inbound
from worker.operator import Operator
from worker.protocol import follower as machine
from worker.protocol import follower_io as io
from worker.protocol.follower_state import Follower
from worker.protocol.messages import Counts, Evaluation, Held, Here, ModelManifest, State, UpdateManifest, Want
from worker.tensors import digest, pack, unpack
from worker.transport import Link
from worker.wire import Received, decode, key_of

A_PROCESS = 60
LIMIT_S = 1500
TICK_S = 0.1
TURN_S = 0.0002


def model_of(number: int, parameters: int) -> bytearray:
    """The model of a round: every weight is its number."""
    return pack({"0000": np.full(parameters, number, np.float32)})


class Extra:
    """A trainer that computes nothing and keeps no model.

    Args:
        spec: of the worker.
        address: of the broker.
        files: updates by round, shared by the process's trainers.
        parameters: of the model.
    """

    def __init__(self, spec: WorkerSpec, address: Address, files: dict[int, bytearray], parameters: int) -> None:
        place = spec.memberships[0]
        self._name = spec.dataset.name if spec.dataset is not None else ""
        self._files, self._parameters = files, parameters
        self._channel = Channel(spec, place)
        base = self._channel.topic("x").split("/")[:5]
        mine = "/".join(base)
        filters = [f"{mine}/{kind}/+" for kind in ("state", "model")]
        filters += [f"{mine}/{kind}/+/{spec.worker}" for kind in ("want", "model")]
        self._link = Link(spec.worker, address, filters)
        self._channel.link = self._link
        self._state = Follower(self._name)
        self._coming: tuple[ModelManifest, Received] | None = None
        self._ticked = 0.0
        self._link.open()

    def turn(self) -> None:
        """Take one item, or time."""
        now = time.monotonic()
        item = self._link.next(TURN_S)
        if isinstance(item, Connected):
            file = self._file(0)
            self._step(io.Up(), now)
            self._step(io.Prepared(Held(0, 0, _digest(0, file), len(file))), now)
        elif isinstance(item, Inbound) and (letter := self._channel.open(item)) is not None:
            if letter.kind == "state" and (state := read(State, letter.payload)) is not None:
                self._step(io.StateHeard(letter.sender, state), now)
            elif letter.kind == "want" and (want := read(Want, letter.payload)) is not None:
                self._step(io.Wanted(letter.sender, want), now)
            elif letter.kind == "model":
                self._chunk(letter.payload, now)
        if now - self._ticked > TICK_S:
            self._ticked = now
            self._step(io.Tick(), now)

    def _file(self, number: int) -> bytearray:
        """A round's update; of older ones only the first model is kept."""
        if number not in self._files:
            self._files[number] = model_of(number, self._parameters)
            for old in [n for n in self._files if 0 < n < number - 1]:
                del self._files[old]
        return self._files[number]

    def _chunk(self, payload: bytes, now: float) -> None:
        chunk = decode(payload)
        if chunk.manifest and (manifest := read(ModelManifest, chunk.manifest)) is not None:
            self._step(io.Offered(manifest), now)
        if self._coming is None or key_of(self._coming[0].digest) != chunk.key:
            return
        manifest, received = self._coming
        if not received.accepts(chunk):
            return
        received.mark(chunk.index)
        if received.whole:
            self._coming = None
            self._step(io.Holding(Held(manifest.run, manifest.round, manifest.digest, manifest.size)), now)
        else:
            self._step(io.Came(manifest.digest, received.confirmed), now)

    def _step(self, event: io.Event, now: float) -> None:
        self._state, actions = machine.step(self._state, event, now)
        for action in actions:
            self._do(action, now)

    def _do(self, action: io.Action, now: float) -> None:
        match action:
            case io.SayHere(term, holds):
                initial = self._state.held[0] if self._state.held else None
                ready = initial is not None
                here = Here("x", self._name, ready=ready, term=term, samples=1, initial=initial, holds=holds)
                self._channel.say("here", here, retain=True)
            case io.Fetch(manifest):
                self._coming = (manifest, Received(manifest.size))
            case io.SendWant(to, want):
                self._channel.say("want", want, to=to)
            case io.Compute(task) if task.kind == "evaluate":
                found = Evaluation(task.run, (0, ""), task.digest, self._name, Counts(), Counts())
                self._step(io.Evaluated(found), now)
            case io.Compute(task):
                file = self._file(task.round)
                name = _digest(task.round, file)
                made = UpdateManifest(task.run, task.round, (0, ""), task.digest, self._name, 1, name, len(file))
                self._step(io.Trained(made), now)
            case io.SendEvaluation(to, evaluation):
                self._channel.say("evaluation", evaluation, to=to)
            case io.SendUpdate(to, manifest, first, last):
                update = memoryview(self._file(manifest.round))
                self._channel.send_chunks("update", update, manifest, range(first, last), to=to)
            case io.SendModel(to, held, first, last) if held.round == 0:
                asked = ModelManifest(0, 0, self._state.term, held.digest, held.size)
                self._channel.send_chunks("model", memoryview(self._file(0)), asked, range(first, last), to=to)
            case _:
                pass


_DIGESTS: dict[int, str] = {}


def _digest(number: int, file: bytearray) -> str:
    """The SHA-256 of a round's update, found once in a process."""
    if number not in _DIGESTS:
        _DIGESTS[number] = digest(file)
    return _DIGESTS[number]


def crowd(specs: Path, url: str, parameters: int) -> None:
    """Be many trainers until the process is ended."""
    files: dict[int, bytearray] = {}
    texts = json.loads(specs.read_text())
    extras = [Extra(WorkerSpec.model_validate(text), Address.parse(url), files, parameters) for text in texts]
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        for extra in extras:
            extra.turn()


def slowed(milliseconds: float, arguments: list[str]) -> int:
    """Be an aggregator that takes so long for each chunk of an update."""
    from worker.__main__ import main as work
    from worker.roles.leading import Leading

    taken: Any = Leading.update

    def late(self: Leading, letter: Any, now: float) -> None:
        time.sleep(milliseconds / 1000)
        taken(self, letter, now)

    Leading.update = late  # type: ignore[method-assign]  # a slower one of the same
    return work(arguments)


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Run the rounds; the figures."""
    me = [sys.executable, "-m", "tests.bench.crowd"]
    with tempfile.TemporaryDirectory(prefix="fedtag-bench-") as scratch, running(args.broker, args.trainers) as url:
        folder = Path(scratch)
        plan = load_stack(write_stack(folder, args.trainers, args.rounds, TAG)).plan
        members = local_workers(plan, replicas=False)
        commands = write_commands(members, plan, brokers={"": url}, scratch=folder, logs=folder)
        lead = next(c.arguments for c in commands if "--roster" in c.arguments)
        quiet = ("--log-level", "warning")
        started = [subprocess.Popen([*me, "aggregator-", str(args.slow), *lead, *quiet])]
        specs = [w.spec.model_dump(by_alias=True, mode="json") for w in plan.trainers]
        for at in range(0, len(specs), A_PROCESS):
            part = folder / f"part-{at}.json"
            part.write_text(json.dumps(specs[at : at + A_PROCESS]))
            started.append(subprocess.Popen([*me, "crowd", str(part), url, str(args.parameters)]))
        try:
            with Operator(plan.federation, plan.top_channel, Address.parse(url)) as operator:
                times = _follow(operator, started)
                peaks = peak_of("aggregator-"), peak_of("local.broker" if args.broker == "embedded" else "mosquitto")
                final = unpack(operator.fetch_model(120))["0000"]
        finally:
            for process in started:
                process.terminate()
                process.wait(20)
    return {
        "trainers": args.trainers,
        "bytes": 4 * args.parameters,
        "broker": args.broker,
        "slow_ms": args.slow,
        "round_s": round(statistics.median(times), 3),
        "right": bool((final == args.rounds).all()),
        "aggregator_peak_mib": peaks[0],
        "broker_peak_mib": peaks[1],
    }


def _follow(operator: Operator, started: list[subprocess.Popen[bytes]]) -> list[float]:
    times: list[float] = []
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        event = operator.next(0.5)
        if any(process.poll() is not None for process in started):
            raise SystemExit("a process of the benchmark has ended")
        if isinstance(event, Failed):
            raise SystemExit(event.message)
        if isinstance(event, RoundClosed):
            times.append(event.seconds)
            print(f"round {event.round}: {event.seconds:.1f} s", file=sys.stderr)
        if isinstance(event, Finished):
            return times
    raise SystemExit(f"the run took more than {LIMIT_S} s")


def main() -> int:
    """Be what the first argument says, or measure."""
    if sys.argv[1:2] == ["crowd"]:
        crowd(Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
        return 0
    if sys.argv[1:2] == ["aggregator-"]:
        return slowed(float(sys.argv[2]), sys.argv[3:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trainers", type=int, default=30)
    parser.add_argument("--parameters", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--slow", type=float, default=0, help="milliseconds that the aggregator takes for a chunk")
    parser.add_argument("--broker", choices=NAMES, default="embedded")
    args = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    print(json.dumps(measure(args)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
