"""Rules of coordinators: whom they pair with whom (T069), and that they have no replicas (T018)."""

from collections.abc import Iterator

from tag.faults import Fault
from tag.names import listing
from tag.reading.places import Where
from tag.reading.source import Document
from tag.rules.structure import COORDINATE
from tag.rules.tally import Present
from tag.schema import Channel, Role, Tag
from tag.spec import EVERY_GROUP

UPLOAD, AGGREGATE = "upload", "aggregate"


def check(tag: Tag, document: Document) -> Iterator[Fault]:
    """Coordinators without anyone to pair, and roles that wait for pairs which nobody makes.

    Args:
        tag: completed; its structure and its ways up have no faults.
        document: where it stands.
    """
    for i, role in enumerate(tag.roles):
        where: Where = ("roles", i)
        if any(_leads(c, role) for c in tag.channels_of(role.name)):
            why = list(_coordinator(tag, role))
            if role.replica > 1:
                message = (
                    f"replica {role.replica} stands on a coordinator, which has no standby: it comes back by itself, "
                    "and gives the same pairs again; write 1, or leave it out"
                )
                yield document.fault((*where, "replica"), "T018", f"role {role.name!r}", message)
        elif links := [c for c in tag.channels_of(role.name) if COORDINATE in _does(c, role)]:
            why = list(_coordinated(tag, role, links))
        else:
            continue
        for message in why:
            yield document.fault(where, "T069", f"role {role.name!r}", message)


def check_counts(tag: Tag, here: Present, document: Document) -> Iterator[Fault]:
    """Groups with fewer trainers than aggregators to pair them with.

    Args:
        tag: completed, without faults of `check`.
        here: who is where.
        document: where the TAG stands.
    """
    for i, channel in enumerate(tag.channels):
        lower, upper = _ends(tag, channel)
        if lower is None or upper is None or not (_is_coordinated(tag, lower) and _is_coordinated(tag, upper)):
            continue
        trainers, middles = (here.get((channel.name, role.name), {}) for role in (lower, upper))
        for k, group in enumerate(channel.groups):
            few, many = trainers.get(group, 0), middles.get(group, 0)
            if 0 < few < many:
                message = (
                    f"group {group!r} has {few} of role {lower.name!r} for {many} of role {upper.name!r}, and each "
                    f"needs one in each round; give the group more datasets, or that role a replica of {few}"
                )
                where: Where = ("channels", i, "groupBy", "value", k)
                yield document.fault(where, "T069", f"channel {channel.name!r}", message)


def _does(channel: Channel, role: Role) -> tuple[str, ...]:
    return channel.func_tags.get(role.name, ())


def _leads(channel: Channel, role: Role) -> bool:
    """Whether the role is the coordinator of a channel."""
    return any(f.startswith(COORDINATE) and f != COORDINATE for f in _does(channel, role))


def _is_coordinated(tag: Tag, role: Role) -> bool:
    return any(COORDINATE in _does(c, role) for c in tag.channels_of(role.name))


def _functions(tag: Tag, role: Role) -> set[str]:
    return {f for c in tag.channels_of(role.name) for f in _does(c, role)}


def _ends(tag: Tag, channel: Channel) -> tuple[Role | None, Role | None]:
    """Who uploads on a channel, and who aggregates there."""
    roles = [role for name in channel.pair if (role := tag.role(name)) is not None]
    lower = next((role for role in roles if UPLOAD in _does(channel, role)), None)
    return lower, next((role for role in roles if AGGREGATE in _does(channel, role)), None)


def _coordinator(tag: Tag, role: Role) -> Iterator[str]:
    """What a coordinator lacks, a sentence each."""
    others = [c.name for c in tag.channels_of(role.name) if not _leads(c, role)]
    if others:
        yield f"coordinates others, and does something else on {listing(others)}; give that to a role of its own"
    peers = [
        p for c in tag.channels_of(role.name) if (p := tag.role(c.peer(role.name))) is not None and _leads(c, role)
    ]
    kinds = [(p.is_data_consumer, _functions(tag, p)) for p in peers]
    if not any(data for data, _ in kinds):
        yield (
            "coordinates no role with data, so it has nobody to pair; join it to the trainers by a channel whose "
            "funcTags are coordinate there and coordinateWithTrainer here"
        )
    if not any(not data and {UPLOAD, AGGREGATE} <= does for data, does in kinds):
        yield (
            "coordinates no role that aggregates and uploads, so it has nobody to pair trainers with; join it to the "
            "middle aggregators by a channel whose funcTags are coordinate there and coordinateWithMidAgg here"
        )
    if not any(AGGREGATE in does and UPLOAD not in does for _, does in kinds):
        yield (
            "does not hear of rounds; join it to the root by a channel whose funcTags are coordinate there and "
            "coordinateWithTopAgg here"
        )


def _coordinated(tag: Tag, role: Role, links: list[Channel]) -> Iterator[str]:
    """Why who waits for pairs gets none, a sentence each."""
    does = _functions(tag, role)
    if len(links) > 1:
        yield f"is coordinated on {listing(c.name for c in links)}; leave coordinate to one of them"
    for channel in tag.channels_of(role.name):
        lower, upper = _ends(tag, channel)
        if lower is role and role.is_data_consumer and upper is not None and not _is_coordinated(tag, upper):
            yield (
                f"is coordinated, and role {upper.name!r}, to which it uploads, is not; give that coordinate on a "
                "channel to the coordinator, or take this role's away"
            )
        if upper is not role or UPLOAD not in does or lower is None:
            continue
        if not lower.is_data_consumer or not _is_coordinated(tag, lower):
            why = "has no data" if not lower.is_data_consumer else "is not coordinated"
            yield (
                f"is coordinated, and role {lower.name!r}, which uploads to it, {why}; a coordinator pairs trainers "
                "with the aggregators right above them"
            )
        if any(entry.get(channel.name) == EVERY_GROUP for entry in role.group_association):
            yield f"is in every group of {channel.name!r}, and pairs are made within a group; name its groups"
    if role.is_data_consumer and UPLOAD not in does:
        yield "is coordinated, but does not upload; a coordinator pairs who uploads with who aggregates"
