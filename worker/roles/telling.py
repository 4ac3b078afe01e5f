"""What a trainer tells the operator of its rounds: phases, seconds, bytes."""

from collections.abc import Callable
from dataclasses import dataclass

from tag.spec import WorkerSpec
from worker import events
from worker.protocol.follower_io import Task
from worker.training import Learner

PHASES = {"evaluate": "evaluating", "train": "training"}


@dataclass(frozen=True)
class Traffic:
    """Payload bytes of a worker since it started."""

    sent: int = 0
    received: int = 0


@dataclass
class _Clock:
    """When the parts of a round began, or how long they took; and the traffic at its beginning."""

    opened: float = 0.0
    receiving: float = 0.0
    evaluating: float = 0.0
    trained: float = 0.0
    traffic: Traffic = Traffic()


class Telling:
    """A trainer's reports, round by round.

    Args:
        spec: of the worker.
        tell: takes events.
        traffic: gives the worker's traffic so far.
    """

    def __init__(self, spec: WorkerSpec, tell: Callable[[events.Event], None], traffic: Callable[[], Traffic]) -> None:
        groups = {place.part: place.group for place in spec.memberships}
        self._group = groups.get("ring") or groups.get("follow") or spec.memberships[0].group
        self._dataset = spec.dataset.name if spec.dataset is not None else ""
        self._tell = tell
        self._traffic = traffic
        self._clocks = {(0, 0): _Clock()}
        self.at = (0, 0)

    def ready(self, learner: Learner) -> None:
        """Data and model are here."""
        self._tell(
            events.Ready(
                group=self._group,
                dataset=self._dataset,
                samples=learner.samples,
                validation=learner.validation_count,
                test=learner.test_count,
                digest=learner.data_digest,
            )
        )

    def opened(self, run: int, number: int, now: float) -> None:
        """A round has begun, as the trainer hears it; of the last one, the update may still be under way."""
        self.at = (run, number)
        last = dict(list(self._clocks.items())[-1:])
        self._clocks = {**last, self.at: _Clock(opened=now, traffic=self._traffic())}
        self.phase("receiving")

    def received(self, now: float) -> None:
        """The round's model is here."""
        self._clock.receiving = now - self._clock.opened

    def evaluated(self, seconds: float) -> None:
        """The round's model was evaluated."""
        self._clock.evaluating = seconds

    def trained(self, task: Task, *, samples: int, loss: float | None, seconds: float, now: float) -> None:
        """The round's training is over, and its update goes out."""
        self._clock.trained = now
        self._tell(
            events.Trained(
                group=self._group,
                dataset=self._dataset,
                run=task.run,
                round=task.round,
                receiving=round(self._clock.receiving, 6),
                evaluating=round(self._clock.evaluating, 6),
                training=round(seconds, 6),
                loss=_short(loss),
                samples=samples,
            )
        )
        self.phase("uploading")

    def confirmed(self, run: int, number: int, now: float) -> None:
        """The leader has counted the update of a round."""
        clock, traffic = self._clocks.get((run, number), self._clock), self._traffic()
        self._tell(
            events.Uploaded(
                group=self._group,
                dataset=self._dataset,
                run=run,
                round=number,
                uploading=round(now - clock.trained, 6),
                sent=traffic.sent - clock.traffic.sent,
                received=traffic.received - clock.traffic.received,
            )
        )
        if (run, number) == self.at:
            self.phase("waiting")

    def phase(self, name: str, done: float = 0.0, loss: float | None = None) -> None:
        """What the trainer does now, and how far it is."""
        traffic = self._traffic()
        self._tell(
            events.Progress(
                group=self._group,
                dataset=self._dataset,
                run=max(1, self.at[0]),
                round=self.at[1],
                phase=name,
                done=round(done, 4),
                loss=_short(loss),
                sent=traffic.sent,
                received=traffic.received,
            )
        )

    @property
    def _clock(self) -> _Clock:
        return self._clocks[self.at]


def _short(loss: float | None) -> float | None:
    return None if loss is None else round(loss, 6)
