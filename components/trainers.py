"""The workers with data of one region."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.context import Context
from components.workers import WorkerObjects
from tag.plan import PlannedWorker


@dataclass(frozen=True, kw_only=True)
class TrainersArgs:
    """What a region's trainers are made from.

    Attributes:
        context: of the cluster that holds the region.
        workers: the region's workers with data.
        roster: name of the ConfigMap with the roster, for members of rings, who lead themselves.
    """

    context: Context
    workers: Sequence[PlannedWorker]
    roster: pulumi.Input[str] | None = None


class Trainers(pulumi.ComponentResource):
    """One Deployment for each dataset of a region, on the region's machines."""

    workers: pulumi.Output[list[str]]
    """Ids of the workers."""

    def __init__(self, name: str, args: TrainersArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        names = [planned.spec.worker for planned in args.workers]
        super().__init__("fedtag:index:Trainers", name, {"workers": names}, opts)
        for planned in args.workers:
            WorkerObjects(planned, args.context, self, roster=args.roster if planned.spec.run is not None else None)
        self.workers = pulumi.Output.from_input(names)
        self.register_outputs({"workers": self.workers})
