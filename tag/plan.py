"""The plan of a federation: every worker that its TAG and datasets call for. Written and read as JSON."""

from typing import Any, Literal, NamedTuple

from pydantic import field_validator

from tag.kubernetes_values import Quantity
from tag.model import Model as Model  # noqa: PLC0414  the plan's base is imported from here, too
from tag.options import Optimizer, Selector
from tag.values import Count, Fraction, Natural, NotNegative, Positive, Whole

GROUP_MARK = "{group}"
"""In a channel's broker and in a role's region it stands for the group."""

EVERY_GROUP = "*"
"""The group of a worker that is in all groups of a channel, also in those added later."""


class Split(Model):
    """How `mnist:` and other divided data fall into parts: seeded, disjoint, complete.

    Attributes:
        kind: `iid` (stratified), `dirichlet` (label shares drawn per class), or `classes` (each part has its classes).
        alpha: concentration of `dirichlet`; small is skewed.
        seed: of the division, the same for all parts.
    """

    kind: Literal["iid", "dirichlet", "classes"] = "iid"
    alpha: Positive = 0.5
    seed: Natural = 0


class DatasetSpec(Model):
    """One dataset, as the worker that trains on it sees it.

    Attributes:
        name: unique in the job; seeds and the logical sender derive from it.
        uri: `mnist:K/N` (part K of N), `npz:PATH` or `npz:PATH#K/N`, or `program:REST` (the program's own data).
        split: how the N parts are made.
        validation: share of the training data kept for this region's own validation.
    """

    name: str
    uri: str
    split: Split = Split()
    validation: Fraction = 0.1


class Training(Model):
    """How a dataset is trained on.

    Attributes:
        epochs: passes over the data in a round.
        batch_size: samples in a step.
        learning_rate: of the program's optimizer.
        seed: of initial weights, shuffling, dropout.
        threads: of the numeric libraries; another number gives other bits.
    """

    epochs: Count = 1
    batch_size: Count = 32
    learning_rate: Positive = 0.001
    seed: Natural = 0
    threads: Count = 1


class TrainSettings(Training):
    """What a trainer's round depends on, besides the model and the data.

    Attributes:
        mu: weight of FedProx' proximal term, mu/2 ||w - w_global||^2 in the loss; 0 is without it.
    """

    mu: NotNegative = 0.0


class RunSettings(Model):
    """What an aggregator must know of a run.

    Attributes:
        run: number of the training; a greater one goes on from the last model.
        rounds: rounds of the run.
        quorum: trainers that a round needs; None means all.
        deadline: seconds after which a round closes with its quorum; None means never.
        max_wait: seconds that a round may wait for its quorum before the run fails.
        optimizer: how the next model is made of a round's updates.
        selector: whose updates a round asks for.
    """

    run: Count = 1
    rounds: Count = 5
    quorum: Count | None = None
    deadline: Positive | None = None
    max_wait: Positive = 1800
    optimizer: Optimizer = Optimizer()
    selector: Selector = Selector()


Part = Literal["lead", "follow", "ring", "coordinate", "other"]
"""What a worker does on a channel: give models and take updates, the other way round, add up in a ring, pair others."""

_PARTS: dict[str, Part] = {
    "distribute": "lead",
    "aggregate": "lead",
    "fetch": "follow",
    "upload": "follow",
    "ring_allreduce": "ring",
}
_COORDINATED = "coordinate"
"""The function of whoever a coordinator pairs, or asks for its round."""


class Membership(Model):
    """A worker's place on one channel.

    Attributes:
        channel: name.
        group: name, or `*` for every group.
        peer: the role at the other end.
        functions: what this worker does here (Flame's funcTags).
        broker: through which it speaks; empty is the federation's.
    """

    channel: str
    group: str
    peer: str
    functions: tuple[str, ...] = ()
    broker: str = ""

    @property
    def part(self) -> Part:
        """What the functions amount to."""
        for function in self.functions:
            if function.startswith("coordinate"):
                return "coordinate"
            if function in _PARTS:
                return _PARTS[function]
        return "other"

    @property
    def coordinates(self) -> bool:
        """Whether this is a coordinator's end of a channel."""
        return self.part == "coordinate" and _COORDINATED not in self.functions


