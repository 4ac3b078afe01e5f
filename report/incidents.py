"""What went other than planned in a run, told in sentences."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from report.rounds import Round, Run
from report.text import listing, seconds
from worker.events import Leading, Waiting


@dataclass(frozen=True)
class Incident:
    """One deviation.

    Attributes:
        time: Unix seconds.
        text: a sentence.
    """

    time: float
    text: str


def incidents(
    runs: Iterable[Run], terms: Mapping[int, Leading], starts: Mapping[str, tuple[float, ...]]
) -> list[Incident]:
    """The deviations in order of time.

    Args:
        runs: all runs.
        terms: leaders by term; each after the first is a change of leadership.
        starts: when each dataset's trainer reported ready; each after the first is a restart.
    """
    found = [
        Incident(leading.time, f"{leading.worker} took over the leadership (term {term})")
        for term, leading in sorted(terms.items())[1:]
    ]
    for dataset, times in starts.items():
        found += [Incident(time, f"the trainer of {dataset} was started again") for time in times[1:]]
    for run in runs:
        found += [i for r in run.rounds for i in _of_round(r)]
        found += _waits(run)
        if run.failure:
            found.append(Incident(run.failure.time, f"the run failed: {run.failure.message}"))
    return sorted(found, key=lambda i: (i.time, i.text))


def _of_round(record: Round) -> list[Incident]:
    found = []
    if len(record.openings) > 1:
        workers = [opening.worker for opening in record.openings]
        found.append(
            Incident(
                record.openings[-1].time, f"round {record.number} was repeated; opened by {', then '.join(workers)}"
            )
        )
    closing = record.closing
    if closing is None:
        return found
    if len({c.model for c in record.closings}) > 1:
        text = f"round {record.number} was closed with different models; that of {closing.worker} holds (higher term)"
        found.append(Incident(closing.time, text))
    selected = record.openings[-1].selected if record.openings else ()
    absent = sorted(set(selected) - set(closing.participants))
    if absent:
        found.append(Incident(closing.time, f"round {record.number} was closed without {listing(absent)}"))
    return found


def _waits(run: Run) -> list[Incident]:
    """One for each thing waited for; the wait for the first trainers counts only if no round came of it."""
    begun = min((o.time for r in run.rounds for o in r.openings), default=None)
    spans: dict[tuple[int, tuple[str, ...]], list[Waiting]] = {}
    for wait in sorted(run.waits, key=lambda w: w.time):
        if begun is None or wait.time > begun:
            spans.setdefault((wait.round, tuple(sorted(wait.missing))), []).append(wait)
    found = []
    for (number, missing), waits in spans.items():
        lasted = waits[-1].time - waits[0].time
        who = listing(list(missing)) or "its quorum"
        text = f"round {number} waited for {who}" + (f", at least {seconds(lasted)}" if lasted > 0 else "")
        found.append(Incident(waits[0].time, text + (f": {waits[0].reason}" if waits[0].reason else "")))
    return found
