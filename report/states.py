"""What each trainer does now, and what was dropped of whom: the parts of a history that are not of one round."""

from dataclasses import dataclass

from worker.events import Dropped, Progress, Ready, Trained, Uploaded


@dataclass
class State:
    """What a trainer does now.

    Attributes:
        dataset: name.
        group: of the model channel; a region.
        worker: id.
        phase: starting, waiting, receiving, evaluating, training or uploading.
        done: share of the phase that is done.
        loss: of training so far, or None.
        sent: payload bytes up since its worker's first start.
        received: payload bytes down since then.
        samples: of training; None until it is ready.
        validation: samples of its own validation part.
        test: samples of its share of the test set.
        digest: SHA-256 of its data.
        starts: times at which a worker reported this dataset as ready.
    """

    dataset: str
    group: str = ""
    worker: str = ""
    phase: str = "starting"
    done: float = 0.0
    loss: float | None = None
    sent: int = 0
    received: int = 0
    samples: int | None = None
    validation: int = 0
    test: int = 0
    digest: str = ""
    starts: tuple[float, ...] = ()
    time: float = float("-inf")
    counters: tuple[int, int] = (0, 0)

    def ready(self, event: Ready) -> None:
        """Take in that its worker has the data."""
        self.starts = tuple(sorted({*self.starts, event.time}))
        if event.time >= self.starts[-1]:
            self.worker, self.samples, self.validation = event.worker, event.samples, event.validation
            self.test, self.digest = event.test, event.digest
        if event.time >= self.time:
            self.time, self.phase, self.done, self.loss = event.time, "waiting", 0.0, None

    def progress(self, event: Progress) -> None:
        """Take in its phase and its bytes; a counter that fell is of a restarted worker and goes on from there."""
        if event.time < self.time:
            return
        sent, received = self.counters
        if event.sent < sent or event.received < received:
            sent, received = 0, 0
        self.sent += event.sent - sent
        self.received += event.received - received
        self.counters = (event.sent, event.received)
        self.time, self.worker, self.phase = event.time, event.worker, event.phase
        self.done = min(1.0, max(0.0, event.done))
        self.loss = event.loss if event.loss is not None else self.loss

    def ended(self, event: Trained | Uploaded) -> None:
        """Take in that a phase has ended, where no progress said so."""
        if event.time >= self.time:
            self.time, self.done = event.time, 0.0
            self.phase = "uploading" if isinstance(event, Trained) else "waiting"


@dataclass
class Tally:
    """Messages dropped of one sender for one reason.

    Attributes:
        count: all of them; a counter that fell is of a restarted worker and goes on from there.
        detail: of the newest.
    """

    sender: str
    reason: str
    count: int = 0
    detail: str = ""
    counter: int = 0
    time: float = float("-inf")

    def add(self, event: Dropped) -> None:
        """Take in what one worker counted so far."""
        if event.time < self.time:
            return
        self.count += event.count - (self.counter if event.count >= self.counter else 0)
        self.counter, self.time, self.detail = event.count, event.time, event.detail
