"""What is written in a picture of a TAG. Pure."""

from report.graph.model import ChannelView, Crowd, Graph, RoleView
from report.text import listing, plural
from tag.rules.structure import COORDINATE
from tag.schema import DEFAULT_GROUP
from tag.spec import EVERY_GROUP

_AROUND = "↻"
_MOST_NAMED = 6
_LETTERS = 60


def title_of(crowd: Crowd) -> str:
    """A crowd's groups in words."""
    return " · ".join("every group" if part == EVERY_GROUP else part for part in crowd.title.split(" · "))


def workers_of(count: int | None) -> str:
    """A number of workers in words; None before there are datasets."""
    return "a worker per dataset" if count is None else plural(count, "worker")


def times(count: int | None, *, ring: bool = False) -> str:
    """A number of workers where there is little room; one is not said."""
    mark = f" {_AROUND}" if ring else ""
    return mark.strip() if count in (None, 1) else f"×{count:,}{mark}"


def groups_of(channel: ChannelView, letters: int = _LETTERS) -> str:
    """A channel's groups in words; by name where those are few and have at most so many letters in all."""
    many = len(channel.groups)
    if many <= 1:
        return f"group {channel.groups[0]}" if many else "one group"
    named = many <= _MOST_NAMED and sum(map(len, channel.groups)) <= letters
    return plural(many, "group") + (f": {listing(list(channel.groups))}" if named else "")


def only_default(channel: ChannelView) -> bool:
    """Whether a channel has no groups of its own."""
    return channel.groups in ((), (DEFAULT_GROUP,))


def functions_of(channel: ChannelView) -> list[str]:
    """What each role does on a channel, the upper first."""
    ends = dict.fromkeys((channel.upper, channel.lower))
    return [f"{end}: {', '.join(channel.functions[end])}" for end in ends if channel.functions.get(end)]


def said_of(channel: ChannelView) -> str:
    """A channel's groups and functions in one line."""
    return "; ".join([groups_of(channel), *functions_of(channel)])


def ring_of(channel: ChannelView) -> str:
    """What the workers of a ring do."""
    does = ", ".join(channel.functions.get(channel.upper, ()))
    return f"ring: {does}" if does else "ring"


def replicas_of(graph: Graph, role: RoleView) -> str:
    """Who leads, of a role that aggregates in several copies; a coordinator gives work to all of them."""
    does = {f for channel in graph.channels for f in channel.functions.get(role.name, ())}
    copies = [crowd.count or 0 for crowd in role.crowds]
    if role.data or min(copies) <= 1 or "aggregate" not in does or any(f.startswith(COORDINATE) for f in does):
        return ""
    more = max(copies) - 1
    return f"1 leads, {more} {'stands' if more == 1 else 'stand'} by"
