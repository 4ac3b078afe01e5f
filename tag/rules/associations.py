"""Rules of groupAssociation: which groups a role's workers are in (T021–T027)."""

from collections.abc import Collection, Iterator, Mapping

from tag.faults import Fault
from tag.infer import Complete, depths, lowest_channel
from tag.names import LONGEST, group_name, hint, label, listing, worker_id
from tag.reading.parse import dig
from tag.reading.places import Where
from tag.reading.source import Document
from tag.schema import PAIR, Role, Tag
from tag.spec import EVERY_GROUP, GROUP_MARK


def check(whole: Complete, document: Document) -> Iterator[Fault]:
    """The faults of a TAG's associations, written and inferred.

    Args:
        whole: the TAG, completed; its structure has no faults.
        document: where the TAG stands.
    """
    yield from check_written(whole.tag, document, whole.inferred)
    depth = depths(whole.tag)
    for i, role in enumerate(whole.tag.roles):
        if role.name in whole.unclear:
            message = whole.unclear[role.name].partition(" has no groupAssociation, and ")[2]
            yield document.fault(
                ("roles", i), "T026", f"role {role.name!r}", f"no groupAssociation is given, and {message}"
            )
        elif role.name not in whole.inferred:
            yield from _alike(whole.tag, role, depth, document, ("roles", i, "groupAssociation"))
        if not role.is_data_consumer:
            yield from _ids(whole.tag, role, depth, document, ("roles", i))
        yield from _marks(whole.tag, role, depth, document, ("roles", i))


def _marks(tag: Tag, role: Role, depth: Mapping[str, int], document: Document, at: Where) -> Iterator[Fault]:
    """A worker of every group, where something is named after its group."""
    for entry in role.group_association:
        for channel in tag.channels_of(role.name):
            if entry.get(channel.name) == EVERY_GROUP and GROUP_MARK in (channel.broker or ""):
                message = (
                    f"is in every group of channel {channel.name!r}, each of which has a broker of its own, "
                    f"{channel.broker!r}; give the channel one broker, or the role an association for each group"
                )
                yield document.fault(at, "T066", f"role {role.name!r}", message)
        lowest = lowest_channel(tag, role.name, depth).name if role.placement.region is not None else ""
        if lowest and entry.get(lowest) == EVERY_GROUP and GROUP_MARK in (role.placement.region or ""):
            message = (
                f"is in every group, and its region is that of its group, {role.placement.region!r}; name a region"
            )
            yield document.fault((*at, "placement", "region"), "T066", f"role {role.name!r}", message)


def check_written(tag: Tag, document: Document, inferred: Collection[str] = ()) -> Iterator[Fault]:
    """The faults of the associations that were written, whatever else is wrong with the TAG.

    Args:
        tag: its groups may be paths still.
        document: where the TAG stands.
        inferred: the roles whose associations were not written.
    """
    known = {channel.name for channel in tag.channels}
    roles = {role.name for role in tag.roles}
    broken = {c.name for c in tag.channels if len(c.pair) != PAIR or not roles.issuperset(c.pair)}
    for i, role in enumerate(tag.roles):
        if role.name not in inferred:
            own: dict[str, Collection[str]] = {
                c.name: dict.fromkeys(map(group_name, c.groups))
                for c in tag.channels_of(role.name)
                if c.name not in broken
            }
            for k, written in enumerate(role.group_association):
                entry = {name: group for name, group in written.items() if name not in broken}
                yield from _entry(role, entry, known, own, document=document, at=("roles", i, "groupAssociation", k))


def _entry(
    role: Role,
    entry: Mapping[str, str],
    known: Collection[str],
    own: Mapping[str, Collection[str]],
    *,
    document: Document,
    at: Where,
) -> Iterator[Fault]:
    subject = f"role {role.name!r}"
    for name, group in entry.items():
        where = (*at, name)
        if name not in known:
            message = f"groupAssociation names channel {name!r}, which the TAG lacks{hint(name, own)}; "
            yield document.fault(where, "T021", subject, f"{message}the role's channels are {listing(own)}", part="key")
        elif name not in own:
            message = f"groupAssociation names channel {name!r}, which does not join the role; "
            yield document.fault(where, "T022", subject, f"{message}the role's channels are {listing(own)}", part="key")
        elif group == EVERY_GROUP and role.is_data_consumer:
            message = f"{EVERY_GROUP!r} stands on a role with data, whose workers are each in their dataset's group; "
            yield document.fault(where, "T027", subject, message + "leave groupAssociation out, or name the groups")
        elif group != EVERY_GROUP and group_name(group) not in own[name]:
            written, groups = dig(document.data, where) or group, own[name]
            message = f"groupAssociation puts it in group {written!r} of channel {name!r}, which has no such group"
            yield document.fault(
                where, "T023", subject, f"{message}{hint(group, groups)}; the channel's groups are {listing(groups)}"
            )
    for name in sorted(own.keys() - entry.keys()):
        message = f"groupAssociation says no group for the role's channel {name!r}; add {name}: {next(iter(own[name]))}"
        yield document.fault(at, "T024", subject, message)


def _ids(tag: Tag, role: Role, depth: Mapping[str, int], document: Document, at: Where) -> Iterator[Fault]:
    """Ids of workers without data that are too long; those with data are told of their datasets."""
    if not tag.channels_of(role.name):
        return
    lowest = lowest_channel(tag, role.name, depth).name
    for entry in role.group_association:
        name = worker_id(role.name, label(entry[lowest]), role.replica - 1) if lowest in entry else ""
        if len(name) > LONGEST:
            message = f"the id has {len(name)} characters, at most {LONGEST} are allowed; shorten the role or the group"
            yield document.fault((*at, "name"), "T046", f"worker {name!r}", message)


def _alike(tag: Tag, role: Role, depth: Mapping[str, int], document: Document, at: Where) -> Iterator[Fault]:
    if not tag.channels_of(role.name):
        return
    lowest = lowest_channel(tag, role.name, depth).name
    seen: dict[str, int] = {}
    groups = [entry.get(lowest) for entry in role.group_association]
    if EVERY_GROUP in groups and len(set(groups)) > 1:
        k = next(k for k, group in enumerate(groups) if group != EVERY_GROUP)
        message = (
            f"entry {k + 1} puts a worker in group {groups[k]!r} of channel {lowest!r}, and another entry puts one in "
            f"every group ({EVERY_GROUP!r}), so the group would have two; keep one of them"
        )
        yield document.fault((*at, k), "T025", f"role {role.name!r}", message)
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
