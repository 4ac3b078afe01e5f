"""What a plan will take, before anything runs: traffic, links, memory, limits, and what other ways would take. Pure.

The parts stand in `traffic`, `links` and `memory`; here they become one answer.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tag.estimate.brokers import Load, by_broker, loads, planned_places
from tag.estimate.links import HERE, Link, Places, Seconds, as_star, beside_data, links, place_of, seconds
from tag.estimate.memory import Pod, pods
from tag.estimate.traffic import UPDATE_TALK_BYTES, Flow, flows, framed, manifest_bytes, state_bytes
from tag.kubernetes_resources import Resources
from tag.limits import CHUNK_BYTES
from tag.plan import Plan, PlannedWorker
from tag.rules.tally import tally
from tag.summary import home_group

AS_PLANNED = "as planned"
BESIDE_DATA = "aggregators and a broker in each region (on paper)"
STAR = "flat star"


@dataclass(frozen=True)
class Row:
    """The workers of a role in a group of the model's channel.

    Attributes:
        role: name.
        group: name; `*` is every group.
        workers: how many.
        fan_in: updates that the one that leads adds up in a round; 0 of a trainer.
        sent: payload bytes in a round, of the worker that sends most.
        received: payload bytes in a round, of the worker that receives most.
    """

    role: str
    group: str
    workers: int
    fan_in: int
    sent: int
    received: int


@dataclass(frozen=True)
class Layout:
    """A way to lay out the same training, and what crosses the regions' links.

    Attributes:
        name: of the way.
        up: payload bytes in a round, out of all regions.
        down: payload bytes in a round, into them.
        busiest: payload bytes in a round, up and down, of the link that has most.
        seconds: that a round's transfers take; None without a link's speed.
    """

    name: str
    up: int
    down: int
    busiest: int
    seconds: Seconds | None


@dataclass(frozen=True)
class Settings:
    """What is known beside the plan.

    Attributes:
        model: bytes of the model's file.
        parameters: of the model; None if only its bytes are known.
        resources: of each kind of pod.
        home: region of the broker and of workers without a region; None is a place of its own.
        speed: bits a second of each region's link; None if it was not given.
        data: bytes of all raw data; None if they are not known.
        loaded: peak bytes of a process that built the model, by role, where it was measured.
    """

    model: int
    parameters: int | None = None
    resources: Resources = field(default_factory=Resources)
    home: str | None = None
    speed: int | None = None
    data: int | None = None
    loaded: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Estimate:
    """What a plan will take. Bytes are of MQTT's payload, in a round where nothing else is said.

    Attributes:
        federation: name.
        workers: how many.
        trainers: workers with data.
        rounds: of the run; 1 if the plan doesn't say.
        connections: to all brokers: of workers, and of an operator who watches.
        brokers: what each has to do with, by name.
        rows: by role and group.
        links: of the regions.
        pods: memory by role.
        into_broker: bytes that all send, to whichever broker.
        out_of_broker: bytes that all receive.
        layouts: as planned, and otherwise.
        raw: bytes over the regions' links, if all data is brought to the broker's place once; None if not known.
        access_list: bytes of the longest access rules of a broker.
        packet: bytes of the largest message.
    """

    federation: str
    workers: int
    trainers: int
    rounds: int
    connections: int
    brokers: tuple[Load, ...]
    rows: tuple[Row, ...]
    links: tuple[Link, ...]
    pods: tuple[Pod, ...]
    into_broker: int
    out_of_broker: int
    layouts: tuple[Layout, ...]
    raw: int | None
    access_list: int
    packet: int


def estimate(plan: Plan, settings: Settings) -> Estimate:
    """What a plan will take.

    Args:
        plan: all workers, at least one.
        settings: what is known beside it.
    """
    found = flows(plan, settings.model)
    parted = by_broker(plan, found)
    brokers = loads(plan, parted)
    runs = [w.spec.run.rounds for w in plan.workers if w.spec.run is not None]
    return Estimate(
        federation=plan.federation,
        workers=len(plan.workers),
        trainers=len(plan.trainers),
        rounds=max(runs, default=1),
        connections=sum(broker.connections for broker in brokers),
        brokers=brokers,
        rows=_rows(plan, found),
        links=links(found, settings.home, planned_places(plan)),
        pods=pods(plan, settings.resources, parted, settings.model, brokers=brokers, loaded=settings.loaded),
        into_broker=sum(flow.sent for flow in found),
        out_of_broker=sum(flow.received for flow in found),
        layouts=tuple(_layouts(plan, found, settings)),
        raw=_raw(plan, settings),
        access_list=max(tally(plan).access_lists.values()),
        packet=largest_packet(plan, settings.model),
    )


def _raw(plan: Plan, settings: Settings) -> int | None:
    """The share of the data that is not at the broker's place already; each trainer has as much as another."""
    home = settings.home or HERE
    away = sum(place_of(worker, settings.home) != home for worker in plan.trainers)
    return None if settings.data is None else settings.data * away // max(1, len(plan.trainers))


def _rows(plan: Plan, found: Sequence[Flow]) -> tuple[Row, ...]:
    sent: dict[str, int] = defaultdict(int)
    received: dict[str, int] = defaultdict(int)
    updates: dict[str, int] = defaultdict(int)
    for flow in found:
        name = flow.worker.spec.worker
        sent[name] += flow.sent
        received[name] += flow.received
        updates[name] += flow.updates
    places: dict[tuple[str, str], list[str]] = defaultdict(list)
    for worker in plan.workers:
        places[worker.spec.role, home_group(worker.spec, plan.model_channel)].append(worker.spec.worker)
    return tuple(
        Row(
            role,
            group,
            len(names),
            max(updates[name] for name in names),
            max(sent[name] for name in names),
            max(received[name] for name in names),
        )
        for (role, group), names in sorted(places.items())
    )


def _layouts(plan: Plan, found: Sequence[Flow], settings: Settings) -> Iterator[Layout]:
    planned = planned_places(plan)
    yield _layout(AS_PLANNED, found, settings, planned)
    tree = any(flow.part == "follow" and flow.worker.spec.dataset is None for flow in found)
    if tree:
        moved, brokers = beside_data(plan, settings.home)
        if not _alike(plan, moved) or not brokers.items() <= planned.items():
            yield _layout(BESIDE_DATA, flows(moved, settings.model), settings, {**planned, **brokers})
    if tree or any(flow.part == "ring" for flow in found):
        yield _layout(STAR, flows(as_star(plan), settings.model), settings)


def _alike(plan: Plan, moved: Plan) -> bool:
    return all(w.region == m.region for w, m in zip(plan.aggregators, moved.aggregators, strict=True))


def _layout(name: str, found: Sequence[Flow], settings: Settings, brokers: Places | None = None) -> Layout:
    regions = links(found, settings.home, brokers)
    speed = settings.speed
    return Layout(
        name=name,
        up=sum(link.up for link in regions),
        down=sum(link.down for link in regions),
        busiest=max((link.up + link.down for link in regions), default=0),
        seconds=None if speed is None else seconds(found, settings.home, speed, brokers),
    )


def largest_packet(plan: Plan, size: int) -> int:
    """Payload bytes of the largest message: a first chunk with its manifest, or a state that names a whole group."""
    first = framed(min(size, CHUNK_BYTES), max(manifest_bytes(plan), UPDATE_TALK_BYTES))
    groups: dict[str, list[PlannedWorker]] = defaultdict(list)
    for worker in plan.trainers:
        groups[home_group(worker.spec, plan.model_channel)].append(worker)
    return max(first, *(state_bytes(members) for members in groups.values()), 0)
