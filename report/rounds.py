"""What is known of a run, its rounds and its trainers. Plain values; `history` fills them from events."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tag.roots import NOBODY, Lineage
from worker.events import Failed, Trained, Uploaded, Waiting

PHASES = ("receiving", "evaluating", "training", "uploading")
"""The phases of a trainer's round, in their order; what is left of a round is waiting."""


@dataclass
class Share:
    """What one dataset's trainer did in a round; None is not known.

    Attributes:
        samples: training samples.
        receiving: seconds until it had the model.
        evaluating: seconds of evaluating it.
        training: seconds of training.
        uploading: seconds until the leader had confirmed its update.
        loss: mean training loss of the last epoch.
        sent: payload bytes up.
        received: payload bytes down.
        at: time of the newest event of each kind that was taken in.
    """

    samples: int | None = None
    receiving: float | None = None
    evaluating: float | None = None
    training: float | None = None
    uploading: float | None = None
    loss: float | None = None
    sent: int | None = None
    received: int | None = None
    at: dict[str, float] = field(default_factory=dict)

    def take(self, event: Trained | Uploaded) -> None:
        """Take in an event, unless a newer one of its kind is known: a repeated round replaces."""
        if event.time < self.at.get(event.kind(), event.time):
            return
        self.at[event.kind()] = event.time
        if isinstance(event, Trained):
            self.receiving, self.evaluating = max(0.0, event.receiving), max(0.0, event.evaluating)
            self.training, self.loss, self.samples = max(0.0, event.training), event.loss, event.samples
        else:
            self.uploading = max(0.0, event.uploading)
            self.sent, self.received = max(0, event.sent), max(0, event.received)

    @property
    def busy(self) -> float | None:
        """Seconds of evaluating and training, or None."""
        return None if self.training is None else self.training + (self.evaluating or 0.0)


@dataclass(frozen=True)
class Score:
    """How good a model is on test data; `Evaluated` in short.

    Attributes:
        accuracy: share of the test samples.
        loss: mean test loss.
        count: test samples.
    """

    accuracy: float
    loss: float
    count: int


@dataclass(frozen=True)
class Opening:
    """One opening of a round by a leader."""

    time: float
    worker: str
    selected: tuple[str, ...]


@dataclass(frozen=True)
class Passing:
    """One sum that a middle aggregator passed on.

    Attributes:
        participants: training samples by dataset.
        seconds: from the round's opening in its group to the sum.
    """

    time: float
    worker: str
    participants: Mapping[str, int]
    seconds: float


@dataclass(frozen=True)
class Traffic:
    """Payload bytes of a worker in a round, by channel."""

    sent: Mapping[str, int]
    received: Mapping[str, int]


@dataclass(frozen=True)
class Closing:
    """One closing of a round by a leader.

    Attributes:
        term: of the leader; the highest term's history holds.
        participants: training samples by dataset.
        seconds: from opening to closing.
    """

    term: int
    time: float
    worker: str
    model: str
    participants: dict[str, int]
    seconds: float


