"""Events folded into what happened: by the live view one at a time, by the report all at once.

Events may be missing, doubled or out of order: what is newer (by its sender's clock) replaces what is older, and of two
closings of a round that of the higher term holds. Pure: no clock, no files.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from report.incidents import Incident, incidents
from report.rounds import Closing, Opening, Round, Run, Score, Share
from worker import events as ev


@dataclass
class State:
    """What a trainer does now.

    Attributes:
        group: of the model channel; a region.
        worker: id.
        phase: waiting, receiving, evaluating, training or uploading.
        done: share of the phase that is done.
        loss: of training so far, or None.
        sent: payload bytes up since the first start of its worker.
        received: payload bytes down since then.
        samples: of training; None until it is ready.
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
    counter: tuple[int, int] = (0, 0)


@dataclass
class Tally:
    """Messages that one worker dropped of one sender for one reason."""

    sender: str
    reason: str
    count: int = 0
    detail: str = ""
    last: int = 0
    time: float = float("-inf")


@cache
def _adapter(kind: type[ev.Event]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def checked(event: ev.Event) -> ev.Event | None:
    """The event with every field of its declared type; None if one is of another."""
    try:
        checked: ev.Event = _adapter(type(event)).validate_python(
            {f.name: getattr(event, f.name) for f in fields(event)}
        )
    except ValidationError:
        return None
    return checked


class History:
    """What is known of a federation's runs.

    Attributes:
        runs: by number.
        states: what each dataset's trainer does now.
        terms: leaders by term.
        unreadable: events with a field of a wrong type, which were left out.
    """

    def __init__(self, events: Iterable[ev.Event] = ()) -> None:
        self.runs: dict[int, Run] = {}
        self.states: dict[str, State] = {}
        self.terms: dict[int, ev.Leading] = {}
        self.unreadable = 0
        self._tallies: dict[tuple[str, str, str], Tally] = {}
        for event in events:
            self.add(event)

    def add(self, event: ev.Event) -> None:
        """Take in one event, of any kind, in any order."""
        sound = checked(event)
        if sound is None:
            self.unreadable += 1
            return
        match sound:
            case ev.Ready():
                self._ready(sound)
            case ev.Progress():
                self._progress(sound)
            case ev.Trained() | ev.Uploaded():
                self._share(sound)
            case ev.Leading():
                self.terms[sound.term] = sound
            case ev.Dropped():
                self._dropped(sound)
            case ev.UpdateCounted():
                share = self.run(sound.run).at(sound.round).shares.setdefault(sound.dataset, Share())
                share.samples = sound.samples
            case ev.RoundOpened() | ev.RoundClosed() | ev.Evaluated():
                self._round(sound)
            case ev.Waiting():
                waits = self.run(sound.run).waits
                waits.extend([sound] if sound not in waits else [])
            case ev.Finished():
                self.run(sound.run).final = sound.model
                self._plan(sound)
            case ev.Failed():
                self.run(sound.run).failure = sound

    def run(self, number: int) -> Run:
        """The run of that number, made if need be."""
        return self.runs.setdefault(number, Run(number))

    @property
    def current(self) -> Run:
        """The run of the highest number that a leader has spoken of; an empty run 1 before that."""
        spoken = [r for r in self.runs.values() if r.rounds or r.scored or r.waits or r.final or r.failure]
        return max(spoken, key=lambda r: r.number, default=Run(1))

    @property
    def leader(self) -> str | None:
        """Id of the worker that leads under the highest term."""
        return self.terms[max(self.terms)].worker if self.terms else None

    @property
    def dropped(self) -> list[Tally]:
        """Dropped messages by sender and reason, of all workers together, most first."""
        merged: dict[tuple[str, str], Tally] = {}
        for tally in self._tallies.values():
            total = merged.setdefault((tally.sender, tally.reason), Tally(tally.sender, tally.reason))
            total.count += tally.count
            if tally.time >= total.time:
                total.time, total.detail = tally.time, tally.detail
        return sorted(merged.values(), key=lambda t: (-t.count, t.sender, t.reason))

    @property
    def incidents(self) -> list[Incident]:
        """What went other than planned, in order of time."""
        starts = {dataset: state.starts for dataset, state in self.states.items()}
        return incidents(self.runs.values(), self.terms, starts)

    def state(self, dataset: str, group: str = "") -> State:
        """What that dataset's trainer does now, made if need be."""
        state = self.states.setdefault(dataset, State(dataset))
        state.group = group or state.group
        return state

    def _ready(self, event: ev.Ready) -> None:
        state = self.state(event.dataset, event.group)
        state.starts = tuple(sorted({*state.starts, event.time}))
        if event.time >= max(state.starts):
            state.worker, state.samples, state.validation = event.worker, event.samples, event.validation
            state.test, state.digest = event.test, event.digest
        if event.time >= state.time:
            state.time, state.phase, state.done, state.loss = event.time, "waiting", 0.0, None

    def _progress(self, event: ev.Progress) -> None:
        state = self.state(event.dataset, event.group)
        if event.time < state.time:
            return
        sent, received = state.counter
        if event.sent < sent or event.received < received:  # the worker was restarted and counts from zero
            sent, received = 0, 0
        state.sent += event.sent - sent
        state.received += event.received - received
        state.counter = (event.sent, event.received)
        state.time, state.worker, state.phase = event.time, event.worker, event.phase
        state.done = min(1.0, max(0.0, event.done))
        state.loss = event.loss if event.loss is not None else state.loss

    def _share(self, event: ev.Trained | ev.Uploaded) -> None:
        state = self.state(event.dataset, event.group)
        share = self.run(event.run).at(event.round).shares.setdefault(event.dataset, Share())
        if event.time < share.at.get(event.kind(), event.time):
            return
        share.at[event.kind()] = event.time
        if isinstance(event, ev.Trained):
            share.receiving, share.evaluating = max(0.0, event.receiving), max(0.0, event.evaluating)
            share.training, share.loss = max(0.0, event.training), event.loss
            share.samples = event.samples
        else:
            share.uploading = max(0.0, event.uploading)
            share.sent, share.received = event.sent, event.received
        if event.time >= state.time:
            state.time = event.time
            state.phase, state.done = ("uploading", 0.0) if isinstance(event, ev.Trained) else ("waiting", 0.0)

    def _dropped(self, event: ev.Dropped) -> None:
        key = (event.worker, event.sender, event.reason)
        tally = self._tallies.setdefault(key, Tally(event.sender, event.reason))
        if event.time < tally.time:
            return
        restarted = event.count < tally.last
        tally.count += event.count - (0 if restarted else tally.last)
        tally.last, tally.time, tally.detail = event.count, event.time, event.detail

    def _plan(self, event: ev.RoundOpened | ev.RoundClosed | ev.Evaluated | ev.Finished) -> Run:
        run = self.run(event.run)
        run.planned = max(run.planned, event.rounds)
        return run

    def _round(self, event: ev.RoundOpened | ev.RoundClosed | ev.Evaluated) -> None:
        record = self._plan(event).at(event.round)
        match event:
            case ev.RoundOpened():
                opening = Opening(event.time, event.worker, tuple(event.selected))
                record.openings = sorted({*record.openings, opening}, key=lambda o: o.time)
            case ev.RoundClosed():
                term = max((t for t, leading in self.terms.items() if leading.worker == event.worker), default=0)
                seconds = max(0.0, event.seconds)
                closing = Closing(term, event.time, event.worker, event.model, event.participants, seconds)
                record.closings.extend([closing] if closing not in record.closings else [])
            case ev.Evaluated() if record.judged is None or event.time >= record.judged:
                self._judge(record, event)

    def _judge(self, record: Round, event: ev.Evaluated) -> None:
        record.judged = event.time
        record.score = Score(event.accuracy, event.loss, event.count)
        record.validation = {
            dataset: Score(
                value.get("accuracy", float("nan")), value.get("loss", float("nan")), int(value.get("count", 0))
            )
            for dataset, value in sorted(event.validation.items())
        }
