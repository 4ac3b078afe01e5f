"""Runs of trees and of experiments beside each other, made up for the tests of the report."""

from dataclasses import dataclass, field
from typing import Any

from tag.plan import Plan
from tag.roots import lineage
from tests.report import topologies
from tests.report.build import BEGUN, sha
from tests.tag.test_roots import parallel_tag, plan_of
from worker import events as ev

SAMPLES = 900
SIZE = 31_000
EACH = {"eu": ["a", "b"], "us": ["c"]}
TOP = "top-aggregator-default-0"


def tree_plan() -> Plan:
    return plan_of(topologies.tree_tag(["eu", "us"]), EACH)


def parallel_plan() -> Plan:
    return plan_of(parallel_tag(["eu", "us"]), EACH)


@dataclass
class Told:
    """The events of a run; what `keep` of `build` wants of a story."""

    plan: Plan
    rounds: int = 2
    now: float = BEGUN
    events: list[ev.Event] = field(default_factory=list)

    @property
    def trainers(self) -> dict[str, tuple[str, str]]:
        """Group and worker by dataset."""
        return {
            w.spec.dataset.name: (w.spec.memberships[0].group, w.spec.worker)
            for w in self.plan.trainers
            if w.spec.dataset is not None
        }

    def tell(self, kind: type[ev.Event], worker: str, after: float = 0.0, **fields: Any) -> None:
        self.events.append(kind(time=self.now + after, worker=worker, **fields))

    def start(self) -> "Told":
        for w in self.plan.aggregators:
            self.tell(ev.Leading, w.spec.worker, term=1)
        for dataset, (group, worker) in self.trainers.items():
            self.tell(ev.Ready, worker, group=group, dataset=dataset, samples=SAMPLES, validation=100, test=100)
        self.now += 1
        return self

    def train(self, number: int, names: list[str]) -> None:
        for dataset in names:
            group, worker = self.trainers[dataset]
            of: dict[str, Any] = {"group": group, "dataset": dataset, "round": number}
            self.tell(ev.Trained, worker, 0.5, **of, training=0.4, evaluating=0.05, samples=SAMPLES, loss=0.5)
            self.tell(ev.Uploaded, worker, 0.6, **of, uploading=0.1, sent=SIZE, received=SIZE)

    def tree_round(self, number: int, absent: str = "") -> None:
        """A round of the tree: two middle aggregators, and the top one."""
        known = lineage(self.plan).behind
        middles = {"middle-aggregator-eu": "eu", "middle-aggregator-us": "us"}
        opened = {"round": number, "rounds": self.rounds}
        self.tell(ev.RoundOpened, TOP, **opened, selected=sorted(middles), trainers=3, model=sha(number - 1))
        whole: dict[str, int] = {}
        for middle, group in middles.items():
            part = {dataset: SAMPLES for dataset in known[middle] if dataset != absent}
            whole |= part
            self.train(number, sorted(part))
            for dataset in part:
                self.tell(ev.UpdateCounted, f"{middle}-0", 0.6, round=number, dataset=dataset, samples=SAMPLES)
            own = {d: {"accuracy": 0.5 + 0.1 * number, "loss": 1.0, "count": 100} for d in part}
            self.tell(ev.Validated, f"{middle}-0", 0.65, round=number - 1, model=sha(number - 1), validation=own)
            passed: dict[str, Any] = {"round": number, "name": middle, "participants": part}
            self.tell(ev.PassedOn, f"{middle}-0", 0.7, **passed, seconds=0.7 if group == "eu" else 0.6)
            moved = {"sent": {"global": 2 * SIZE, "param": SIZE}, "received": {"global": SIZE, "param": SIZE}}
            self.tell(ev.Moved, f"{middle}-0", 0.75, round=number, **moved)
            self.tell(ev.UpdateCounted, TOP, 0.75, round=number, dataset=middle, samples=sum(part.values()))
        closed = {**opened, "model": sha(number), "participants": whole, "seconds": 0.8}
        judged = {m: {"accuracy": 0.9, "loss": 1.0, "count": 100} for m in middles}
        scored: dict[str, Any] = {"rounds": self.rounds, "model": sha(number - 1), "count": 300}
        self.tell(ev.Evaluated, TOP, 0.79, round=number - 1, **scored, accuracy=0.8, loss=0.4, validation=judged)
        self.tell(ev.RoundClosed, TOP, 0.8, **closed)
        self.tell(ev.Moved, TOP, 0.8, round=number, sent={"global": SIZE}, received={"global": 4 * SIZE})
        self.now += 1

    def own_round(self, group: str, number: int, accuracy: float) -> None:
        """A round of an experiment."""
        root = f"aggregator-{group}-0"
        names = EACH[group]
        opened = {"round": number, "rounds": self.rounds}
        self.tell(ev.RoundOpened, root, **opened, selected=names, trainers=len(names), model=sha(group, number - 1))
        self.train(number, names)
        closed = {**opened, "model": sha(group, number), "participants": dict.fromkeys(names, SAMPLES)}
        self.tell(ev.RoundClosed, root, 0.8, **closed, seconds=0.8)
        scored: dict[str, Any] = {**opened, "model": sha(group, number), "loss": 0.3, "count": 100 * len(names)}
        self.tell(ev.Evaluated, root, 0.9, **scored, accuracy=accuracy)
        self.now += 0.01


def tree(rounds: int = 2) -> Told:
    told = Told(tree_plan(), rounds).start()
    for number in range(1, rounds + 1):
        told.tree_round(number)
    told.tell(ev.Finished, TOP, rounds=rounds, model=sha(rounds))
    return told


def parallel() -> Told:
    """Two experiments: that of eu falls back in its last round, that of us ends less accurate."""
    told = Told(parallel_plan()).start()
    for number, (eu, us) in enumerate([(0.95, 0.7), (0.94, 0.75)], 1):
        told.own_round("eu", number, eu)
        told.own_round("us", number, us)
        told.now += 1
    for group in EACH:
        told.tell(ev.Finished, f"aggregator-{group}-0", rounds=2, model=sha(group, 2))
    return told