@dataclass
class Round:
    """One round; number 0 stands for the initial model.

    Attributes:
        score: of the model that this round made, or None.
        judgements: when the same model was last judged on the validation parts, and how, by who heard of it.
        shares: by dataset.
        passings: the last sum of each middle aggregator, by logical sender.
        moved: by worker and time: a round that is repeated is moved again.
    """

    number: int
    score: Score | None = None
    judgements: dict[str, tuple[float, dict[str, Score]]] = field(default_factory=dict)
    shares: dict[str, Share] = field(default_factory=dict)
    openings: list[Opening] = field(default_factory=list)
    closings: list[Closing] = field(default_factory=list)
    passings: dict[str, Passing] = field(default_factory=dict)
    moved: dict[tuple[str, float], Traffic] = field(default_factory=dict)

    @property
    def validation(self) -> dict[str, Score]:
        """The model on each dataset's own validation part."""
        found = {
            name: score
            for _, judged in sorted(self.judgements.values(), key=_by_time)
            for name, score in judged.items()
        }
        return dict(sorted(found.items()))

    @property
    def known(self) -> bool:
        """Whether a leader has spoken of it."""
        return bool(self.openings or self.closings or self.score)

    @property
    def closing(self) -> Closing | None:
        """The closing that holds: of the highest term, and of that the last."""
        return max(self.closings, key=lambda c: (c.term, c.time), default=None)

    @property
    def model(self) -> str | None:
        """SHA-256 of the model that it made."""
        return self.closing.model if self.closing else None

    @property
    def seconds(self) -> float | None:
        """From opening to closing."""
        return self.closing.seconds if self.closing else None

    @property
    def accuracy(self) -> float | None:
        """Of the model that it made, on the test set."""
        return self.score.accuracy if self.score else None

    @property
    def loss(self) -> float | None:
        """Of the model that it made, on the test set."""
        return self.score.loss if self.score else None

    def share(self, dataset: str) -> Share:
        """What that dataset's trainer did; empty if nothing is known."""
        return self.shares.get(dataset) or Share()

    def samples(self, dataset: str) -> int | None:
        """Training samples that the dataset added to this round's model; 0 if it did not take part; None if unknown."""
        if self.closing:
            return self.closing.participants.get(dataset, 0)
        return self.share(dataset).samples

    @property
    def total(self) -> int | None:
        """Training samples in this round's model."""
        return sum(self.closing.participants.values()) if self.closing else None

    @property
    def overhead(self) -> float | None:
        """Seconds of the round beyond its slowest participant's evaluating and training.

        None if one is not known, or if they were done before a new leader opened the round again.
        """
        if not self.closing:
            return None
        busy = [self.share(dataset).busy for dataset in self.closing.participants]
        known = [b for b in busy if b is not None]
        if not known or len(known) < len(busy) or self.closing.seconds < max(known):
            return None
        return self.closing.seconds - max(known)


def _by_time(judged: tuple[float, dict[str, Score]]) -> float:
    return judged[0]


@dataclass
class Run:
    """One training of the federation.

    Attributes:
        number: of the run.
        planned: its rounds, as its leader says; 0 is not known.
        record: rounds by number.
        waits: every time that the run waited for its quorum.
        final: SHA-256 of the final model, once it is finished.
        failure: why it can't go on, or None.
        lineage: who leads whom.
    """

    number: int
    planned: int = 0
    record: dict[int, Round] = field(default_factory=dict)
    waits: list[Waiting] = field(default_factory=list)
    final: str | None = None
    failure: Failed | None = None
    lineage: Lineage = NOBODY

    def at(self, number: int) -> Round:
        """The round of that number, made if need be."""
        return self.record.setdefault(number, Round(number))

    @property
    def initial(self) -> Round | None:
        """Round 0, if the initial model was evaluated."""
        first = self.record.get(0)
        return first if first and first.score else None

    @property
    def rounds(self) -> list[Round]:
        """The rounds from 1 on that a leader has spoken of, in order."""
        return [r for _, r in sorted(self.record.items()) if r.number >= 1 and r.known]

    @property
    def closed(self) -> list[Round]:
        """The rounds that have made a model."""
        return [r for r in self.rounds if r.closing]

    @property
    def scored(self) -> list[Round]:
        """The rounds whose model was evaluated, from the initial model on."""
        return [r for _, r in sorted(self.record.items()) if r.score]

    @property
    def judged(self) -> list[Round]:
        """The rounds whose model was judged on validation parts, from the initial model on."""
        return [r for _, r in sorted(self.record.items()) if r.validation]

    @property
    def last(self) -> Score | None:
        """Of the newest model that was evaluated."""
        return self.scored[-1].score if self.scored else None

    @property
    def model(self) -> str | None:
        """SHA-256 of the newest model."""
        return self.final or (self.closed[-1].model if self.closed else None)

    @property
    def waiting(self) -> Waiting | None:
        """What the run waits for now, or None; of waits in tiers above each other, the lowest, which is the cause."""
        last: dict[str, Waiting] = {}
        for wait in sorted(self.waits, key=lambda w: w.time) if not (self.final or self.failure) else ():
            last[self.lineage.office(wait.worker)] = wait
        now = {office: wait for office, wait in last.items() if wait.time >= max(self._moves(office), default=0.0)}
        causes = [wait for wait in now.values() if not now.keys() & set(wait.missing)]
        return max(causes, key=lambda w: w.time, default=None)

    def _moves(self, office: str) -> Iterator[float]:
        """When the run went on, for a leader."""
        for record in self.rounds:
            yield from (opening.time for opening in record.openings)
            yield from (closing.time for closing in record.closings)
            if office in record.passings:
                yield record.passings[office].time
