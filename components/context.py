"""What the workers of one cluster share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pulumi

from components.names import PRODUCTION, Kind, labels
from components.pki import Authority
from tag.kubernetes import Kubernetes
from tag.plan import PlannedWorker


class Way(NamedTuple):
    """How the pods of a cluster come to a broker.

    Attributes:
        url: as workers are given it.
        deployment: of the broker; ready once it listens.
    """

    url: str
    deployment: pulumi.Resource


@dataclass(frozen=True, kw_only=True)
class Context:
    """Where a component's objects go, and how its pods reach the brokers.

    Attributes:
        federation: name.
        model_channel: the channel whose groups name the regions.
        namespace: of the objects.
        namespace_name: the same, as it is known beforehand.
        kubernetes: the stack's settings.
        broker_url: as workers of this cluster reach the federation's broker.
        authority: of the certificates; None where the broker is open.
        programs: text of each program, by its path in the specs.
        ways: to the brokers, by name; empty as long as there are none.
        place: distinguishes Pulumi's names in another cluster; empty in the federation's own.
        provider: of another cluster; None in the federation's own, whose provider is inherited.
    """

    federation: str
    model_channel: str
    namespace: pulumi.Input[str]
    namespace_name: str
    kubernetes: Kubernetes
    broker_url: str
    authority: Authority | None
    programs: Mapping[str, str]
    ways: Mapping[str, Way] = field(default_factory=dict)
    place: str = ""
    provider: pulumi.ProviderResource | None = None

    def resource_name(self, name: str) -> str:
        """Pulumi's name of an object that every cluster has once."""
        return f"{name}-{self.place}" if self.place else name

    def labels(self, kind: Kind, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """The labels of an object of this context."""
        common = labels(self.federation, kind, production=self.kubernetes.production, extra=self.kubernetes.labels)
        return common | dict(extra or {})

    def pod_labels(self, kind: Kind, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """The labels of a pod: those of its object, less what would restart it for no reason."""
        return {name: value for name, value in self.labels(kind, extra).items() if name != PRODUCTION}

    def child(self, parent: pulumi.Resource, after: Sequence[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        """Options of a child: its parent, its time limits, and what must stand before it."""
        limit = f"{self.kubernetes.timeout}s"
        return pulumi.ResourceOptions(
            parent=parent,
            depends_on=list(after),
            custom_timeouts=pulumi.CustomTimeouts(create=limit, update=limit, delete=limit),
        )

    def ways_of(self, planned: PlannedWorker) -> dict[str, Way]:
        """The ways of a worker to its brokers, by name.

        Raises:
            ValueError: a broker is in another cluster, which `tag.deployable` tells before.
        """
        names = sorted({place.broker for place in planned.spec.memberships})
        if lost := [name for name in names if name not in self.ways]:
            raise ValueError(f"worker {planned.spec.worker!r} has no way to broker {lost[0]!r} in another cluster")
        return {name: self.ways[name] for name in names}
