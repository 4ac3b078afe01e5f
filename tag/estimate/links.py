"""What crosses the links between regions and the broker's place, as planned, laid out otherwise, or as a star. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tag.estimate.traffic import Flow, flows
from tag.names import natural
from tag.plan import Plan, PlannedWorker
from tag.spec import EVERY_GROUP, Membership, WorkerSpec

HERE = "*"
"""The place of the broker, and of workers without a region, where the stack names no home."""

STAR = "star"
"""Channel, role and worker of a plan that is laid out as a star."""


@dataclass(frozen=True)
class Link:
    """A region's link, in a round.

    Attributes:
        region: name.
        workers: there.
        up: payload bytes out of the region.
        down: payload bytes into it.
    """

    region: str
    workers: int
    up: int
    down: int


Group = tuple[str, str]
"""Channel and group."""
Places = Mapping[Group, str]
"""The place of the broker by channel and group, where it is another than home."""


def links(found: Iterable[Flow], home: str | None, brokers: Places | None = None) -> tuple[Link, ...]:
    """The regions' links; a region that nothing leaves or enters is left out, and the home, where all links meet.

    Args:
        found: all flows.
        home: region of the broker and of workers without a region; None is a place of its own.
        brokers: further brokers; what goes to one from elsewhere crosses the links of both places.
    """
    up: dict[str, int] = defaultdict(int)
    down: dict[str, int] = defaultdict(int)
    there: dict[str, set[str]] = defaultdict(set)
    centre = home or HERE
    for flow in found:
        region, broker = place_of(flow.worker, home), (brokers or {}).get((flow.channel, flow.group), centre)
        if region == broker:
            continue
        for place, out, into in ((region, flow.sent, flow.received), (broker, flow.received, flow.sent)):
            if place != centre:
                up[place] += out
                down[place] += into
        if region != centre:
            there[region].add(flow.worker.spec.worker)
    return tuple(Link(region, len(there[region]), up[region], down[region]) for region in sorted(up, key=natural))


def place_of(worker: PlannedWorker, home: str | None) -> str:
    """Where a worker runs: its region, or the broker's place."""
    return worker.region or home or HERE


@dataclass(frozen=True)
class Seconds:
    """How long models and updates are under way in a round, channel after channel, without waiting times.

    Attributes:
        regions: if only the regions' links are slow: each channel takes as long as its slowest region.
        centre: if the broker's place has but one such link for all regions.
    """

    regions: float
    centre: float


def seconds(found: Iterable[Flow], home: str | None, bits_per_second: int, brokers: Places | None = None) -> Seconds:
    """How long a round's transfers take: down to all, then up from all."""
    channels: dict[str, list[Flow]] = defaultdict(list)
    for flow in found:
        channels[flow.channel].append(flow)
    slowest = total = 0
    for members in channels.values():
        regions = links(members, home, brokers)
        slowest += max((link.down for link in regions), default=0) + max((link.up for link in regions), default=0)
        total += sum(link.down + link.up for link in regions)
    return Seconds(slowest * 8 / bits_per_second, total * 8 / bits_per_second)


def beside_data(plan: Plan, home: str | None) -> tuple[Plan, Places]:
    """The plan with each middle aggregator in the region of most of its trainers, and a broker there.

    A middle aggregator passes on what it takes from one group of trainers; its standbys go with it. Gives the plan, and
    the regions of the groups' brokers.
    """
    found = flows(plan, 1)
    followers: dict[Group, list[PlannedWorker]] = defaultdict(list)
    led: dict[str, list[Group]] = defaultdict(list)
    for flow in found:
        if flow.part == "follow":
            followers[flow.channel, flow.group].append(flow.worker)
        elif flow.part == "lead":
            led[flow.worker.spec.worker].append((flow.channel, flow.group))
    passing = {worker.spec.worker for workers in followers.values() for worker in workers}
    homes: dict[tuple[str, tuple[Membership, ...]], str] = {}
    brokers: dict[Group, str] = {}
    for worker in plan.aggregators:
        name, groups = worker.spec.worker, led[worker.spec.worker]
        if name in passing and len(groups) == 1 and all(w.spec.dataset for w in followers[groups[0]]):
            there = Counter(place_of(w, home) for w in followers[groups[0]])
            region = min(there, key=lambda place: (-there[place], place))
            homes[worker.spec.role, worker.spec.memberships] = brokers[groups[0]] = region
    moved = (_moved(worker, homes.get((worker.spec.role, worker.spec.memberships))) for worker in plan.workers)
    return plan.model_copy(update={"workers": tuple(moved)}), brokers


def _moved(worker: PlannedWorker, region: str | None) -> PlannedWorker:
    return worker if region is None or worker.spec.dataset else worker.model_copy(update={"region": region})


def as_star(plan: Plan) -> Plan:
    """The same trainers, in a group for each region, around one aggregator at the broker's place."""
    fetch, lead = ("fetch", "upload"), ("distribute", "aggregate")
    trainers = [
        _placed(worker, Membership(channel=STAR, group=worker.region or STAR, peer=STAR, functions=fetch))
        for worker in plan.trainers
    ]
    middle = Membership(channel=STAR, group=EVERY_GROUP, peer="trainer", functions=lead)
    spec = WorkerSpec(federation=plan.federation, worker=STAR, role=STAR, memberships=(middle,), index=0)
    return plan.model_copy(update={"workers": (*trainers, PlannedWorker(spec=spec)), "model_channel": STAR})


def _placed(worker: PlannedWorker, place: Membership) -> PlannedWorker:
    return worker.model_copy(update={"spec": worker.spec.model_copy(update={"memberships": (place,)})})
