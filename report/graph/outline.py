"""A graph as the text formats write it: places within roles, and ties between them; many places are one. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from report.graph.model import ChannelView, Crowd, Graph, RoleView
from report.graph.words import functions_of, replicas_of, title_of, workers_of
from report.text import clean
from tag.spec import EVERY_GROUP

_MOST_PLACES, _MOST_NAMES, _MOST_IN_RING = 12, 4, 8


@dataclass(frozen=True)
class Place:
    """Workers that are drawn as one, or one worker of a ring.

    Attributes:
        key: unique in the outline: role, groups, worker.
        lines: what it says.
        group: whose colour it has; empty is none.
        members: the workers of a ring, which stand in it.
    """

    key: tuple[str, ...]
    lines: tuple[str, ...]
    group: str = ""
    members: tuple["Place", ...] = ()


@dataclass(frozen=True)
class Tie:
    """A channel between two places.

    Attributes:
        ends: keys of places; the same twice is a ring of too many workers to show.
        lines: what it says.
        group: whose colour it has; empty is none.
        onward: it leads from the first to the second only.
    """

    ends: tuple[tuple[str, ...], tuple[str, ...]]
    lines: tuple[str, ...]
    group: str = ""
    onward: bool = False


@dataclass(frozen=True)
class Outline:
    """A graph for the text formats.

    Attributes:
        name: of the TAG.
        roles: titles, each with its places, from the top.
        ties: by channel.
    """

    name: str
    roles: tuple[tuple[str, tuple[Place, ...]], ...]
    ties: tuple[Tie, ...]


@dataclass(frozen=True)
class _Held:
    """A place and the crowds in it."""

    place: Place
    crowds: tuple[Crowd, ...]

    def groups(self, channel: str) -> set[str]:
        return {group for crowd in self.crowds if (group := crowd.groups.get(channel)) is not None}


def outline(graph: Graph) -> Outline:
    """The places and ties of a graph, the same each time."""
    held = {role.name: _places(graph, role) for role in graph.roles}
    roles = []
    for role in graph.roles:
        replicas = replicas_of(graph, role)
        title = f"role {clean(role.name)}: {workers_of(role.count)}" + (f" ({replicas})" if replicas else "")
        roles.append((title, tuple(own.place for own in held[role.name])))
    ties: list[Tie] = []
    for channel in graph.channels:
        if channel.ring:
            ties += _around(channel, held[channel.upper])
        else:
            ties += _across(channel, held[channel.upper], held[channel.lower])
    return Outline(clean(graph.name), tuple(roles), tuple(ties))


def _places(graph: Graph, role: RoleView) -> list[_Held]:
    rings = graph.between(role.name, role.name)
    if len(role.crowds) > _MOST_PLACES:
        lines = (f"{len(role.crowds):,} groups", workers_of(role.count))
        return [_Held(Place((role.name,), lines), role.crowds)]
    return [_Held(_place(role, crowd, rings), (crowd,)) for crowd in role.crowds]


def _place(role: RoleView, crowd: Crowd, rings: Sequence[ChannelView]) -> Place:
    key, title = (role.name, crowd.title), clean(title_of(crowd))
    names = [clean(member.label) for member in crowd.members]
    if rings and 1 < len(names) <= _MOST_IN_RING:
        members = tuple(Place((*key, name), (name,), crowd.group) for name in names)
        return Place(key, (title,), crowd.group, members)
    said = names if 0 < len(names) <= _MOST_NAMES else [workers_of(crowd.count)]
    return Place(key, (title, *said), crowd.group)


def _around(channel: ChannelView, places: Sequence[_Held]) -> list[Tie]:
    ties = []
    lines = _lines(channel, "")
    for held in places:
        keys = [member.key for member in held.place.members] or [held.place.key]
        pairs = list(zip(keys, keys[1:] + keys[:1], strict=True))
        ties += [Tie(pair, () if number else lines, held.place.group, onward=True) for number, pair in enumerate(pairs)]
    return ties


def _across(channel: ChannelView, above: Sequence[_Held], below: Sequence[_Held]) -> list[Tie]:
    ties = []
    for upper in above:
        for lower in below:
            shared = _shared(channel, upper, lower)
            if not shared:
                continue
            groups = shared[0] if len(shared) == 1 else f"{len(shared):,} groups"
            colour = next((p.group for p in (lower.place, upper.place) if shared == [p.group]), "")
            ties.append(Tie((upper.place.key, lower.place.key), _lines(channel, groups), colour))
    return ties


def _shared(channel: ChannelView, upper: _Held, lower: _Held) -> list[str]:
    """The groups of a channel in which two places meet."""
    one, other = upper.groups(channel.name), lower.groups(channel.name)
    everywhere = set(channel.groups)
    one = everywhere if EVERY_GROUP in one else one
    other = everywhere if EVERY_GROUP in other else other
    return sorted(one & other)


def _lines(channel: ChannelView, groups: str) -> tuple[str, ...]:
    head = f"{channel.name}: {groups}" if groups else channel.name
    return tuple(clean(line) for line in (head, *functions_of(channel)))
