"""A run's folder, read: its plan, its facts and its events. Writes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from report.histories import Histories
from report.history import History
from report.incidents import Incident
from report.rounds import Run
from report.traffic import Ledger, Traffic
from tag.plan import Plan
from tag.roots import Lineage, lineage
from tag.summary import home_group
from worker.errors import InputError
from worker.events import Event, read_event

EVENTS = "events.jsonl"
PLAN = "plan.json"
FACTS = "run.json"
_M = TypeVar("_M", bound=BaseModel)
_REMEDY = "give a folder that 'fedtag run' has made, such as the newest of runs/"


class ReportError(InputError):
    """There is no run to report."""


class _Loose(BaseModel):
    """Base of what is read from run.json: fields that are not known are left out."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class Point(_Loose):
    """A model's score after a round; round 0 is the first model.

    Attributes:
        accuracy: share of the whole test set.
        loss: mean test loss.
    """

    round: int
    accuracy: float
    loss: float


class Comparison(_Loose):
    """The same program trained without a federation.

    Attributes:
        pooled: on all data in one place.
        alone: on each dataset's own, by dataset.
    """

    pooled: tuple[Point, ...] = ()
    alone: dict[str, tuple[Point, ...]] = {}


class Reached(_Loose):
    """What one of several experiments came to.

    Attributes:
        model_sha256: of its last model.
        accuracy: of that model.
    """

    name: str
    model_sha256: str | None = None
    accuracy: float | None = None


class Facts(_Loose):
    """What run.json says.

    Attributes:
        outcome: finished, interrupted or failed.
        message: why, if it did not finish.
        started: ISO 8601, UTC.
        seconds: that the training took, all told.
        versions: of libraries, by name.
        cpu: `model` and `flags`.
        threads: of the numeric libraries.
        experiments: where several roots made a model each.
    """

    federation: str = ""
    stack: str = ""
    seed: int | None = None
    started: str = ""
    seconds: float | None = None
    outcome: str = "interrupted"
    message: str = ""
    model_sha256: str | None = None
    accuracy: float | None = None
    versions: dict[str, str] = {}
    cpu: dict[str, str] = {}
    threads: int | None = None
    comparison: Comparison | None = None
    experiments: tuple[Reached, ...] = ()


@dataclass(frozen=True)
class Member:
    """One dataset and the worker that trains on it.

    Attributes:
        group: of the model channel; a region.
    """

    dataset: str
    group: str
    worker: str
    uri: str


@dataclass(frozen=True)
class Record:
    """What is kept of a run.

    Attributes:
        lineage: who leads whom.
        unread: lines of the events' file that could not be read.
        experiments: each as a record of its own, where several roots made a model each; else empty.
        title: of the experiment that this is; else empty.
        traffic: of all workers.
    """

    folder: Path
    plan: Plan
    facts: Facts
    history: History
    lineage: Lineage
    unread: int = 0
    members: tuple[Member, ...] = field(default=())
    experiments: tuple["Record", ...] = ()
    title: str = ""
    traffic: Traffic = field(default_factory=Traffic)

    @property
    def incidents(self) -> list[Incident]:
        """What went other than planned, in order of time; of several experiments, each under its title."""
        if not self.experiments:
            return self.history.incidents
        found = [Incident(i.time, f"{e.title}: {i.text}") for e in self.experiments for i in e.history.incidents]
        return sorted(found, key=lambda i: (i.time, i.text))

    @property
    def run(self) -> Run:
        """The run that the folder is about."""
        return self.history.current

    @property
    def federation(self) -> str:
        """The federation's name."""
        return self.facts.federation or self.plan.federation

    @property
    def groups(self) -> tuple[str, ...]:
        """The regions, in the order of their names."""
        return tuple(sorted({m.group for m in self.members}))

    @property
    def planned(self) -> int:
        """Rounds of the run as planned; 0 is not known."""
        return self.run.planned or planned_rounds(self.plan)

    @property
    def model(self) -> str | None:
        """SHA-256 of the last model."""
        return self.facts.model_sha256 or self.run.model

    @property
    def accuracy(self) -> float | None:
        """Of the last model that was evaluated."""
        last = self.run.last
        return self.facts.accuracy if self.facts.accuracy is not None else (last.accuracy if last else None)


def planned_rounds(plan: Plan) -> int:
    """Rounds that the plan's leaders know of; 0 if none does."""
    return max((w.spec.run.rounds for w in plan.workers if w.spec.run is not None), default=0)


def members(plan: Plan) -> tuple[Member, ...]:
    """The plan's datasets, by region and name: the region is the group, or where all are in one, that of the data."""
    groups = {worker.spec.worker: home_group(worker.spec, plan.model_channel) for worker in plan.trainers}
    one = len(set(groups.values())) == 1
    found = [
        Member(
            dataset=worker.spec.dataset.name,
            group=(one and worker.region) or groups[worker.spec.worker],
            worker=worker.spec.worker,
            uri=worker.spec.dataset.uri,
        )
        for worker in plan.trainers
        if worker.spec.dataset is not None
    ]
    return tuple(sorted(found, key=lambda m: (m.group, m.dataset)))


def read_record(folder: Path) -> Record:
    """Read a run's folder; lines of events that were cut off or are of no known kind are passed over.

    Raises:
        ReportError: the folder holds no run.
    """
    if not folder.is_dir():
        raise ReportError(f"run {str(folder)!r} is no folder; {_REMEDY}")
    texts: dict[str, str] = {}
    for name in (PLAN, FACTS, EVENTS):
        try:
            texts[name] = (folder / name).read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise ReportError(
                f"folder {str(folder)!r} is no run: {name} can't be read ({error.strerror}); {_REMEDY}"
            ) from error
    plan = _parsed(Plan, folder / PLAN, texts[PLAN])
    lines = [line for line in texts[EVENTS].splitlines() if line.strip()]
    events: list[Event] = [event for line in lines if (event := read_event(line)) is not None]
    found = lineage(plan)
    histories = Histories(found, events)
    history = histories.joined()
    whole = Record(
        folder=folder,
        plan=plan,
        facts=_parsed(Facts, folder / FACTS, texts[FACTS]),
        history=history,
        lineage=found,
        unread=len(lines) - len(events),
        members=members(plan),
        traffic=Ledger(plan, events).traffic(history.current.number),
    )
    return replace(whole, experiments=tuple(_parts(whole, histories))) if histories.several else whole


def _parts(whole: Record, histories: Histories) -> Iterator[Record]:
    reached = {one.name: one for one in whole.facts.experiments}
    for root in whole.lineage.roots:
        own = reached.get(root.title) or Reached(name=root.title)
        yield replace(
            whole,
            title=root.title,
            facts=whole.facts.model_copy(update={"model_sha256": own.model_sha256, "accuracy": own.accuracy}),
            history=histories.by_title[root.title],
            members=tuple(m for m in whole.members if m.dataset in root.datasets),
        )


def _parsed(kind: type[_M], file: Path, text: str) -> _M:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        first: Any = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise ReportError(
            f"file {str(file)!r} is not as a run leaves it: {where}: {first['msg'].lower()}; {_REMEDY}"
        ) from error
