"""What each broker of a plan has to do with in a round, and where it stands. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tag.estimate.links import Group, Places
from tag.estimate.traffic import Flow
from tag.plan import Plan


@dataclass(frozen=True)
class Load:
    """A broker, in a round.

    Attributes:
        name: empty is the federation's.
        region: where it runs; None is the home of workers without a region.
        connections: all its workers, and an operator who watches.
        taken: payload bytes that are sent to it.
        given: payload bytes that are received from it.
    """

    name: str
    region: str | None
    connections: int
    taken: int
    given: int


def brokers_of(plan: Plan) -> Mapping[Group, str]:
    """The broker of each group of each channel, by name."""
    return {(place.channel, place.group): place.broker for w in plan.workers for place in w.spec.memberships}


def planned_places(plan: Plan) -> Places:
    """The places of the groups' brokers, where a plan has them in regions."""
    regions = {broker.name: broker.region for broker in plan.brokers if broker.region is not None}
    return {group: regions[name] for group, name in brokers_of(plan).items() if name in regions}


def by_broker(plan: Plan, found: Iterable[Flow]) -> Mapping[str, list[Flow]]:
    """All flows by the broker that they go through."""
    names = brokers_of(plan)
    parted: dict[str, list[Flow]] = defaultdict(list)
    for flow in found:
        parted[names.get((flow.channel, flow.group), "")].append(flow)
    return parted


def loads(plan: Plan, parted: Mapping[str, Sequence[Flow]]) -> tuple[Load, ...]:
    """The brokers of a plan, by name, from its flows by broker."""
    return tuple(
        Load(
            broker.name,
            broker.region,
            broker.workers + 1,
            sum(flow.sent for flow in parted.get(broker.name, ())),
            sum(flow.received for flow in parted.get(broker.name, ())),
        )
        for broker in plan.brokers
    )
