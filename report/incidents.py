"""What went other than planned in a run, told in sentences."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from report.rounds import Round, Run
from report.text import listing, seconds
from tag.roots import NOBODY, Lineage
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
    runs: Iterable[Run],
    terms: Mapping[str, Mapping[int, Leading]],
    starts: Mapping[str, tuple[float, ...]],
    lineage: Lineage = NOBODY,
) -> list[Incident]:
    """The deviations in order of time.

    Args:
        runs: all runs.
        terms: leaders by logical sender and term; each after the first of its sender is a change of leadership.
        starts: when each dataset's trainer reported ready; each after the first is a restart.
        lineage: who leads whom.
    """
    found = [
        Incident(leading.time, f"{leading.worker} took over the leadership{_of(leading.worker, lineage)} (term {term})")
        for own in terms.values()
        for term, leading in sorted(own.items())[1:]
    ]
    for dataset, times in starts.items():
        found += [Incident(time, f"the trainer of {dataset} was started again") for time in times[1:]]
    for run in runs:
        found += [i for r in run.rounds for i in _of_round(r, lineage)]
        found += _waits(run, lineage)
        if run.failure:
            found.append(Incident(run.failure.time, f"the run failed: {run.failure.message}"))
    return sorted(found, key=lambda i: (i.time, i.text))


def _of(worker: str, lineage: Lineage) -> str:
    """Which leadership, where there are several."""
    return "" if lineage.makes(worker) else f" of {lineage.office(worker)}"


def _of_round(record: Round, lineage: Lineage) -> list[Incident]:
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
    absent = sorted(set(lineage.trainers(selected)) - set(closing.participants))
    if absent:
        found.append(Incident(closing.time, f"round {record.number} was closed without {listing(absent)}"))
    return found


def _waits(run: Run, lineage: Lineage) -> list[Incident]:
    """One for each thing waited for; the wait for the first trainers counts only if no round came of it."""
    begun = min((o.time for r in run.rounds for o in r.openings), default=None)
    spans: dict[tuple[str, int, tuple[str, ...]], list[Waiting]] = {}
    for wait in sorted(run.waits, key=lambda w: w.time):
        if begun is None or wait.time > begun:
            where = "" if lineage.makes(wait.worker) else f"{lineage.office(wait.worker)}, in "
            spans.setdefault((where, wait.round, tuple(sorted(wait.missing))), []).append(wait)
    found = []
    for (where, number, missing), waits in spans.items():
        lasted = waits[-1].time - waits[0].time
        who = listing(list(missing)) or "its quorum"
        text = f"{where}round {number}{',' if where else ''} waited for {who}"
        text += f", at least {seconds(lasted)}" if lasted > 0 else ""
        found.append(Incident(waits[0].time, text + (f": {waits[0].reason}" if waits[0].reason else "")))
    return found
