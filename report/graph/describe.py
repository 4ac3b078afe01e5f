"""A graph in words: for those who can't see its picture, and for its title. Pure."""

from report.graph.model import ChannelView, Graph, RoleView
from report.graph.words import functions_of, workers_of
from report.text import listing, plural


def headline(graph: Graph) -> tuple[str, str]:
    """A title and what stands below it."""
    roles, channels = plural(len(graph.roles), "role"), plural(len(graph.channels), "channel")
    if not graph.federation:
        return graph.name, f"{roles} and {channels}; how many workers there are follows from the datasets."
    counts = [(role.data, role.count or 0) for role in graph.roles]
    data, other = (sum(count for own, count in counts if own is kind) for kind in (True, False))
    workers = f"{plural(data, 'worker')} with data" + (f" and {other:,} without" if other else "")
    return graph.name, f"Federation {graph.federation}: {workers}, in {roles} and {channels}."


def describe(graph: Graph) -> str:
    """The roles and channels in sentences."""
    return "; ".join([_role(role) for role in graph.roles] + [_channel(channel) for channel in graph.channels]) + "."


def _role(role: RoleView) -> str:
    return f"role {role.name}: {workers_of(role.count)}"


def _channel(channel: ChannelView) -> str:
    groups = f" in groups {listing(list(channel.groups))}" if channel.groups else ""
    ends = f"passes around {channel.upper}" if channel.ring else f"joins {channel.upper} and {channel.lower}"
    does = f" ({'; '.join(functions_of(channel))})" if functions_of(channel) else ""
    return f"channel {channel.name} {ends}{groups}{does}"
