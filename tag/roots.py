"""Who makes models in a plan: one root, or several, each an experiment of its own; and whose data is behind whom."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from tag.names import natural
from tag.plan import Plan
from tag.spec import EVERY_GROUP, WorkerSpec

_LEADS = ("lead", "ring")


@dataclass(frozen=True)
class Root:
    """Who makes a model of its own.

    Attributes:
        name: logical sender, which replicas share; of a ring, its role and group.
        group: of the top channel, or `*` for all groups.
        title: what its training is called: its group, or its name where roots share a group.
        workers: ids of those who may make the model.
        datasets: whose data is behind it, sorted.
        crew: ids of all workers that train or aggregate for it.
    """

    name: str
    group: str
    title: str
    workers: tuple[str, ...]
    datasets: tuple[str, ...]
    crew: frozenset[str]


@dataclass(frozen=True)
class Lineage:
    """Who leads whom in a plan.

    Attributes:
        offices: logical sender of each worker that may lead, by its id.
        behind: datasets behind each of those.
        roots: which of them make models.
    """

    offices: Mapping[str, str]
    behind: Mapping[str, tuple[str, ...]]
    roots: tuple[Root, ...]

    def office(self, worker: str) -> str:
        """Logical sender of a worker that leads; of one that the plan has not, its id without the index."""
        return self.offices.get(worker) or worker.rpartition("-")[0]

    def makes(self, worker: str) -> bool:
        """Whether a worker that leads makes models; one that the plan has not is believed."""
        name = self.office(worker)
        return name not in self.behind or name in self._makers

    def trainers(self, names: Iterable[str]) -> tuple[str, ...]:
        """The datasets behind some logical senders; a dataset is behind itself."""
        return tuple(sorted({dataset for name in names for dataset in self.behind.get(name, (name,))}))

    def title(self, worker: str) -> str:
        """The experiment that a worker is of; empty where there is but one, or it is of none."""
        return self._titles.get(worker, "")

    @cached_property
    def _makers(self) -> frozenset[str]:
        return frozenset(root.name for root in self.roots)

    @cached_property
    def _titles(self) -> Mapping[str, str]:
        several = len(self.roots) > 1
        return {worker: root.title for root in self.roots if several for worker in root.crew}


NOBODY = Lineage({}, {}, ())
"""Of no plan: each worker that leads makes models."""


def lineage(plan: Plan) -> Lineage:
    """Who leads whom."""
    return Lineage(offices(plan), behind(plan), roots(plan))


def office(spec: WorkerSpec) -> str:
    """The logical sender as which a worker leads: role and group of its replicas, or of its ring."""
    ring = next((place for place in spec.memberships if place.part == "ring"), None)
    return f"{spec.role}-{ring.group}" if ring is not None else spec.worker.rpartition("-")[0]


def offices(plan: Plan) -> dict[str, str]:
    """The logical sender of each worker that may lead, by its id."""
    return {
        worker.spec.worker: office(worker.spec)
        for worker in plan.workers
        if worker.spec.dataset is None or any(place.part in _LEADS for place in worker.spec.memberships)
    }


def behind(plan: Plan) -> dict[str, tuple[str, ...]]:
    """The datasets behind each logical sender that leads, sorted; of a coordinated one, all that it may be given."""
    led, reached = _reached(plan)
    return {name: tuple(sorted(reached[name] - led.keys())) for name in led}


def _reached(plan: Plan) -> tuple[Mapping[str, set[tuple[str, str]]], Mapping[str, frozenset[str]]]:
    """Where each logical sender leads, and the names of all who are below it, data or not."""
    led: dict[str, set[tuple[str, str]]] = defaultdict(set)
    present: dict[tuple[str, str], set[str]] = defaultdict(set)
    own: dict[str, set[str]] = defaultdict(set)
    for worker in plan.workers:
        spec = worker.spec
        for place in spec.memberships:
            if place.part in _LEADS:
                led[office(spec)].add((place.channel, place.group))
            if place.part == "ring" and spec.dataset is not None:
                own[office(spec)].add(spec.dataset.name)
            elif place.part == "follow":
                name = spec.name_on(place)
                present[place.channel, "" if place.group == EVERY_GROUP else place.group].add(name)
                present[place.channel, EVERY_GROUP].add(name)
    found: dict[str, frozenset[str]] = {}

    def gather(name: str) -> frozenset[str]:
        if name not in found:
            found[name] = frozenset()  # a circle is refused elsewhere; here it must not be followed for ever
            names = set(own.get(name, ()))
            for channel, group in led[name]:
                names |= present.get((channel, group), set()) | present.get((channel, ""), set())
            found[name] = frozenset(names.union(*(gather(below) for below in names if below in led)))
        return found[name]

    for name in led:
        gather(name)
    return led, found


def roots(plan: Plan) -> tuple[Root, ...]:
    """Who makes models: they lead, and follow nobody; sorted by title."""
    workers: dict[str, list[str]] = defaultdict(list)
    groups: dict[str, str] = {}
    for worker in plan.workers:
        spec = worker.spec
        parts = {place.part: place.group for place in spec.memberships}
        group = parts.get("lead", parts.get("ring"))
        if group is not None and "follow" not in parts:
            workers[office(spec)].append(spec.worker)
            groups[office(spec)] = group
    led, reached = _reached(plan)
    shared = len(set(groups.values())) < len(groups)
    found = [
        Root(
            name=name,
            group=group,
            title=name if shared else group,
            workers=tuple(workers[name]),
            datasets=tuple(sorted(reached[name] - led.keys())),
            crew=frozenset(_crew(plan, {name, *reached[name]})),
        )
        for name, group in groups.items()
    ]
    return tuple(sorted(found, key=lambda root: natural(root.title)))


def _crew(plan: Plan, names: set[str]) -> Iterator[str]:
    for worker in plan.workers:
        spec = worker.spec
        if (spec.dataset is not None and spec.dataset.name in names) or office(spec) in names:
            yield spec.worker


def root_of(plan: Plan) -> dict[str, str]:
    """The logical sender of each worker that may make a model, by its id."""
    return {worker: root.name for root in roots(plan) for worker in root.workers}
