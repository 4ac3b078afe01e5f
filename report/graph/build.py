"""A plan, or a TAG alone, as a `Graph`. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from report.graph.model import ChannelView, Crowd, Graph, Member, RoleView
from tag.infer import model_channel
from tag.names import natural
from tag.plan import Plan, PlannedWorker
from tag.rules.structure import COORDINATE
from tag.schema import Tag
from tag.spec import EVERY_GROUP

Key = tuple[tuple[str, str], ...]
"""Channels and groups."""


@dataclass
class _Role:
    """A role while it is gathered: how many workers there are, and who, by the groups that they are in."""

    data: bool
    members: dict[Key, list[Member]] = field(default_factory=dict)
    counts: dict[Key, int | None] = field(default_factory=dict)


@dataclass
class _Channel:
    """A channel while it is gathered."""

    ends: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    functions: dict[str, tuple[str, ...]] = field(default_factory=dict)


def from_plan(plan: Plan, notes: Mapping[str, str] | None = None) -> Graph:
    """The workers of a plan by role and group.

    Args:
        plan: all workers.
        notes: what is said of a worker, by id.
    """
    notes = notes or {}
    roles: dict[str, _Role] = {}
    channels: dict[str, _Channel] = {}
    for worker in plan.workers:
        _count(worker, notes.get(worker.spec.worker, ""), roles, channels)
    regions = channels[plan.model_channel].groups if plan.model_channel in channels else ()
    return _graph((plan.tag, plan.federation), roles, channels, plan.model_channel, regions)


def _count(worker: PlannedWorker, note: str, roles: dict[str, _Role], channels: dict[str, _Channel]) -> None:
    spec = worker.spec
    role = roles.setdefault(spec.role, _Role(spec.dataset is not None))
    key = tuple((place.channel, place.group) for place in spec.memberships)
    if key not in role.members:
        role.members[key] = []
        role.counts[key] = 0
        for place in spec.memberships:
            channel = channels.setdefault(place.channel, _Channel())
            channel.ends.update((spec.role, place.peer))
            channel.groups.update({place.group} - {EVERY_GROUP})
            channel.functions[spec.role] = place.functions
    role.members[key].append(Member(spec.dataset.name if spec.dataset else spec.worker, note))
    role.counts[key] = len(role.members[key])


def from_tag(tag: Tag) -> Graph:
    """The roles and groups of a TAG without datasets; roles with data have a worker for each dataset to come.

    Args:
        tag: with its associations and functions completed.
    """
    roles: dict[str, _Role] = {}
    for role in tag.roles:
        found = roles[role.name] = _Role(role.is_data_consumer)
        for entry in role.group_association:
            key = tuple((c.name, entry[c.name]) for c in tag.channels_of(role.name) if c.name in entry)
            found.members[key] = []
            before = found.counts.get(key) or 0
            found.counts[key] = None if role.is_data_consumer else before + role.replica
        if not found.members:
            found.members[()], found.counts[()] = [], None if role.is_data_consumer else role.replica
    channels = {c.name: _Channel(set(c.pair), set(c.groups), dict(c.func_tags)) for c in tag.channels}
    models = model_channel(tag)
    return _graph(
        (tag.name, ""), roles, channels, models.name if models else "", set(models.groups) if models else set()
    )


def _graph(
    names: tuple[str, str], roles: dict[str, _Role], channels: dict[str, _Channel], models: str, regions: Iterable[str]
) -> Graph:
    pairs = {name: tuple(sorted(channel.ends)) for name, channel in channels.items()}
    beside = _coordinators(roles, channels)
    tiers = _tiers(roles, [channel for channel in channels.values() if not beside & channel.ends])
    views = []
    for name, role in roles.items():
        ring = any(channel.ends == {name} for channel in channels.values())
        crowds = _crowds(role, _order(name, pairs, tiers, models), ring=ring)
        views.append(RoleView(name, tiers[name], role.data, name in beside, crowds))
    links = []
    for name, channel in sorted(channels.items()):
        ends = sorted(pairs[name], key=lambda end: (-tiers.get(end, 0), end))
        groups = tuple(sorted(channel.groups, key=natural))
        links.append(ChannelView(name, ends[0], ends[-1], groups, channel.functions))
    known = {view.name for view in views}
    return Graph(
        name=names[0],
        federation=names[1],
        roles=tuple(sorted(views, key=lambda view: (-view.tier, view.name))),
        channels=tuple(link for link in links if {link.upper, link.lower} <= known),
        regions=tuple(sorted(regions)),
    )


def _coordinators(roles: Mapping[str, _Role], channels: Mapping[str, _Channel]) -> set[str]:
    """The roles that do nothing but coordinate, on several channels."""
    found = set()
    for name, role in roles.items():
        own = [channel for channel in channels.values() if name in channel.ends]
        does = [channel.functions.get(name, ()) for channel in own]
        coordinates = all(here and all(function.startswith(COORDINATE) for function in here) for here in does)
        if not role.data and len(own) > 1 and coordinates:
            found.add(name)
    return found


def _tiers(roles: Mapping[str, _Role], channels: Collection[_Channel]) -> dict[str, int]:
    """The tier of each role: above all from which it aggregates; otherwise steps along channels from the data.

    A role that no channel reaches counts as one step. Where aggregators go in a circle, steps alone count.
    """
    tiers = {name: 0 for name, role in roles.items() if role.data}
    front = set(tiers)
    while front:
        step = max(tiers[name] for name in front) + 1
        front = {end for c in channels if c.ends & front for end in c.ends} & roles.keys() - tiers.keys()
        tiers.update(dict.fromkeys(front, step))
    steps = {name: tiers.get(name, 1) for name in roles}
    tiers = dict(steps)
    above = [pair for channel in channels for pair in _above(channel) if set(pair) <= roles.keys()]
    for _ in roles:
        lifted = {upper: tiers[lower] + 1 for upper, lower in above if tiers[lower] >= tiers[upper]}
        if not lifted:
            return tiers
        tiers |= lifted
    return steps


def _above(channel: _Channel) -> list[tuple[str, str]]:
    """The role that aggregates on a channel and the one that it aggregates from, if that is clear."""
    ends = sorted(channel.ends)
    leads = [bool({"aggregate", "distribute"} & set(channel.functions.get(end, ()))) for end in ends]
    if len(ends) == 1 or all(leads) or not any(leads):
        return []
    return [(ends[0], ends[1]) if leads[0] else (ends[1], ends[0])]


def _order(role: str, pairs: Mapping[str, Sequence[str]], tiers: Mapping[str, int], models: str) -> list[str]:
    """A role's channels: those towards the data first, the model's before its equals."""
    own = [name for name, pair in pairs.items() if role in pair]
    return sorted(own, key=lambda name: (min(tiers.get(end, 0) for end in pairs[name]), name != models, name))


def _crowds(role: _Role, order: Sequence[str], *, ring: bool) -> tuple[Crowd, ...]:
    """The crowds of a role; each is called by its groups on the channels on which the role's crowds differ.

    Workers stand in the order of a reader (`d2` before `d10`); those of a ring by id.
    """
    keys = [dict(key) for key in role.members]
    differ: list[str] = []
    for name in order:
        if (
            len({tuple(key.get(n) for n in differ) for key in keys}) < len(keys)
            and len({k.get(name) for k in keys}) > 1
        ):
            differ.append(name)
    crowds = []
    for key, members in role.members.items():
        groups = dict(key)
        titles = list(dict.fromkeys(groups[name] for name in differ or order[:1] if name in groups)) or [EVERY_GROUP]
        listed = members if ring else sorted(members, key=lambda member: natural(member.label))
        crowds.append(Crowd(groups, titles[0], " · ".join(titles), tuple(listed), role.counts[key]))
    return tuple(sorted(crowds, key=lambda crowd: (natural(crowd.title), sorted(crowd.groups.items()))))
