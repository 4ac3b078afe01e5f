"""Rules of names: what they may hold, given twice, and paths that become one name (T010, T011, T052)."""

import re
from collections.abc import Hashable, Iterable, Iterator, Sequence

from tag.faults import Fault
from tag.names import GROUP_RULE, RULE, group_name, is_group, is_name
from tag.reading.places import Where
from tag.reading.source import Document
from tag.schema import Channel, Role, Tag
from tag.spec import GROUP_MARK

LABEL_RULE = "a region has letters, digits, and inner hyphens, dots and underscores, at most 63 characters"
CLAIM_RULE = "a claim has small letters, digits, and inner hyphens and dots, at most 253 characters"

_LABEL = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_CLAIM = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")

Written = tuple[str, Document, Where]
"""A group's text and its place."""


def check(tag: Tag, document: Document) -> Iterator[Fault]:
    """The faults of a TAG's names."""
    yield from _names(tag, document)
    yield from _twice(tag, document)
    groups = ((g, document, at) for i, c in enumerate(tag.channels) for g, at in _groups(c, i))
    yield from check_paths(groups)


def check_paths(groups: Iterable[Written]) -> Iterator[Fault]:
    """Groups whose texts differ, but become the same name."""
    first: dict[str, str] = {}
    for text, document, where in groups:
        before = first.setdefault(group_name(text), text)
        if before != text:
            message = f"becomes the name {group_name(text)!r}, and so does group {before!r}; rename one of them"
            yield document.fault(where, "T052", f"group {text!r}", message)


def is_label(text: str) -> bool:
    """Whether a region can be the value of a machine's label."""
    return _LABEL.fullmatch(text) is not None


def is_claim(text: str) -> bool:
    """Whether a text can name a volume claim."""
    return _CLAIM.fullmatch(text) is not None


def _names(tag: Tag, document: Document) -> Iterator[Fault]:
    named: list[tuple[str, str, Where]] = [("role", r.name, ("roles", i, "name")) for i, r in enumerate(tag.roles)]
    named += [("channel", c.name, ("channels", i, "name")) for i, c in enumerate(tag.channels)]
    for kind, name, where in named:
        if not is_name(name):
            message = f"the name can't stand in topics and worker ids; {RULE}"
            yield document.fault(where, "T010", f"{kind} {name!r}", message)
    for i, channel in enumerate(tag.channels):
        broker = _wrong_broker(channel)
        if broker is not None:
            made = "" if broker == channel.broker else f"becomes {broker!r}, which "
            message = f"{made}can't stand in the names of objects; {RULE}; {GROUP_MARK} in it gives each group a broker"
            yield document.fault(("channels", i, "broker"), "T010", f"broker {channel.broker!r}", message)
        for group, where in _groups(channel, i):
            if not is_group(group):
                message = f"the name can't stand in topics and worker ids; {GROUP_RULE}"
                yield document.fault(where, "T010", f"group {group!r}", message)
    for i, role in enumerate(tag.roles):
        region = role.placement.region
        if region is not None and not is_label(region.replace(GROUP_MARK, "x")):
            message = f"can't be a label of machines; {LABEL_RULE}; {GROUP_MARK} in it is the worker's group"
            yield document.fault(("roles", i, "placement", "region"), "T010", f"region {region!r}", message)


def _wrong_broker(channel: Channel) -> str | None:
    """What a channel's broker is called that is no name: for the first such group where each has its own."""
    broker = channel.broker
    if broker is None or not is_name(broker.replace(GROUP_MARK, "x")):
        return broker
    made = (broker.replace(GROUP_MARK, group_name(group)) for group in channel.groups if is_group(group))
    return next((name for name in made if not is_name(name)), None)


def _groups(channel: Channel, i: int) -> Iterator[tuple[str, Where]]:
    for k, group in enumerate(channel.groups):
        yield group, ("channels", i, "groupBy", "value", k)


def _twice(tag: Tag, document: Document) -> Iterator[Fault]:
    kinds: tuple[tuple[str, str, Sequence[Role | Channel]], ...] = (
        ("role", "roles", tag.roles),
        ("channel", "channels", tag.channels),
    )
    for kind, field, items in kinds:
        for i in repeats([item.name for item in items]):
            message = f"two {field} have this name; rename one of them"
            yield document.fault((field, i, "name"), "T011", f"{kind} {items[i].name!r}", message)
    for i, channel in enumerate(tag.channels):
        for k in repeats(channel.groups):
            message = f"channel {channel.name!r} lists the group twice; name it once"
            where: Where = ("channels", i, "groupBy", "value", k)
            yield document.fault(where, "T011", f"group {channel.groups[k]!r}", message)


def repeats(items: Sequence[Hashable]) -> list[int]:
    """Where something stands that stood before."""
    seen: set[Hashable] = set()
    found = []
    for i, item in enumerate(items):
        if item in seen:
            found.append(i)
        seen.add(item)
    return found
