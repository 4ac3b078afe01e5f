"""Rules of groupAssociation: which groups a role's workers are in (T021–T029)."""

from collections.abc import Iterator

from tag.faults import Fault
from tag.infer import Complete, depths, lowest_channel
from tag.names import hint, listing
from tag.plan import EVERY_GROUP, Plan
from tag.schema import Role, Tag
from tag.source import Document, Where


def check(whole: Complete, document: Document) -> Iterator[Fault]:
    """The faults of a TAG's associations, written and inferred.

    Args:
        whole: the TAG, completed; its structure has no faults.
        document: where the TAG stands.
    """
    for i, role in enumerate(whole.tag.roles):
        if role.name in whole.unclear:
            message = whole.unclear[role.name].partition(" has no groupAssociation, and ")[2]
            yield document.fault(
                ("roles", i), "T026", f"role {role.name!r}", f"no groupAssociation is given, and {message}"
            )
        if role.name not in whole.inferred:
            for k, entry in enumerate(role.group_association):
                yield from _entry(whole.tag, role, entry, document, ("roles", i, "groupAssociation", k))
            yield from _alike(whole.tag, role, document, ("roles", i, "groupAssociation"))


def _entry(tag: Tag, role: Role, entry: dict[str, str], document: Document, at: Where) -> Iterator[Fault]:
    subject = f"role {role.name!r}"
    channels = {channel.name: channel for channel in tag.channels}
    own = {channel.name: channel for channel in tag.channels_of(role.name)}
    for name, group in entry.items():
        where = (*at, name)
        if name not in channels:
            message = f"groupAssociation names channel {name!r}, which the TAG lacks{hint(name, own)}; "
            yield document.fault(where, "T021", subject, message + f"the role's channels are {listing(own)}")
        elif name not in own:
            message = f"groupAssociation names channel {name!r}, which does not join the role; "
            yield document.fault(where, "T022", subject, message + f"the role's channels are {listing(own)}")
        elif group == EVERY_GROUP and role.is_data_consumer:
            message = f"{EVERY_GROUP!r} stands on a role with data, whose workers are each in their dataset's group; "
            yield document.fault(where, "T027", subject, message + "leave groupAssociation out, or name the groups")
        elif group != EVERY_GROUP and group not in own[name].groups:
            message = f"groupAssociation puts it in group {group!r} of channel {name!r}, which has no such group"
            known = own[name].groups
            yield document.fault(
                where, "T023", subject, f"{message}{hint(group, known)}; the channel's groups are {listing(known)}"
            )
    for name in sorted(own.keys() - entry.keys()):
        message = f"groupAssociation says no group for the role's channel {name!r}; add {name}: {own[name].groups[0]}"
        yield document.fault(at, "T024", subject, message)


def _alike(tag: Tag, role: Role, document: Document, at: Where) -> Iterator[Fault]:
    if not tag.channels_of(role.name):
        return
    lowest = lowest_channel(tag, role.name, depths(tag)).name
    seen: dict[str, int] = {}
    for k, entry in enumerate(role.group_association):
        key = str(sorted(entry.items())) if role.is_data_consumer else entry.get(lowest, f"#{k}")
        first = seen.setdefault(key, k)
        if first == k:
            continue
        if role.is_data_consumer:
            message = f"entry {k + 1} repeats entry {first + 1}; keep one of them"
        else:
            message = (
                f"entries {first + 1} and {k + 1} both put a worker in group {entry[lowest]!r} of channel {lowest!r}, "
                "so their ids would be the same; keep one, and write replica: 2 for two workers"
            )
        yield document.fault((*at, k), "T025", f"role {role.name!r}", message)


def check_peers(tag: Tag, plan: Plan, document: Document) -> Iterator[Fault]:
    """Groups whose workers would wait for ever for somebody at the other end, and groups that nobody is in."""
    present: dict[tuple[str, str], dict[str, int]] = {}
    for worker in plan.workers:
        for place in worker.spec.memberships:
            groups = present.setdefault((place.channel, worker.spec.role), {})
            groups[place.group] = groups.get(place.group, 0) + 1
    for i, channel in enumerate(tag.channels):
        subject = f"channel {channel.name!r}"
        ends = [present.get((channel.name, role), {}) for role in channel.pair]
        for k, group in enumerate(channel.groups):
            where: Where = ("channels", i, "groupBy", "value", k)
            here = [bool(end.get(group)) for end in ends]
            there = [bool(end.get(group) or end.get(EVERY_GROUP)) for end in ends]
            if not any(here):
                message = f"nobody is in group {group!r}; give it a dataset, or take it out of groupBy"
                yield document.fault(where, "T029", subject, message, "warning")
            elif not all(there):
                full, empty = channel.pair[there.index(True)], channel.pair[there.index(False)]
                message = (
                    f"group {group!r} has workers of role {full!r} but none of role {empty!r}, so they would wait for "
                    f"ever; {_remedy(tag, empty, channel.name, group)}"
                )
                yield document.fault(where, "T028", subject, message)
            elif channel.pair[0] == channel.pair[1] and ends[0].get(group) == 1:
                message = f"the ring in group {group!r} has one worker, which has nobody to pass on to; add a dataset"
                yield document.fault(where, "T029", subject, message, "warning")


def _remedy(tag: Tag, role: str, channel: str, group: str) -> str:
    found = tag.role(role)
    if found is not None and found.is_data_consumer:
        return "give the group a dataset, or take it out of the groupAssociation and groupBy"
    return f"add {{{channel}: {group}}} (or {channel}: {EVERY_GROUP!r} for every group) to that role's groupAssociation"
