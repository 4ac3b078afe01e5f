"""The workers without data of one cluster, and the roster that they share."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components.context import Context
from components.names import GROUP, ROLE, object_name, selector, worker_labels
from components.roster import Rosters, roster
from components.workers import WorkerObjects
from tag.plan import PlannedWorker


@dataclass(frozen=True, kw_only=True)
class AggregatorsArgs:
    """What aggregators are made from.

    Attributes:
        context: of their cluster.
        workers: the workers without data.
        rosters: who a round waits for, by channel and group.
    """

    context: Context
    workers: Sequence[PlannedWorker]
    rosters: Rosters


class Aggregators(pulumi.ComponentResource):
    """One Deployment for each replica, each with its own key and spec.

    The roster changes in place: who joins or leaves restarts no aggregator. Replicas of a group are changed one after
    another, and a drain takes one of them at a time.
    """

    workers: pulumi.Output[list[str]]
    """Ids of the workers."""
    roster: pulumi.Output[str]
    """Name of the ConfigMap with the roster, for others of the cluster who lead."""

    def __init__(self, name: str, args: AggregatorsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        names = [planned.spec.worker for planned in args.workers]
        super().__init__("fedtag:index:Aggregators", name, {"workers": names}, opts)
        self._args, self._context = args, args.context
        self.roster = roster(args.context, args.rosters, self)
        for replicas in self._replicas().values():
            before: list[pulumi.Resource] = []
            for planned in replicas:
                made = WorkerObjects(planned, args.context, self, roster=self.roster, after=before)
                before = [made.deployment]
            if len(replicas) > 1:
                self._disruption_budget(replicas[0])
        self.workers = pulumi.Output.from_input(names)
        self.register_outputs({"workers": self.workers})

    def _replicas(self) -> dict[tuple[str, str, str], list[PlannedWorker]]:
        found: dict[tuple[str, str, str], list[PlannedWorker]] = defaultdict(list)
        for planned in self._args.workers:
            marks = worker_labels(planned.spec, self._context.model_channel)
            # Those that a coordinator gives trainers to take part all together: none stands by for another.
            alone = planned.spec.worker if planned.spec.paired else ""
            found[marks[ROLE], marks[GROUP], alone].append(planned)
        return {key: sorted(group, key=lambda planned: planned.spec.index or 0) for key, group in found.items()}

    def _disruption_budget(self, planned: PlannedWorker) -> None:
        marks = worker_labels(planned.spec, self._context.model_channel)
        name = object_name(self._context.federation, planned.spec.role, marks[GROUP])
        chosen = {**selector(self._context.federation, "worker"), ROLE: marks[ROLE], GROUP: marks[GROUP]}
        k8s.policy.v1.PodDisruptionBudget(
            name,
            metadata={"name": name, "namespace": self._context.namespace, "labels": self._context.labels("worker")},
            spec={"max_unavailable": 1, "selector": {"match_labels": chosen}},
            opts=self._context.child(self),
        )
