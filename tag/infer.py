"""What a TAG leaves unsaid: group associations and functions, from its channels and the datasets' groups."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tag.schema import DEFAULT_GROUP, Channel, Role, Tag

FETCH = ("fetch", "upload")
LEAD = ("distribute", "aggregate")
RING = ("ring_allreduce",)


@dataclass(frozen=True)
class Complete:
    """A TAG with nothing left unsaid.

    Attributes:
        tag: each role with its associations, each channel with its functions, as far as they are clear.
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
    with data and `distribute, aggregate` at the other; a ring of a role with data gets `ring_allreduce`.

    Args:
        tag: as written.
        groups: the groups that have datasets, by role.
    """
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
    channels = tuple(c.model_copy(update={"func_tags": _functions(tag, c)}) for c in tag.channels)
    inferred = tuple(sorted(r.name for r in tag.roles if not r.group_association))
    return Complete(tag.model_copy(update={"roles": tuple(roles), "channels": channels}), inferred, unclear)


def _associations(tag: Tag, role: Role, with_data: Collection[str]) -> tuple[dict[str, str], ...]:
    channels = tag.channels_of(role.name)
    several = [c for c in channels if len(c.groups) > 1]
    if role.is_data_consumer and with_data:
        known = {group for channel in channels for group in channel.groups}
        return tuple(_entry(role, channels, group) for group in sorted(set(with_data) & known))
    if not channels:
        return ()
    if len(several) > 1:
        raise ValueError(_advice(role, several))
    if not several:
        return ({c.name: c.groups[0] for c in channels},)
    return tuple(_entry(role, channels, group) for group in sorted(set(several[0].groups)))


def _entry(role: Role, channels: tuple[Channel, ...], group: str) -> dict[str, str]:
    entry: dict[str, str] = {}
    for channel in channels:
        if group in channel.groups:
            entry[channel.name] = group
        elif len(channel.groups) == 1:
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


def _functions(tag: Tag, channel: Channel) -> dict[str, tuple[str, ...]]:
    if channel.func_tags or len(channel.pair) != 2:  # noqa: PLR2004  a pair
        return channel.func_tags
    with_data = {r.name for r in tag.data_roles}
    ends = [role in with_data for role in channel.pair]
    if channel.pair[0] == channel.pair[1]:
        return {channel.pair[0]: RING} if ends[0] else {}
    if ends[0] == ends[1]:
        return {}
    return {role: FETCH if has_data else LEAD for role, has_data in zip(channel.pair, ends, strict=True)}


def depths(tag: Tag) -> dict[str, int]:
    """How many channels lie between a role and the nearest role with data; roles that none reaches are missing."""
    depth = {role.name: 0 for role in tag.data_roles}
    front = sorted(depth)
    while front:
        found = sorted({c.peer(r) for r in front for c in tag.channels if r in c.pair} - depth.keys())
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