class WorkerSpec(Model):
    """What one worker must know to start, and no more.

    Attributes:
        federation: name.
        worker: id, `{role}-{group}-{dataset or index}`.
        role: name.
        memberships: one per channel of the role.
        program: path of the user's program, or None for a role without one.
        dataset: of a worker with data.
        train: of a worker with data.
        index: replica index of a worker without data.
        run: of an aggregator.
        seed: of a coordinator's draws.
    """

    federation: str
    worker: str
    role: str
    memberships: tuple[Membership, ...]
    program: str | None = None
    dataset: DatasetSpec | None = None
    train: TrainSettings | None = None
    index: Whole | None = None
    run: RunSettings | None = None
    seed: Natural | None = None

    @property
    def coordinates(self) -> bool:
        """Whether it says who works with whom."""
        return any(place.coordinates for place in self.memberships)

    @property
    def paired(self) -> bool:
        """Whether a coordinator gives it those who follow it: then each of its replicas is a worker of its own."""
        return {place.part for place in self.memberships} >= {"lead", "follow", "coordinate"}

    @property
    def pairing_group(self) -> str:
        """The group within which a coordinator pairs it; empty if it pairs it with nobody."""
        places = {place.part: place.group for place in self.memberships}
        return (places.get("lead") or places["follow"]) if "follow" in places else ""

    def name_on(self, place: Membership) -> str:
        """The logical sender of what this worker says on a channel, which its replicas and successors share.

        It is the dataset, or role and group; of a ring whose members follow somebody above, the ring's role and group.
        Replicas whom a coordinator gives their followers have each their own: the worker's id.
        """
        ring = next((p for p in self.memberships if p.part == "ring"), None)
        if place.part == "follow" and ring is not None:
            return f"{self.role}-{ring.group}"
        if self.paired:
            return self.worker
        return self.dataset.name if self.dataset is not None else self.worker.rpartition("-")[0]


class Limits(Model):
    """What one worker of a role may use, in Kubernetes' quantities; None leaves it to the stack.

    Attributes:
        cpu: cores, such as 500m or 2.
        memory: bytes, such as 768Mi or 2Gi.
    """

    cpu: Quantity | None = None
    memory: Quantity | None = None

    @field_validator("cpu", "memory", mode="before")
    @classmethod
    def _number_as_text(cls, value: Any) -> Any:
        return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else value


class PlannedWorker(Model):
    """A worker and what only its host must know.

    Attributes:
        spec: given to the worker.
        region: where it runs (its data's region); None is anywhere.
        claim: name of the volume claim with its data, mounted read-only at /data.
        residency: its data may not leave this region.
        limits: that its role sets; None leaves them to the stack.
    """

    spec: WorkerSpec
    region: str | None = None
    claim: str | None = None
    residency: str | None = None
    limits: Limits | None = None


class PlannedBroker(NamedTuple):
    """A broker of a federation.

    Attributes:
        name: empty is the federation's, through which all channels go that name none.
        region: where it runs: that of all data behind it, if it has one region; None is anywhere.
        workers: with a link to it.
    """

    name: str
    region: str | None
    workers: int


class Plan(Model):
    """All workers of a federation, sorted by id.

    Attributes:
        federation: name.
        tag: name of the TAG.
        workers: sorted by id.
        model_channel: the channel on which the model and the updates travel.
    """

    federation: str
    tag: str
    model_channel: str
    workers: tuple[PlannedWorker, ...]

    @property
    def trainers(self) -> tuple[PlannedWorker, ...]:
        """The workers with data."""
        return tuple(w for w in self.workers if w.spec.dataset is not None)

    @property
    def aggregators(self) -> tuple[PlannedWorker, ...]:
        """The workers without data."""
        return tuple(w for w in self.workers if w.spec.dataset is None)

    @property
    def brokers(self) -> tuple[PlannedBroker, ...]:
        """The brokers that workers speak through, by name."""
        counts: dict[str, int] = {}
        regions: dict[str, set[str | None]] = {}
        for worker in self.workers:
            for name in {place.broker for place in worker.spec.memberships}:
                counts[name] = counts.get(name, 0) + 1
                if worker.spec.dataset is not None:
                    regions.setdefault(name, set()).add(worker.region)
        homes = {name: found.pop() for name, found in regions.items() if name and len(found) == 1}
        return tuple(PlannedBroker(name, homes.get(name), count) for name, count in sorted(counts.items()))

    @property
    def top_broker(self) -> str:
        """The broker of the top channel."""
        places = (place for worker in self.workers for place in worker.spec.memberships)
        return next((place.broker for place in places if place.channel == self.top_channel), "")

    @property
    def rosters(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """The logical senders that a round waits for, or that are to be paired, by channel and group."""
        found: dict[str, dict[str, set[str]]] = {}
        for worker in self.workers:
            for place in worker.spec.memberships:
                paired = place.part == "coordinate" and not place.coordinates and worker.spec.pairing_group
                if place.part in ("follow", "ring") or paired:
                    groups = found.setdefault(place.channel, {})
                    groups.setdefault(place.group, set()).add(worker.spec.name_on(place))
        return {
            channel: {group: tuple(sorted(names)) for group, names in sorted(groups.items())}
            for channel, groups in sorted(found.items())
        }

    @property
    def top_channel(self) -> str:
        """The channel of whoever makes the model: an aggregator that follows nobody, or a ring without one."""
        for worker in self.workers:
            parts = {place.part: place.channel for place in worker.spec.memberships}
            if "follow" not in parts and (channel := parts.get("lead") or parts.get("ring")):
                return channel
        return self.model_channel
