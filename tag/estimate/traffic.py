"""What each worker sends and receives in a round, by the protocol's rules. Pure.

A leader publishes a model once to each group, and the broker copies it to the members. A trainer's update is as large
as the model; a middle aggregator passes on 64-bit sums, twice the weights. Replicas of whoever makes the model get a
checkpoint in each round, with the optimizer's state, and the leader hears its own, too; those of a middle aggregator
hear what comes from above. A ring passes 64-bit sums around, as ring all-reduce does; below an aggregator one of its
members passes the sum on, and all take the model. Aggregators that a coordinator gives their trainers send each of
these a model of its own, as a group has several of them. All are taken to be selected. Bytes are of MQTT's payload.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tag.limits import CHUNK_BYTES
from tag.plan import Plan, PlannedWorker
from tag.spec import EVERY_GROUP, Membership

CHUNK_HEAD_BYTES = 32
"""Before the bytes of a chunk."""
UPDATE_TALK_BYTES = 450
"""An update's manifest and the evaluation that goes with it."""
EVENT_BYTES = 550
"""What a trainer tells the operator of a round; no worker receives it."""
MANIFEST_BYTES = 155
"""A model's manifest, without the names of those who took part."""
STATE_BYTES = 222
"""A leader's state, without the names of the trainers in the group."""
STATES = 2
"""States that a leader tells a group in a round, at least."""
PAIRING_BYTES = 36
"""A group's pairs, without the names of aggregators and trainers."""
ROUND_BYTES = 90
"""What a root tells a coordinator of its round."""
NAME_BYTES = 3
"""Quotes and comma around a name."""
SUM_WIDTH = 2
"""Bytes of a 64-bit sum beside those of a float32 weight."""

Part = Literal["lead", "follow", "checkpoint", "ring", "coordinate"]
_LEAD = {"distribute", "aggregate"}
_FOLLOW = {"fetch", "upload"}
_Members = list[tuple[PlannedWorker, Membership]]


@dataclass(frozen=True)
class Flow:
    """What a worker sends and receives in one group of a channel, in a round.

    Attributes:
        worker: who.
        channel: name.
        group: name; of a checkpoint the group of the replicas, which may be `*`.
        part: what it does there: lead, follow (a standby only listens), keep a checkpoint, be in a ring, or coordinate.
        sent: payload bytes.
        received: payload bytes.
        updates: that it takes in and adds up.
    """

    worker: PlannedWorker
    channel: str
    group: str
    part: Part
    sent: int = 0
    received: int = 0
    updates: int = 0


