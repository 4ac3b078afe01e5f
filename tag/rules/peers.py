"""Rules of who is in a group: somebody at both ends of its channel (T028, T029), and in a ring a second (T067)."""

from collections.abc import Iterator

from tag.faults import Fault
from tag.reading.places import Where
from tag.reading.source import Document
from tag.rules.tally import Present
from tag.schema import Tag
from tag.spec import EVERY_GROUP


def foreseen(tag: Tag) -> Present:
    """Who would be where if each association of a completed TAG had its worker: each group its data."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for role in tag.roles:
        for entry in role.group_association:
            for channel, group in entry.items():
                found.setdefault((channel, role.name), {})[group] = 2
    return found


def check(tag: Tag, here: Present, document: Document) -> Iterator[Fault]:
    """Groups whose workers would wait for ever for somebody at the other end, and groups that nobody is in.

    Args:
        tag: completed.
        here: who is where: counted in a plan, or foreseen.
        document: where the TAG stands.
    """
    for i, channel in enumerate(tag.channels):
        subject = f"channel {channel.name!r}"
        ends = [here.get((channel.name, role), {}) for role in channel.pair]
        for k, group in enumerate(channel.groups):
            where: Where = ("channels", i, "groupBy", "value", k)
            inside = [bool(end.get(group)) for end in ends]
            served = [bool(end.get(group) or end.get(EVERY_GROUP)) for end in ends]
            if not any(inside):
                message = f"nobody is in group {group!r}; give it a dataset, or take it out of groupBy"
                yield document.fault(where, "T029", subject, message, "warning")
            elif not all(served):
                full, empty = channel.pair[served.index(True)], channel.pair[served.index(False)]
                message = (
                    f"group {group!r} has workers of role {full!r} but none of role {empty!r}, so they would wait for "
                    f"ever; {_remedy(tag, empty, channel.name, group)}"
                )
                yield document.fault(where, "T028", subject, message)
            elif channel.pair[0] == channel.pair[1] and ends[0].get(group) == 1:
                message = (
                    f"the ring in group {group!r} has one worker, which has nobody to pass on to; a ring has two or "
                    "more; give the group another dataset"
                )
                yield document.fault(where, "T067", subject, message)


def _remedy(tag: Tag, role: str, channel: str, group: str) -> str:
    found = tag.role(role)
    if found is not None and found.is_data_consumer:
        return "give the group a dataset, or take it out of the groupAssociation and groupBy"
    return f"add {{{channel}: {group}}} (or {channel}: {EVERY_GROUP!r} for every group) to that role's groupAssociation"
