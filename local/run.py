"""One run of a stack on this machine: broker, operator, workers, events, models, record. Shows nothing itself."""

import contextlib
import dataclasses
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from local.broker import EmbeddedBroker
from local.courses import Course, Courses
from local.export import export_keras
from local.outcome import Experiment, Outcome, Result, Watch
from local.signals import Interrupts
from local.workers import Workers, local_workers, write_commands
from report.folder import RunFolder
from report.traffic import Ledger
from tag.load import Loaded
from tag.plan import PlannedWorker
from tag.roots import root_of, roots
from worker.address import Address
from worker.errors import InputError, WorkerError
from worker.events import Event, Failed, Finished
from worker.operator import Operator
from worker.tensors import digest

TICK_S = 0.2
FETCH_S = 60.0
LAST_FETCH_S = 10.0
"""Seconds for the model of a run that did not finish; its leader may be gone."""
STALL_S = 120.0
"""Seconds beyond the stack's `maxWait` without any event, after which nobody is there to end the run."""
CONNECT_S = 10.0
_LOST_S = 5.0
"""Seconds after which a state that says how the run ended is believed without its event."""
_TRAILING_S = 2.0
_QUIET_S = 0.3


def run(loaded: Loaded, watch: Watch, *, runs: Path, replicas: bool = False, comparison: bool = False) -> Result:
    """Run a stack to its end.

    Args:
        loaded: the stack.
        watch: is told of progress.
        runs: folder for the run's own folder.
        replicas: start all replicas of a role, not only the first.
        comparison: train on the pooled data and on each region's alone, too.

    Raises:
        InputError: a worker found the stack, program or data to be bad; nothing is left behind.
        KeyboardInterrupt: the user did not want to wait for an orderly end; every process was ended.
    """
    if comparison and len(found := roots(loaded.plan)) > 1:
        raise InputError(
            f"stack {loaded.name!r} has {len(found)} experiments, and --compare is of one federated model; leave it "
            "out: the experiments are compared with each other"
        )
    with Interrupts() as interrupts, RunFolder.create(runs, loaded.plan.federation) as folder:
        folder.begin(loaded)
        local = LocalRun(loaded, folder, watch, interrupts, replicas=replicas)
        result = local.execute()
        return local.compare(result) if comparison and result.outcome == "finished" else result