def framed(size: int, talk: int = 0) -> int:
    """Payload bytes of a file that travels in chunks, with what is said about it."""
    return size + CHUNK_HEAD_BYTES * max(1, -(-size // CHUNK_BYTES)) + talk


def manifest_bytes(plan: Plan) -> int:
    """A model's manifest: it names all who took part in it."""
    return MANIFEST_BYTES + _names(plan.trainers)


def state_bytes(members: Iterable[PlannedWorker]) -> int:
    """A leader's state in a group: it names the group's trainers."""
    return STATE_BYTES + _names(members)


def _names(workers: Iterable[PlannedWorker]) -> int:
    return sum(len(w.spec.dataset.name) + NAME_BYTES for w in workers if w.spec.dataset is not None)


def flows(plan: Plan, size: int) -> list[Flow]:
    """What every worker sends and receives in a round.

    Args:
        plan: all workers.
        size: bytes of the model's file.
    """
    manifest = manifest_bytes(plan)
    depth = _depths(plan)
    replicas = _replicas(plan)
    members = _members(plan)
    widths, pairs = _widths(replicas, members), _pairs(plan)
    found: list[Flow] = []
    for channel, groups in members.items():
        for group, present in groups.items():
            found += _in_group(_Group(channel, group, present, widths, pairs), size, manifest, depth)
    for alike in replicas:
        run = alike[0].spec.run
        found += _checkpoints(alike, framed(size * (1 + (run.optimizer.state if run else 0)), manifest), depth)
    return found


def _replicas(plan: Plan) -> list[list[PlannedWorker]]:
    """Workers that stand in for each other: the same role and places, other indexes. The first acts."""
    alike: dict[tuple[object, ...], list[PlannedWorker]] = defaultdict(list)
    for worker in plan.workers:
        spec = worker.spec
        key = (
            (spec.worker,)
            if spec.dataset is not None or spec.paired
            else (spec.role, *((p.channel, p.group) for p in spec.memberships))
        )
        alike[key].append(worker)
    return [sorted(workers, key=lambda w: w.spec.index or 0) for workers in alike.values()]


def _members(plan: Plan) -> Mapping[str, Mapping[str, _Members]]:
    """The members of each group of each channel; a worker in every group is in each of them."""
    found: dict[str, dict[str, _Members]] = defaultdict(lambda: defaultdict(list))
    everywhere: dict[str, _Members] = defaultdict(list)
    for worker in plan.workers:
        for place in worker.spec.memberships:
            if place.group == EVERY_GROUP:
                everywhere[place.channel].append((worker, place))
            else:
                found[place.channel][place.group].append((worker, place))
    for channel, members in everywhere.items():
        for present in found[channel].values():
            present.extend(members)
    return found


def _widths(
    replicas: Iterable[Sequence[PlannedWorker]], members: Mapping[str, Mapping[str, _Members]]
) -> Mapping[str, int]:
    """What each acting worker passes on, in weights: an update once, a sum twice, others of a ring nothing."""
    acting = [alike[0].spec for alike in replicas]
    widths = {spec.worker: 1 if spec.dataset is not None else SUM_WIDTH for spec in acting}
    for groups in members.values():
        for present in groups.values():
            ring = [w.spec.worker for w, place in present if place.peer == w.spec.role]
            if len(ring) > 1:
                widths |= dict.fromkeys(ring, 0) | {min(ring): SUM_WIDTH}
    return widths


def _depths(plan: Plan) -> Mapping[str, int]:
    """How many channels lie between a role and the nearest role with data."""
    peers: dict[str, set[str]] = defaultdict(set)
    for role, peer in {(w.spec.role, p.peer) for w in plan.workers for p in w.spec.memberships}:
        peers[role].add(peer)
        peers[peer].add(role)
    depth = {worker.spec.role: 0 for worker in plan.trainers}
    front = list(depth)
    while front:
        reached = {peer for role in front for peer in peers[role]} - depth.keys()
        depth.update(dict.fromkeys(reached, depth[front[0]] + 1))
        front = sorted(reached)
    return depth


def leads(place: Membership, role: str, depth: Mapping[str, int]) -> bool:
    """Whether a worker's end of a channel gives models and takes updates: by its functions, else the end off the data.

    Args:
        place: the worker's.
        role: the worker's.
        depth: channels between a role and the data.
    """
    functions = set(place.functions)
    if functions & (_LEAD | _FOLLOW):
        return bool(functions & _LEAD) and not functions & _FOLLOW
    return depth.get(role, 0) > depth.get(place.peer, 0)


@dataclass(frozen=True)
class _Group:
    channel: str
    name: str
    members: _Members
    widths: Mapping[str, int]
    pairs: Mapping[str, int]


def _in_group(group: _Group, size: int, manifest: int, depth: Mapping[str, int]) -> Iterator[Flow]:
    ring = [w for w, place in group.members if place.peer == w.spec.role]
    if ring:
        yield from _around(group.channel, group.name, ring, size)
        return
    if any(place.part == "coordinate" for _, place in group.members):
        yield from _talk(group)
        return
    active = [(w, leads(place, w.spec.role, depth)) for w, place in group.members if w.spec.worker in group.widths]
    heads, rest = [w for w, head in active if head], [w for w, head in active if not head]
    if not heads or not rest:
        return
    down = framed(size, manifest) + STATES * state_bytes(rest)
    widths = [group.widths[worker.spec.worker] for worker in rest]
    ups = [framed(width * size, UPDATE_TALK_BYTES) if width else 0 for width in widths]
    if heads[0].spec.paired:
        yield from _shared(group, heads, list(zip(rest, ups, strict=True)), down - STATES * state_bytes(rest))
        return
    for head in heads:
        yield Flow(head, group.channel, group.name, "lead", down, sum(ups), sum(map(bool, widths)))
    for worker, place in group.members:
        if worker.spec.worker not in group.widths and not leads(place, worker.spec.role, depth):
            yield Flow(worker, group.channel, group.name, "follow", 0, len(heads) * down)
    for worker, up in zip(rest, ups, strict=True):
        events = EVENT_BYTES if worker.spec.dataset else 0
        yield Flow(worker, group.channel, group.name, "follow", len(heads) * up + events, len(heads) * down)


def _shared(
    group: _Group, heads: Sequence[PlannedWorker], rest: Sequence[tuple[PlannedWorker, int]], model: int
) -> Iterator[Flow]:
    """Each head has its share of the trainers, and gives a model to each of them; all hear all heads' states."""
    given = [rest[turn :: len(heads)] for turn in range(len(heads))]
    states = [STATES * state_bytes(worker for worker, _ in share) for share in given]
    for head, share, said in zip(heads, given, states, strict=True):
        up = sum(up for _, up in share)
        yield Flow(head, group.channel, group.name, "lead", len(share) * model + said, up, len(share))
    for worker, up in rest:
        yield Flow(worker, group.channel, group.name, "follow", up + EVENT_BYTES, model + sum(states))


def _talk(group: _Group) -> Iterator[Flow]:
    """A coordinator gives each group of trainers its pairs; a root tells it of its rounds."""
    roots = [w for w, place in group.members if not place.coordinates and not w.spec.pairing_group]
    told = STATES * ROUND_BYTES * bool(roots)
    said = sum(group.pairs.values()) if any(w.spec.pairing_group for w, _ in group.members) else 0
    for worker, place in group.members:
        mine = group.pairs.get(worker.spec.pairing_group, 0)
        sent, received = (said, told) if place.coordinates else (told * (worker in roots[:1]), mine)
        yield Flow(worker, group.channel, group.name, "coordinate", sent, received)


def _pairs(plan: Plan) -> Mapping[str, int]:
    """Bytes of a round's pairs, by group: they name all of its trainers and aggregators."""
    found: dict[str, int] = {}
    for worker in plan.workers:
        spec = worker.spec
        if spec.pairing_group and any(place.part == "coordinate" for place in spec.memberships):
            size = len(spec.dataset.name if spec.dataset else spec.worker) + NAME_BYTES
            found[spec.pairing_group] = found.get(spec.pairing_group, PAIRING_BYTES) + size
    return found


def _around(channel: str, group: str, ring: Sequence[PlannedWorker], size: int) -> Iterator[Flow]:
    """Each member passes on its share of the sum, and then of the result, to all others' shares but its own."""
    count = len(ring)
    moved = -(-2 * (count - 1) * SUM_WIDTH * size // count)
    for worker in ring:
        around = framed(moved) if moved else 0
        yield Flow(worker, channel, group, "ring", around, around)


def _checkpoints(replicas: Sequence[PlannedWorker], size: int, depth: Mapping[str, int]) -> Iterator[Flow]:
    spec = replicas[0].spec
    led = [place for place in spec.memberships if leads(place, spec.role, depth)]
    rest = [place for place in spec.memberships if place not in led and place.part != "coordinate"]
    if len(replicas) == 1 or rest or not led:
        return
    place = led[0]
    for worker in replicas:
        yield Flow(worker, place.channel, place.group, "checkpoint", size if worker is replicas[0] else 0, size)
