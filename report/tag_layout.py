"""Where the roles, groups and channels of a plan stand in a picture: rows of roles, data at the bottom. Pure."""

from dataclasses import dataclass

from tag.plan import EVERY_GROUP, Plan, PlannedWorker


@dataclass(frozen=True)
class Group:
    """The workers of one role in one group.

    Attributes:
        name: of the group; `*` is every group.
        workers: sorted by id.
    """

    name: str
    workers: tuple[PlannedWorker, ...]


@dataclass(frozen=True)
class RoleRow:
    """A role.

    Attributes:
        depth: steps from the roles with data, which are at 0.
        groups: sorted by name.
    """

    name: str
    depth: int
    groups: tuple[Group, ...]

    @property
    def workers(self) -> int:
        """How many there are."""
        return sum(len(group.workers) for group in self.groups)


@dataclass(frozen=True)
class ChannelLine:
    """A channel between two roles, or within one.

    Attributes:
        pair: names of the roles; both may be the same.
        groups: names, without `*`.
    """

    name: str
    pair: tuple[str, str]
    groups: tuple[str, ...]


def role_rows(plan: Plan) -> list[RoleRow]:
    """The roles, those farthest from the data first."""
    members: dict[str, list[PlannedWorker]] = {}
    for worker in plan.workers:
        members.setdefault(worker.spec.role, []).append(worker)
    depths = _depths(plan, members)
    rows = []
    for role, workers in members.items():
        groups: dict[str, list[PlannedWorker]] = {}
        for worker in workers:
            groups.setdefault(_home(worker, depths, plan.model_channel), []).append(worker)
        found = tuple(Group(name, tuple(own)) for name, own in sorted(groups.items()))
        rows.append(RoleRow(role, depths[role], found))
    return sorted(rows, key=lambda row: (-row.depth, row.name))


def channel_lines(plan: Plan) -> list[ChannelLine]:
    """The channels, in the order of names."""
    pairs: dict[str, set[str]] = {}
    groups: dict[str, set[str]] = {}
    for worker in plan.workers:
        for place in worker.spec.memberships:
            pairs.setdefault(place.channel, set()).update((worker.spec.role, place.peer))
            groups.setdefault(place.channel, set()).update({place.group} - {EVERY_GROUP})
    found = []
    for name, ends in sorted(pairs.items()):
        pair = sorted(ends)
        found.append(ChannelLine(name, (pair[0], pair[-1]), tuple(sorted(groups[name]))))
    return found


def _depths(plan: Plan, members: dict[str, list[PlannedWorker]]) -> dict[str, int]:
    """Steps along channels from the roles with data; a role that no channel reaches counts as one step."""
    depths = {worker.spec.role: 0 for worker in plan.trainers}
    reached = True
    while reached:
        reached = False
        for role, workers in members.items():
            peers = {place.peer for worker in workers for place in worker.spec.memberships}
            peers |= {r for r, own in members.items() for w in own for p in w.spec.memberships if p.peer == role}
            known = [depths[peer] for peer in peers if peer in depths]
            if role not in depths and known:
                depths[role] = min(known) + 1
                reached = True
    return {role: depths.get(role, 1) for role in members}


def _home(worker: PlannedWorker, depths: dict[str, int], model_channel: str) -> str:
    """The group that a worker is shown in: of its channel towards the data; of trainers, of the model channel."""
    places = worker.spec.memberships
    if worker.spec.dataset is not None:
        chosen = [place for place in places if place.channel == model_channel] or list(places)
    else:
        chosen = sorted(places, key=lambda place: depths.get(place.peer, 0))
    return chosen[0].group if chosen else EVERY_GROUP