class LocalRun:
    """A run under way.

    Args:
        loaded: the stack.
        folder: of this run.
        watch: is told of progress.
        interrupts: say when to end early.
        replicas: start all replicas of a role.
    """

    def __init__(
        self, loaded: Loaded, folder: RunFolder, watch: Watch, interrupts: Interrupts, *, replicas: bool
    ) -> None:
        self._loaded = loaded
        self._folder = folder
        self._watch = watch
        self._interrupts = interrupts
        self._members = local_workers(loaded.plan, replicas=replicas)
        self._courses = Courses(roots(loaded.plan))
        self._ledger = Ledger(loaded.plan)
        self._heard = time.monotonic()

    def execute(self) -> Result:
        """Run; gives what came of it.

        Raises:
            InputError: as `run`.
            KeyboardInterrupt: as `run`.
        """
        begun = time.monotonic()
        try:
            outcome, message, models = self._train()
        except KeyboardInterrupt:
            self._folder.update(message="the run was ended at once", seconds=round(time.monotonic() - begun, 3))
            raise
        seconds = round(time.monotonic() - begun, 3)
        kept = [self._keep(course, model) for course, model in models]
        result = self._result(outcome, message)
        self._folder.update(outcome=outcome, message=message, seconds=seconds, **self._facts(result))
        export_keras(self._loaded, self._folder, kept, self._watch.say)
        return result

    def _keep(self, course: Course, model: bytes) -> Path:
        course.sha = digest(model)
        return self._folder.keep_model(model, course.experiment)

    def _result(self, outcome: Outcome, message: str) -> Result:
        status = {"finished": 0, "failed": 1, "interrupted": self._interrupts.status}[outcome]
        found = tuple(Experiment(c.experiment, c.closed, c.sha, c.accuracy) for c in self._courses.all)
        only = found[0] if len(found) == 1 else None
        return Result(
            folder=self._folder.path,
            outcome=outcome,
            message=message,
            model_sha256=only.model_sha256 if only else None,
            accuracy=only.accuracy if only else None,
            status=status,
            experiments=() if only else found,
        )

    def _facts(self, result: Result) -> dict[str, Any]:
        """Fields of run.json: of the one model, or of each experiment's."""
        facts: dict[str, Any] = {"model_sha256": result.model_sha256, "accuracy": result.accuracy}
        facts["traffic"] = self._ledger.traffic().told()
        if result.experiments:
            facts["experiments"] = [dataclasses.asdict(e) for e in result.experiments]
        return facts

    def compare(self, result: Result) -> Result:
        """Add the comparison to the record; gives the result, which has failed if it could not be made."""
        from local.compare import compare

        try:
            with tempfile.TemporaryDirectory(prefix="fedtag-compare-") as scratch:
                found = compare(
                    self._loaded,
                    Path(scratch),
                    self._folder.logs,
                    say=self._watch.say,
                    stopped=lambda: self._interrupts.signal is not None,
                )
        except WorkerError as error:
            status = self._interrupts.status if self._interrupts.signal else 1
            return dataclasses.replace(result, message=str(error), status=status)
        self._folder.update(comparison=found)
        return result

    def _train(self) -> tuple[Outcome, str, list[tuple[Course, bytes]]]:
        """Train until an end of some kind, and stop every process; gives outcome, message and the last models."""
        plan = self._loaded.plan
        with (
            tempfile.TemporaryDirectory(prefix="fedtag-run-") as scratch,
            contextlib.ExitStack() as started,
        ):
            brokers = {b.name: started.enter_context(EmbeddedBroker(b.workers)) for b in plan.brokers}
            addresses = {name: Address.parse(broker.url) for name, broker in brokers.items()}
            top = addresses.pop(plan.top_broker)
            operator = started.enter_context(
                Operator(plan.federation, plan.top_channel, top, others=addresses.values(), roots=root_of(plan))
            )
            workers = started.enter_context(self._workers(brokers, Path(scratch)))
            try:
                self._connect(operator)
                workers.start()
                outcome, message = self._follow(operator, workers, brokers)
            except InputError:
                raise
            except WorkerError as error:
                outcome, message = "failed", str(error)
            models = self._fetch(operator, FETCH_S if outcome == "finished" else LAST_FETCH_S)
            if outcome == "interrupted":
                # A round may have closed meanwhile; its model is kept, so its events are.
                self._take_trailing(operator)
            return outcome, message, models

    def _connect(self, operator: Operator) -> None:
        """Wait for the operator's link, or the first events would be missed."""
        deadline = time.monotonic() + CONNECT_S
        while not operator.connected and self._interrupts.signal is None:
            if time.monotonic() > deadline:
                raise WorkerError(
                    f"the embedded broker does not answer within {CONNECT_S:g} s; is the machine too busy?"
                )
            operator.next(0.02)

    @contextlib.contextmanager
    def _workers(self, brokers: Mapping[str, EmbeddedBroker], scratch: Path) -> Iterator[Workers]:
        plan = self._loaded.plan
        urls = {name: broker.url for name, broker in brokers.items()}
        trainers = [w for w in self._members if w.spec.dataset is not None]
        workers = Workers(
            write_commands(self._members, plan, brokers=urls, scratch=scratch, logs=self._folder.logs),
            say=self._watch.say,
            dispensable=frozenset(w.spec.worker for w in trainers),
            spare=_spare(self._members, [len(course.root.datasets) for course in self._courses.all]),
        )
        try:
            yield workers
        except BaseException:
            workers.kill()
            raise
        workers.stop()

    def _follow(
        self, operator: Operator, workers: Workers, brokers: Mapping[str, EmbeddedBroker]
    ) -> tuple[Outcome, str]:
        """Take in events until the run ends, one way or the other.

        Raises:
            InputError: the user's input is at fault.
            WorkerError: the run can't go on.
        """
        patience = STALL_S + self._loaded.stack.max_wait
        while self._interrupts.signal is None:
            event = operator.next(TICK_S)
            self._watch.tick()
            if event is not None:
                self._take(event)
            if isinstance(event, Failed):
                message = self._courses.named(event.worker, event.message)
                raise InputError(message) if event.bad_input else WorkerError(message)
            if isinstance(event, Finished) and self._courses.finished:
                self._take_trailing(operator)
                return "finished", ""
            if time.monotonic() - self._heard > _LOST_S:
                if failure := self._courses.believe(operator.states):
                    raise WorkerError(failure)
                if self._courses.finished:
                    return "finished", ""
            workers.check()
            if not all(broker.alive for broker in brokers.values()):
                raise WorkerError("an embedded broker ended; the run needs it; run again, and report it if it recurs")
            if time.monotonic() - self._heard > patience:
                raise WorkerError(
                    f"no worker told anything for {patience:g} s, although maxWait is "
                    f"{self._loaded.stack.max_wait:g} s; read the logs in {str(self._folder.logs)!r}"
                )
        return "interrupted", f"the run was ended by {self._interrupts.signal.name}"

    def _take_trailing(self, operator: Operator) -> None:
        """Events that are still under way when the run has ended."""
        deadline = time.monotonic() + _TRAILING_S
        while time.monotonic() < deadline and (event := operator.next(_QUIET_S)) is not None:
            self._take(event)

    def _take(self, event: Event) -> None:
        self._heard = time.monotonic()
        self._folder.append(event)
        self._courses.take(event)
        self._ledger.add(event)
        self._watch.event(event)

    def _fetch(self, operator: Operator, timeout: float) -> list[tuple[Course, bytes]]:
        """The last model of each root of which a round made one."""
        found = []
        for course in self._courses.all:
            try:
                if course.closed:
                    found.append((course, operator.fetch_model(timeout, course.root.name)))
            except WorkerError as error:
                self._watch.say(f"the model can't be kept: {error}")
        return found


def _spare(members: tuple[PlannedWorker, ...], trainers: Sequence[int]) -> int:
    """Trainers that rounds can do without, whichever of the roots they are behind.

    Args:
        members: that run.
        trainers: behind each root.
    """
    quorums = [w.spec.run.quorum for w in members if w.spec.run is not None]
    asked = [quorum for quorum in quorums if quorum is not None]
    return max(0, min(trainers, default=0) - max(asked)) if asked else 0
