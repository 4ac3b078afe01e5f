"""Rules of the way that updates take, from the data to one root (T053–T058)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tag.faults import Fault
from tag.names import listing
from tag.reading.places import Where
from tag.reading.source import Document
from tag.schema import Channel, Role, Tag

UPLOAD, AGGREGATE, RING = "upload", "aggregate", "ring_allreduce"


@dataclass(frozen=True)
class _Step:
    """A role's way up.

    Attributes:
        channel: on which it uploads.
        to: the role at the other end, which aggregates.
    """

    channel: Channel
    to: str


def check(tag: Tag, document: Document) -> Iterator[Fault]:
    """The faults of the ways up.

    Args:
        tag: completed; its structure has no faults.
        document: where it stands.
    """
    unsaid = [(i, c) for i, c in enumerate(tag.channels) if not c.func_tags]
    for i, channel in unsaid:
        yield document.fault(("channels", i), "T056", f"channel {channel.name!r}", _unsaid(tag, channel))
    if unsaid:
        return
    ways = {role.name: _ways(tag, role) for role in tag.roles}
    cycle = _cycle(ways)
    if cycle:
        last = next(step.channel for step in ways[cycle[-1]] if step.to == cycle[0])
        message = (
            f"updates go round in a cycle, {' → '.join([*cycle, cycle[0]])}; a tree has a root, which uploads to "
            "nobody: turn one channel round"
        )
        where: Where = ("channels", tag.channels.index(last))
        yield document.fault(where, "T053", f"channel {last.name!r}", message)
        return
    forks = [(i, role) for i, role in enumerate(tag.roles) if len(ways[role.name]) > 1]
    for i, role in forks:
        channels = listing(step.channel.name for step in ways[role.name])
        message = (
            f"uploads on {len(ways[role.name])} channels, {channels}, so its updates would count more than once; "
            "leave upload to one of them"
        )
        yield document.fault(("roles", i), "T054", f"role {role.name!r}", message)
    if not forks:
        yield from _roots(tag, {name: steps[0] for name, steps in ways.items() if steps}, document)


def _unsaid(tag: Tag, channel: Channel) -> str:
    here, there = channel.pair
    example = f"{here}: [fetch, upload], {there}: [distribute, aggregate]"
    if here == there:
        why, example = f"role {here!r} of the ring has no data", f"{here}: [{RING}]"
    elif {here, there} <= {role.name for role in tag.data_roles}:
        why = f"roles {here!r} and {there!r} both have data"
    else:
        why = f"roles {here!r} and {there!r} are equally far from the data"
    return f"funcTags is left out, and can't be inferred, as {why}; write it, as in funcTags: {{{example}}}"


def _ways(tag: Tag, role: Role) -> list[_Step]:
    return [
        _Step(channel, channel.peer(role.name))
        for channel in tag.channels_of(role.name)
        if UPLOAD in channel.func_tags.get(role.name, ())
    ]


def _cycle(ways: Mapping[str, Sequence[_Step]]) -> list[str]:
    """The roles of a cycle in the order of their updates; empty if there is none."""
    left = dict(ways)
    while tops := [role for role, steps in left.items() if not any(step.to in left for step in steps)]:
        for role in tops:
            del left[role]
    if not left:
        return []
    path: dict[str, int] = {}
    role = min(left)
    while role not in path:
        path[role] = len(path)
        role = next(step.to for step in left[role] if step.to in left)
    return list(path)[path[role] :]


def _roots(tag: Tag, up: Mapping[str, _Step], document: Document) -> Iterator[Fault]:
    tops: dict[str, int] = {}
    lost = False
    for i, role in enumerate(tag.roles):
        functions = {f for c in tag.channels_of(role.name) for f in c.func_tags.get(role.name, ())}
        if role.is_data_consumer and not functions & {UPLOAD, AGGREGATE, RING}:
            message = "has data, but neither uploads nor goes round a ring, so nobody would get what it learns"
            remedy = f"give it {UPLOAD!r} on a channel whose other end has {AGGREGATE!r}, or {RING!r}"
            yield document.fault(("roles", i), "T057", f"role {role.name!r}", f"{message}; {remedy}")
            lost = True
        elif role.name not in up and functions & {AGGREGATE, RING}:
            tops[role.name] = i
    if not tops:
        message = f"no role aggregates, so nobody would hold the model; give one {AGGREGATE!r}, or {RING!r}"
        yield document.fault(("channels",), "T055", "TAG", message)
    elif len(tops) > 1:
        for i in list(tops.values())[1:]:
            message = f"the roles {listing(tops)} are all at the top, and a model has one root; let the others upload"
            yield document.fault(("roles", i), "T055", f"role {tag.roles[i].name!r}", message)
    elif not lost:
        yield from _depths(tag, up, document)


def _depths(tag: Tag, up: Mapping[str, _Step], document: Document) -> Iterator[Fault]:
    """Roles with data at different heights of the tree: their rounds take different ways, which is odd but works."""
    passed = {step.to for step in up.values()}
    height = {role.name: _height(role.name, up) for role in tag.data_roles if role.name not in passed}
    ordered = sorted(height, key=lambda name: (height[name], name))
    for low, high in pairwise(ordered):
        if height[low] != height[high]:
            message = (
                f"uploads over {height[high]} channels to the root, and role {low!r} over {height[low]}; branches of "
                "one depth keep rounds even: put an aggregator between, or let both upload to the same role"
            )
            where: Where = ("roles", next(i for i, role in enumerate(tag.roles) if role.name == high))
            yield document.fault(where, "T058", f"role {high!r}", message, "warning")


def _height(role: str, up: Mapping[str, _Step]) -> int:
    steps = 0
    while role in up:
        role, steps = up[role].to, steps + 1
    return steps
