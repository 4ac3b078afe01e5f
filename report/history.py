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
from report.rounds import Closing, Opening, Passing, Round, Run, Score, Share, Traffic
from report.states import State, Tally
from tag.roots import NOBODY, Lineage
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

    Args:
        events: so far.
        lineage: who leads whom; without it, each worker that leads makes models.

    Attributes:
        runs: by number.
        states: what each dataset's trainer does now.
        terms: leaders by logical sender and term.
        tallies: dropped messages by worker, sender and reason.
        unreadable: events with a field of a wrong type, which were left out.
    """

    def __init__(self, events: Iterable[ev.Event] = (), lineage: Lineage = NOBODY) -> None:
        self.runs: dict[int, Run] = {}
        self.states: dict[str, State] = {}
        self.terms: dict[str, dict[int, ev.Leading]] = {}
        self.unreadable = 0
        self._lineage = lineage
        self.tallies: dict[tuple[str, str, str], Tally] = {}
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

    def join(self, other: "History") -> None:
        """Take over what another knows of trainers, leaders and dropped messages, though not its runs."""
        self.states |= other.states
        self.terms |= other.terms
        self.tallies |= other.tallies
        self.unreadable += other.unreadable

    def run(self, number: int) -> Run:
        """The run of that number, made if need be."""
        return self.runs.setdefault(number, Run(number, lineage=self._lineage))

    @property
    def current(self) -> Run:
        """The run of the highest number that a leader has spoken of; an empty run 1 before that."""
        spoken = [r for r in self.runs.values() if r.rounds or r.scored or r.waits or r.final or r.failure]
        return max(spoken, key=lambda r: r.number, default=Run(1))

    @property
    def leader(self) -> str | None:
        """Id of the worker that makes the model under the highest term."""
        made = [worker for worker in self.leaders if self._lineage.makes(worker)]
        return made[0] if made else None

    @property
    def leaders(self) -> list[str]:
        """Ids of the workers that lead under the highest term of their logical sender, in the order of those."""
        return [terms[max(terms)].worker for _, terms in sorted(self.terms.items())]

    @property
    def dropped(self) -> list[Tally]:
        """Dropped messages by sender and reason, of all workers together, most first."""
        merged: dict[tuple[str, str], Tally] = {}
        for tally in self.tallies.values():
            total = merged.setdefault((tally.sender, tally.reason), Tally(tally.sender, tally.reason))
            total.count += tally.count
            if tally.time >= total.time:
                total.time, total.detail = tally.time, tally.detail
        return sorted(merged.values(), key=lambda t: (-t.count, t.sender, t.reason))

    @property
    def incidents(self) -> list[Incident]:
        """What went other than planned, in order of time."""
        starts = {dataset: state.starts for dataset, state in self.states.items()}
        return incidents(self.runs.values(), self.terms, starts, self._lineage)

    def state(self, dataset: str, group: str = "") -> State:
        """What that dataset's trainer does now, made if need be."""
        state = self.states.setdefault(dataset, State(dataset))
        state.group = state.group or group
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
            case ev.UpdateCounted() if event.dataset not in self._lineage.behind:
                shares = self.run(event.run).at(event.round).shares
                shares.setdefault(event.dataset, Share()).samples = event.samples
            case ev.PassedOn() | ev.Validated() | ev.Moved():
                self._of_part(event)
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
                self.tallies.setdefault(key, Tally(event.sender, event.reason)).add(event)
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
                office = self._lineage.office(event.worker)
                if _judge(record, office, event):
                    record.score = Score(event.accuracy, event.loss, event.count)

    def _of_part(self, event: ev.PassedOn | ev.Validated | ev.Moved) -> None:
        """What was done below the root, or beside its rounds; the newest of each holds."""
        record, office = self.run(event.run).at(event.round), self._lineage.office(event.worker)
        match event:
            case ev.PassedOn():
                known = record.passings.get(office)
                if known is None or event.time >= known.time:
                    seconds = max(0.0, event.seconds)
                    record.passings[office] = Passing(event.time, event.worker, event.participants, seconds)
            case ev.Moved():
                record.moved[event.worker, event.time] = Traffic(event.sent, event.received)
            case _:
                _judge(record, office, event)

    def _lead(self, event: ev.Leading) -> None:
        """A leader's term may be heard of after what it did in it."""
        self.terms.setdefault(self._lineage.office(event.worker), {})[event.term] = event
        for record in (r for run in self.runs.values() for r in run.record.values()):
            record.closings = [replace(c, term=self._term(c.worker, c.time)) for c in record.closings]

    def _term(self, worker: str, time: float) -> int:
        terms = self.terms.get(self._lineage.office(worker), {})
        return max((t for t, e in terms.items() if e.worker == worker and e.time <= time), default=0)


def _judge(record: Round, office: str, event: ev.Evaluated | ev.Validated) -> bool:
    """Take in validations, unless newer ones of the same leader are known; gives whether they were taken in."""
    known = record.judgements.get(office)
    if known is not None and event.time < known[0]:
        return False
    nan = float("nan")
    record.judgements[office] = (
        event.time,
        {
            name: Score(value.get("accuracy", nan), value.get("loss", nan), int(value.get("count", 0)))
            for name, value in event.validation.items()
        },
    )
    return True
