"""The thread that trains and evaluates, so that the protocol goes on meanwhile."""

import queue
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tag.spec import WorkerSpec
from worker.errors import InputError, Stopped, WorkerError
from worker.protocol.follower_io import Task
from worker.protocol.messages import Counts, Evaluation
from worker.roles.base import Broken
from worker.tensors import Weights, difference, pack, unpack
from worker.training import Learner

PROGRESS_S = 1.0
"""Least seconds between two reports of a computation's progress."""

PROGRESS_SHARE = 0.125
"""Least share of the computation between two reports: a long one costs no more bytes than a short one."""

LONG_S = 10.0
"""Seconds after which progress is reported in any case."""


@dataclass(frozen=True)
class Loaded:
    """Data and model are here."""

    learner: Learner
    initial: bytearray


@dataclass(frozen=True)
class Judged:
    """An evaluation and the seconds it took."""

    task: Task
    evaluation: Evaluation
    seconds: float


@dataclass(frozen=True)
class Learned:
    """A trained model's file, the mean loss of its last epoch, and the seconds it took."""

    task: Task
    file: bytearray
    samples: int
    loss: float | None
    seconds: float


@dataclass(frozen=True)
class Halted:
    """A computation was stopped."""

    task: Task


@dataclass(frozen=True)
class Advanced:
    """How far a computation is."""

    task: Task
    done: float
    loss: float | None


class Computer:
    """One thread with a learner; it takes tasks and puts results.

    Args:
        spec: of the worker.
        put: takes results, from the thread.
        beat: is called at each batch.
    """

    def __init__(self, spec: WorkerSpec, put: Callable[[Any], None], beat: Callable[[], None]) -> None:
        self._spec = spec
        self._put = put
        self._beat = beat
        self._tasks: queue.SimpleQueue[tuple[Task, Weights] | None] = queue.SimpleQueue()
        self._halt = threading.Event()
        self._thread = threading.Thread(target=self._work, name="compute", daemon=True)

    def start(self) -> None:
        """Load the learner, then take tasks."""
        self._thread.start()

    def begin(self, task: Task, file: bytes | bytearray) -> None:
        """Begin a task on a model's file."""
        self._halt.clear()
        self._tasks.put((task, unpack(file)))

    def halt(self) -> None:
        """Stop the present task at its next batch."""
        self._halt.set()

    def close(self) -> None:
        """Stop, and end the thread if a batch ends soon."""
        self._halt.set()
        self._tasks.put(None)
        self._thread.join(2)

    def _work(self) -> None:
        try:
            learner = Learner.load(self._spec)
            self._put(Loaded(learner, pack(learner.initial())))
            while (item := self._tasks.get()) is not None:
                self._do(learner, *item)
        except WorkerError as error:
            self._put(Broken(str(error), isinstance(error, InputError), error.detail))
        except Exception as error:  # noqa: BLE001 - the user's program may raise anything; its trace is shown
            self._put(Broken(str(error), bad_input=False, trace=traceback.format_exc()))

    def _do(self, learner: Learner, task: Task, weights: Weights) -> None:
        began = last = time.monotonic()
        reported = 0.0

        def progress(done: float, loss: float | None) -> bool:
            nonlocal last, reported
            self._beat()
            passed = (now := time.monotonic()) - last
            if passed >= LONG_S or (passed >= PROGRESS_S and done - reported >= PROGRESS_SHARE):
                last, reported = now, done
                self._put(Advanced(task, done, loss))
            return not self._halt.is_set()

        try:
            if task.kind == "evaluate":
                e = learner.evaluate(weights, progress)
                test = Counts(e.correct, e.count, e.loss)
                validation = Counts(e.validation_correct, e.validation_count, e.validation_loss)
                dataset = learner.dataset.name
                found = Evaluation(task.run, (0, ""), task.digest, dataset, test, validation)
                self._put(Judged(task, found, time.monotonic() - began))
            else:
                trained = learner.train(weights, task.round, progress)
                file = pack(difference(trained.weights, weights) if task.delta else trained.weights)
                self._put(Learned(task, file, trained.samples, trained.loss, time.monotonic() - began))
        except Stopped:
            self._put(Halted(task))
