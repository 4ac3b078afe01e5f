"""Events of several experiments, each with a history of its own, and all of them seen as one."""

from collections.abc import Iterable, Mapping

from report.history import History
from report.rounds import Closing, Round, Run
from tag.roots import Lineage
from worker.events import Event


class Histories:
    """A history for each experiment; of one model, a single one, without a title.

    Args:
        lineage: of the plan.
        events: so far.

    Attributes:
        by_title: the histories, in the order of titles.
    """

    def __init__(self, lineage: Lineage, events: Iterable[Event] = ()) -> None:
        several = len(lineage.roots) > 1
        titles = [root.title for root in lineage.roots] if several else [""]
        self.by_title = {title: History(lineage=lineage) for title in titles}
        self._lineage = lineage
        self._first = titles[0]
        for event in events:
            self.add(event)

    @property
    def several(self) -> bool:
        """Whether there is more than one."""
        return len(self.by_title) > 1

    def of(self, worker: str) -> History:
        """The history that a worker's events belong to; of one that is in no experiment, the first."""
        return self.by_title[self._lineage.title(worker) or self._first]

    def add(self, event: Event) -> None:
        """Take in one event, of any worker."""
        self.of(event.worker).add(event)

    def joined(self) -> History:
        """All as one: what trainers did is that of all; a round is as long as its longest, and made no single model."""
        if not self.several:
            return self.by_title[self._first]
        whole = History()
        for one in self.by_title.values():
            whole.join(one)
        numbers = sorted({number for one in self.by_title.values() for number in one.runs})
        whole.runs = {number: _run(number, self.by_title) for number in numbers}
        return whole


def _run(number: int, histories: Mapping[str, History]) -> Run:
    runs = [one.runs[number] for one in histories.values() if number in one.runs]
    rounds = sorted({n for run in runs for n in run.record})
    return Run(
        number=number,
        planned=max(run.planned for run in runs),
        record={n: _round(n, [run.record[n] for run in runs if n in run.record]) for n in rounds},
        waits=[wait for run in runs for wait in run.waits],
        failure=next((run.failure for run in runs if run.failure), None),
    )


def _round(number: int, rounds: list[Round]) -> Round:
    found = Round(number)
    closings = [r.closing for r in rounds if r.closing]
    for one in rounds:
        found.shares |= one.shares
        found.judgements |= one.judgements
        found.passings |= one.passings
        found.moved |= one.moved
        found.openings += one.openings
    if closings:
        last = max(closings, key=lambda c: c.time)
        who = {name: samples for c in closings for name, samples in c.participants.items()}
        found.closings = [Closing(0, last.time, last.worker, "", who, max(c.seconds for c in closings))]
    return found
