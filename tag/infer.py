"""What a TAG leaves unsaid: group associations and functions, from its channels and the datasets' groups."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from tag.names import group_name
from tag.schema import DEFAULT_GROUP, PAIR, Channel, Role, Tag

FETCH = ("fetch", "upload")
LEAD = ("distribute", "aggregate")
RING = ("ring_allreduce",)


@dataclass(frozen=True)
class Complete:
    """A TAG with nothing left unsaid.

    Attributes:
        tag: each role with its associations, each channel with its functions, as far as they are clear; groups that
            were written as paths are slugs.
        inferred: the roles whose associations were left out.
        unclear: why a role's associations can't be inferred, by role.
    """

    tag: Tag
    inferred: tuple[str, ...]
    unclear: Mapping[str, str]


def complete(tag: Tag, groups: Mapping[str, Collection[str]]) -> Complete:
    """Fills in the associations and functions that a TAG leaves out.

    A role with data gets an entry per group that has datasets; another role one per group of its single channel with
    several groups. Channels with one group are filled in. A channel without funcTags gets `fetch, upload` at its end
    nearer to the data and `distribute, aggregate` at the other; a ring of a role with data gets `ring_allreduce`.

    Args:
        tag: as written.
        groups: the groups that have datasets, by role, as slugs.
    """
    tag = slugged(tag)
    roles: list[Role] = []
    unclear: dict[str, str] = {}
    for role in tag.roles:
        if role.group_association:
            roles.append(role)
            continue
        try:
            entries = _associations(tag, role, groups.get(role.name, ()))
        except ValueError as error:
            unclear[role.name] = str(error)
            entries = ()
        roles.append(role.model_copy(update={"group_association": entries}))
    depth = depths(tag)
    channels = tuple(c.model_copy(update={"func_tags": _functions(c, depth)}) for c in tag.channels)
    inferred = tuple(sorted(r.name for r in tag.roles if not r.group_association))
    return Complete(tag.model_copy(update={"roles": tuple(roles), "channels": channels}), inferred, unclear)


def slugged(tag: Tag) -> Tag:
    """A TAG whose groups are all names: those that were written as paths are slugs."""
    roles = tuple(
        role.model_copy(update={"group_association": tuple(map(_slugged, role.group_association))})
        if any("/" in group for entry in role.group_association for group in entry.values())
        else role
        for role in tag.roles
    )
    channels = tuple(
        channel.model_copy(
            update={"group_by": channel.group_by.model_copy(update={"value": tuple(map(group_name, channel.groups))})}
        )
        if any("/" in group for group in channel.groups)
        else channel
        for channel in tag.channels
    )
    return tag.model_copy(update={"roles": roles, "channels": channels})


def _slugged(entry: Mapping[str, str]) -> dict[str, str]:
    return {channel: group_name(group) for channel, group in entry.items()}


def _associations(tag: Tag, role: Role, with_data: Collection[str]) -> tuple[dict[str, str], ...]:
    channels = tag.channels_of(role.name)
    several = [c for c in channels if len(c.groups) > 1]
    if role.is_data_consumer and with_data:
        known = {group for channel in channels for group in channel.groups}
        return _entries(role, channels, set(with_data) & known)
    if not channels:
        return ()
    if len(several) > 1:
        raise ValueError(_advice(role, several))
    if not several:
        return ({c.name: c.groups[0] for c in channels},)
    return _entries(role, channels, set(several[0].groups))


def _entries(role: Role, channels: tuple[Channel, ...], groups: Collection[str]) -> tuple[dict[str, str], ...]:
    """An association for each group: it on the channels that have it, the only group of the others."""
    places = [(channel, set(channel.groups)) for channel in channels]
    return tuple(_entry(role, places, group) for group in sorted(groups))


def _entry(role: Role, places: Sequence[tuple[Channel, Collection[str]]], group: str) -> dict[str, str]:
    entry: dict[str, str] = {}
    for channel, groups in places:
        if group in groups:
            entry[channel.name] = group
        elif len(groups) == 1:
            entry[channel.name] = channel.groups[0]
        else:
            raise ValueError(_advice(role, [channel], group))
    return entry


def _advice(role: Role, channels: list[Channel], group: str = "") -> str:
    names = " and ".join(repr(c.name) for c in channels)
    why = f"{names} has no group {group!r} and more than one other" if group else f"{names} have several groups each"
    example = ", ".join(f"{c.name}: {c.groups[0]}" for c in channels)
    return (
        f"role {role.name!r} has no groupAssociation, and it can't be inferred: {why}; "
        f"write one entry per worker, as in groupAssociation: [{{{example}}}]"
    )


def _functions(channel: Channel, depth: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    if channel.func_tags or len(channel.pair) != PAIR:
        return channel.func_tags
    here, there = channel.pair
    if here == there:
        return {here: RING} if depth.get(here) == 0 else {}
    if here not in depth or there not in depth or depth[here] == depth[there]:
        return {}
    return {role: FETCH if depth[role] == min(depth[here], depth[there]) else LEAD for role in channel.pair}


def depths(tag: Tag) -> dict[str, int]:
    """How many channels lie between a role and the nearest role with data; roles that none reaches are missing."""
    depth = {role.name: 0 for role in tag.data_roles}
    front = sorted(depth)
    while front:
        found = sorted({c.peer(r) for r in front for c in tag.channels_of(r)} - depth.keys())
        depth.update(dict.fromkeys(found, depth[front[0]] + 1))
        front = found
    return depth


def lowest_channel(tag: Tag, role: str, depth: Mapping[str, int]) -> Channel:
    """The role's channel nearest to the data; among equals one with groups, then the first by name."""

    def rank(channel: Channel) -> tuple[int, bool, str]:
        reach = min(depth.get(end, len(tag.roles)) for end in channel.pair)
        return reach, channel.groups == (DEFAULT_GROUP,), channel.name

    return min(tag.channels_of(role), key=rank)


def model_channel(tag: Tag) -> Channel | None:
    """The channel on which models and updates reach the roles with data: where they upload, else their lowest one."""
    depth = depths(tag)
    for role in tag.data_roles:
        uploads = [c for c in tag.channels_of(role.name) if "upload" in c.func_tags.get(role.name, ())]
        if uploads:
            return uploads[0]
    for role in tag.data_roles:
        if tag.channels_of(role.name):
            return lowest_channel(tag, role.name, depth)
    return None
