"""The source of a worker with data: it trains and evaluates in a thread, and tells the operator of it."""

import time
from typing import Any

from worker.protocol import follower_io as io
from worker.protocol.messages import Held, Here, State
from worker.protocol.unhurried import unhurried
from worker.roles.base import Broken, Quit, Worker
from worker.roles.compute import Advanced, Computer, Halted, Judged, Learned, Loaded
from worker.roles.follow import Follow, Source
from worker.roles.telling import PHASES, Telling, Traffic
from worker.tensors import digest


class Training(Source):
    """Trains on the worker's dataset.

    Args:
        worker: with data.

    Attributes:
        follow: whose source it is.
    """

    follow: Follow

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._loaded: Loaded | None = None
        self._fault = ""
        self._finished = False
        self._telling = Telling(worker.spec, worker.tell, lambda: Traffic(worker.sent, worker.taken))
        self._computer = Computer(worker.spec, worker.put, self._batch)
        self._computer.start()

    def _batch(self) -> None:
        self._worker.alive_at = time.monotonic()

    def about(self) -> Here:
        """What presence says of the data and the model."""
        loaded = self._loaded
        return Here(
            incarnation="",
            ready=loaded is not None,
            samples=loaded.learner.samples if loaded else 0,
            data=loaded.learner.data_digest if loaded else "",
            structure=loaded.learner.structure if loaded else "",
            fault=self._fault,
        )

    def begin(self, task: io.Task, held: Held, file: bytearray, state: State, now: float) -> None:  # noqa: ARG002  as Source's
        """Begin to train or to evaluate."""
        self._note(task.run, task.round + (task.kind == "evaluate" and state.phase == "evaluation"), now)
        self._telling.phase(PHASES[task.kind])
        self._computer.begin(task, file)

    def halt(self, now: float) -> None:  # noqa: ARG002  likewise
        """Stop at the next batch."""
        self._computer.halt()

    def connected(self, now: float) -> None:  # noqa: ARG002  likewise
        """Leave, if it broke before anybody could be told."""
        if self._worker.failure is not None:
            self._leave()

    def heard(self, state: State, now: float) -> None:
        """Note when a round begins; where nobody waits, it does when this trainer has done with the one before."""
        if state.phase in ("round", "evaluation") and not (unhurried(state) and self.follow.state.busy):
            self._note(state.run, state.round + (state.phase == "evaluation"), now)
        elif state.phase == "finished" and not self._finished:
            self._telling.phase("waiting")
            self._worker.tell(self._worker.meter.take(state.run, state.rounds + 1))
        self._finished = state.phase == "finished"

    def _note(self, run: int, number: int, now: float) -> None:
        if (run, number) != self._telling.at:
            self._worker.journal.round = number
            self._telling.opened(run, number, now)
            self._worker.meter.begin()

    def received(self, now: float) -> None:
        """Note when the model was here."""
        self._telling.received(now)

    def confirmed(self, run: int, number: int, now: float) -> None:
        """Tell that a round's update was counted, and of several channels what each moved."""
        self._telling.confirmed(run, number, now)
        moved = self._worker.meter.take(run, number)
        if len(self._worker.parts) > 1:
            self._worker.tell(moved)

    def result(self, item: Any, now: float) -> None:
        """Something of the computing thread."""
        match item:
            case Loaded():
                self._load(item, now)
            case Advanced(task, done, loss):
                self._telling.phase(PHASES[task.kind], done, loss)
            case Judged(_, evaluation, seconds):
                self._telling.evaluated(seconds)
                self.follow.step(io.Evaluated(evaluation), now)
            case Learned(task, file, samples, loss, seconds):
                self._telling.trained(task, samples=samples, loss=loss, seconds=seconds, now=now)
                self.follow.trained(task, file, now, samples=samples, loss=loss, deltas=int(task.delta))
            case Halted():
                self.follow.step(io.Stopped(), now)
            case Broken():
                self._broken(item)

    def _load(self, loaded: Loaded, now: float) -> None:
        self._loaded = loaded
        self._telling.ready(loaded.learner)
        self.follow.prepared(Held(0, 0, digest(loaded.initial), len(loaded.initial)), loaded.initial, now)

    def _broken(self, broken: Broken) -> None:
        """Say why, and end: of bad input the leader learns by presence, once the link is up, and the run fails."""
        self._fault = broken.message if broken.bad_input else ""
        self._worker.quit(broken)
        if self.follow.channel.connected or not broken.bad_input:
            self._leave()

    def _leave(self) -> None:
        self.follow.say_here()
        self._worker.put(Quit())

    def stop(self) -> None:
        """End the computing thread."""
        self._computer.close()

    def metrics(self) -> dict[str, float]:
        """The present round."""
        return {"round": self._telling.at[1]}
