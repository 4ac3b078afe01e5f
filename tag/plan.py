"""The plan of a federation: every worker that its TAG and datasets call for. Written and read as JSON."""

from typing import Any, NamedTuple

from pydantic import field_validator

from tag.kubernetes_values import Quantity
from tag.model import Model
from tag.spec import WorkerSpec


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
