"""Several experiments of a run beside each other: what each came to, and which model is the most accurate."""

import math
from dataclasses import dataclass

from report.comparison import Z95
from report.record import Record
from report.rounds import Round
from report.summary import total
from report.text import percent, points


@dataclass(frozen=True)
class Entry:
    """One experiment; None is not known.

    Attributes:
        title: what it is called.
        samples: training samples of all its trainers.
        rounds: that made a model.
        planned: rounds.
        last: the round of the last model that was evaluated.
        best: the round of the most accurate model.
        tested: test samples behind the last accuracy.
        seconds: from the opening of the first round to the closing of the last.
        model: SHA-256 of the last model.
        file: where the model is kept in the run's folder; empty if there is none.
    """

    title: str
    samples: int | None
    rounds: int
    planned: int
    last: Round | None
    best: Round | None
    tested: int
    seconds: float | None
    model: str | None
    file: str

    @property
    def accuracy(self) -> float:
        """Of the last model; not a number if it is not known."""
        found = self.last.accuracy if self.last else None
        return math.nan if found is None else found

    @property
    def best_said(self) -> str:
        """The best round and its accuracy, in words."""
        return f"{self.best.number} ({percent(self.best.accuracy)})" if self.best else ""


def entries(record: Record) -> list[Entry]:
    """The run's experiments, in the order of their titles; empty if there is but one model."""
    return [_entry(record, part) for part in record.experiments]


def _entry(record: Record, part: Record) -> Entry:
    run = part.run
    scored = [r for r in run.scored if r.number >= 1 and math.isfinite(r.accuracy or math.nan)]
    opened = [o.time for r in run.rounds for o in r.openings]
    closed = [r.closing.time for r in run.rounds if r.closing]
    states = [part.history.states.get(member.dataset) for member in part.members]
    path = record.folder / "models" / f"{part.title}.safetensors"
    return Entry(
        title=part.title,
        samples=total(s.samples for s in states if s),
        rounds=len(run.closed),
        planned=part.planned,
        last=scored[-1] if scored else None,
        best=max(scored, key=lambda r: (r.accuracy or 0.0, -r.number), default=None),
        tested=scored[-1].score.count if scored and scored[-1].score else 0,
        seconds=max(0.0, max(closed) - min(opened)) if opened and closed else None,
        model=part.model,
        file=str(path.relative_to(record.folder)) if path.is_file() else "",
    )


def headline(found: list[Entry]) -> str:
    """Which experiment's model is the most accurate, and how far ahead; empty if that is not known."""
    ranked = _ranked(found)
    if not ranked:
        return ""
    first = f"The model of {ranked[0].title} is right on {percent(ranked[0].accuracy)} of its test samples"
    if len(ranked) == 1:
        return first
    gap = points(ranked[0].accuracy - ranked[1].accuracy).removeprefix("+")
    if gap == "0.00":
        return f"{first}, as that of {ranked[1].title} is"
    return f"{first}, {gap} points more than that of {ranked[1].title}"


def sentence(found: list[Entry]) -> str:
    """The same, with what it is worth: each model is judged by its own trainers."""
    ranked, said = _ranked(found), headline(found)
    if len(ranked) > 1 and ranked[0].tested and ranked[1].tested:
        margin = Z95 * math.sqrt(sum(e.accuracy * (1 - e.accuracy) / e.tested for e in ranked[:2]))
        if ranked[0].accuracy - ranked[1].accuracy <= margin:
            tests = f"{ranked[0].tested:,} and {ranked[1].tested:,} test samples"
            said += f"; that is not more than chance explains with {tests} (±{100 * margin:.2f} points)"
    return f"{said}. Each is judged on its own trainers' part of the test set." if said else ""


def _ranked(found: list[Entry]) -> list[Entry]:
    return sorted((e for e in found if not math.isnan(e.accuracy)), key=lambda e: (-e.accuracy, e.title))
