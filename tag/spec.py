"""What one worker is told: who it is, its places on channels, its data and its settings."""

from typing import Literal

from tag.model import Model
from tag.settings import DatasetSpec, RunSettings, TrainSettings
from tag.values import Natural, Whole

GROUP_MARK = "{group}"
"""In a channel's broker and in a role's region it stands for the group."""

EVERY_GROUP = "*"
"""The group of a worker that is in all groups of a channel, also in those added later."""


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
