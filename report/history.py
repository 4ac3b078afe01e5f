"""Events folded into what happened: by the live view one at a time, by the report all at once.

Events may be missing, doubled or out of order: what is newer (by its sender's clock) replaces what is older, and of two
closings of a round that of the higher term holds. Pure: no clock, no files.
"""

from collections.abc import Iterable
from dataclasses import fields, replace
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from report.incidents import Incident, incidents
from report.rounds import Closing, Opening, Round, Run, Score, Share
from report.states import State, Tally
from worker import events as ev


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(ev.Event.kinds[kind])


def checked(event: ev.Event) -> ev.Event | None:
    """The event with every field of its declared type; None if one is of another."""
    try:
        values = {f.name: getattr(event, f.name) for f in fields(event)}
        sound: ev.Event = _adapter(event.kind()).validate_python(values)
    except ValidationError:
        return None
    return sound


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
        elif isinstance(sound, ev.Ready | ev.Progress | ev.Trained | ev.Uploaded):
            self._of_trainer(sound)
        else:
            self._of_leader(sound)

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

    def _of_trainer(self, event: ev.Ready | ev.Progress | ev.Trained | ev.Uploaded) -> None:
        state = self.state(event.dataset, event.group)
        match event:
            case ev.Ready():
                state.ready(event)
            case ev.Progress():
                state.progress(event)
            case _:
                state.ended(event)
                shares = self.run(event.run).at(event.round).shares
                shares.setdefault(event.dataset, Share()).take(event)

    def _of_leader(self, event: ev.Event) -> None:
        match event:
            case ev.RoundOpened() | ev.RoundClosed() | ev.Evaluated():
                self._of_round(event)
            case ev.UpdateCounted():
                shares = self.run(event.run).at(event.round).shares
                shares.setdefault(event.dataset, Share()).samples = event.samples
            case ev.Leading():
                self._lead(event)
            case ev.Waiting():
                waits = self.run(event.run).waits
                waits.extend([event] if event not in waits else [])
            case ev.Finished():
                run = self.run(event.run)
                run.final, run.planned = event.model, max(run.planned, event.rounds)
            case ev.Failed():
                self.run(event.run).failure = event
            case ev.Dropped():
                key = (event.worker, event.sender, event.reason)
                self._tallies.setdefault(key, Tally(event.sender, event.reason)).add(event)
            case _:
                pass  # a kind that this version of the report does not show

    def _of_round(self, event: ev.RoundOpened | ev.RoundClosed | ev.Evaluated) -> None:
        run = self.run(event.run)
        run.planned = max(run.planned, event.rounds)
        record = run.at(event.round)
        match event:
            case ev.RoundOpened():
                opening = Opening(event.time, event.worker, tuple(event.selected))
                record.openings = sorted({*record.openings, opening}, key=lambda o: o.time)
            case ev.RoundClosed():
                closing = Closing(
                    term=self._term(event.worker, event.time),
                    time=event.time,
                    worker=event.worker,
                    model=event.model,
                    participants=event.participants,
                    seconds=max(0.0, event.seconds),
                )
                record.closings.extend([closing] if closing not in record.closings else [])
            case _:
                _judge(record, event)

    def _lead(self, event: ev.Leading) -> None:
        """A leader's term may be heard of after what it did in it."""
        self.terms[event.term] = event
        for record in (r for run in self.runs.values() for r in run.record.values()):
            record.closings = [replace(c, term=self._term(c.worker, c.time)) for c in record.closings]

    def _term(self, worker: str, time: float) -> int:
        return max((t for t, e in self.terms.items() if e.worker == worker and e.time <= time), default=0)


def _judge(record: Round, event: ev.Evaluated) -> None:
    if record.judged is not None and event.time < record.judged:
        return
    nan = float("nan")
    record.judged = event.time
    record.score = Score(event.accuracy, event.loss, event.count)
    record.validation = {
        dataset: Score(value.get("accuracy", nan), value.get("loss", nan), int(value.get("count", 0)))
        for dataset, value in sorted(event.validation.items())
    }
