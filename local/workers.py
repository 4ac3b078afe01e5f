"""The worker processes of a plan: started, watched, started again after a crash, stopped."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from local.processes import GRACE_S, Child, Command, stop_all
from tag.plan import Plan, PlannedWorker
from worker.errors import InputError, WorkerError

RESTARTS = 3
"""Times that a worker is started again."""
BACKOFF_S = 0.5
"""Seconds before the first new start; each further one waits twice as long."""
_BAD_INPUT = 2
_ERROR = "error: "


def local_workers(plan: Plan, *, replicas: bool) -> tuple[PlannedWorker, ...]:
    """The workers that run on one machine: of replicas that stand by only the first, unless `replicas`."""
    return tuple(w for w in plan.workers if replicas or w.spec.index in (None, 0) or w.spec.paired)


def write_commands(
    workers: Sequence[PlannedWorker], plan: Plan, *, brokers: Mapping[str, str], scratch: Path, logs: Path
) -> list[Command]:
    """The command of each worker, aggregators first; their specs and the roster are written to `scratch`.

    Args:
        workers: to be started.
        plan: that they are of.
        brokers: addresses by name; that of the federation's is empty.
        scratch: folder for what they read, and for checkpoints.
        logs: folder for their logs.
    """
    roster = scratch / "roster.json"
    roster.write_text(json.dumps(plan.rosters))
    commands = []
    for worker in sorted(workers, key=lambda w: (w.spec.dataset is not None, w.spec.worker)):
        spec = scratch / f"{worker.spec.worker}.json"
        spec.write_text(worker.spec.model_dump_json(by_alias=True))
        arguments = ["--spec", str(spec)]
        for name in sorted({place.broker for place in worker.spec.memberships}):
            arguments += ["--broker", f"{name}={brokers[name]}" if name else brokers[name]]
        if worker.spec.run is not None:
            arguments += ["--roster", str(roster)]
        if worker.spec.dataset is None:
            state = scratch / "state" / worker.spec.worker
            state.mkdir(parents=True)
            arguments += ["--state", str(state)]
        commands.append(
            Command(
                name=worker.spec.worker,
                module="worker",
                arguments=tuple(arguments),
                log=logs / f"{worker.spec.worker}.log",
                threads=worker.spec.train.threads if worker.spec.train else 1,
            )
        )
    return commands


class Workers:
    """Running workers.

    Args:
        commands: by which they are started.
        say: is given what a user should read, line by line.
        dispensable: names of those that may stay away; how many of them, `spare` says.
        spare: how many the run can do without.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        commands: Sequence[Command],
        *,
        say: Callable[[str], None],
        dispensable: frozenset[str] = frozenset(),
        spare: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._commands: Mapping[str, Command] = {command.name: command for command in commands}
        self._say = say
        self._dispensable = dispensable
        self._spare = spare
        self._clock = clock
        self._running: dict[str, Child] = {}
        self._crashes: dict[str, int] = {}
        self._due: dict[str, float] = {}

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of those that run, by name."""
        return {name: child.pid for name, child in self._running.items()}

    def start(self) -> None:
        """Start all."""
        for command in self._commands.values():
            self._running[command.name] = Child(command)

    def check(self) -> None:
        """Look after all: start again those that crashed, when it is time.

        Raises:
            InputError: one found the user's input to be bad.
            WorkerError: one crashed too often, and the run can't do without it.
        """
        for name, child in list(self._running.items()):
            status = child.poll()
            if status is not None:
                self._ended(name, child, status)
        for name, due in list(self._due.items()):
            if self._clock() >= due:
                del self._due[name]
                self._running[name] = Child(self._commands[name])

    def stop(self, grace: float = GRACE_S) -> None:
        """End all."""
        self._due.clear()
        stop_all(self._running.values(), grace)

    def kill(self) -> None:
        """End all at once."""
        self.stop(0)

    def _ended(self, name: str, child: Child, status: int) -> None:
        child.kill()
        del self._running[name]
        lines = child.output()
        errors = [line.removeprefix(_ERROR) for line in lines if line.startswith(_ERROR)]
        said = [line for line in lines if not line.startswith(_ERROR)]
        if status == _BAD_INPUT and errors:
            raise InputError(errors[-1], detail=under(name, said))
        for line in under(name, [*said, *errors[-1:]]).splitlines():
            self._say(line)
        self._crashes[name] = crashes = self._crashes.get(name, 0) + 1
        ending = f"was ended by signal {-status}" if status < 0 else f"ended with exit status {status}"
        if crashes <= RESTARTS:
            wait = BACKOFF_S * 2 ** (crashes - 1)
            self._say(f"{name} | {ending}; it is started again in {wait:g} s ({crashes} of {RESTARTS})")
            self._due[name] = self._clock() + wait
            return
        lost = [n for n in self._dispensable if self._crashes.get(n, 0) > RESTARTS]
        if name in self._dispensable and len(lost) <= self._spare:
            self._say(f"{name} | {ending} once more; the run goes on without it")
            return
        raise WorkerError(
            f"worker {name!r} {ending} {crashes} times; the run needs it; "
            f"{'read its traceback above and mend its program or data' if said else f'read {child.log}'}"
        )


def under(name: str, lines: Sequence[str]) -> str:
    """Lines under a worker's name, each with a line end."""
    return "".join(f"{name} | {line}\n" for line in lines)
