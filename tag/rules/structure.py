"""Rules of the graph itself: pairs, functions, replicas, connections, empty lists (T012–T020, T059)."""

from collections.abc import Iterator, Sequence

from tag.faults import Fault
from tag.infer import depths
from tag.names import hint, listing
from tag.reading.parse import dig
from tag.reading.places import Where
from tag.reading.source import Document
from tag.rules import naming
from tag.schema import PAIR, Channel, Role, Tag

ANSWERS = (
    ("fetch", "distribute"),
    ("upload", "aggregate"),
    ("ring_allreduce", "ring_allreduce"),
    ("fetchBias", "distributeBias"),
    ("uploadBias", "aggregateBias"),
    ("uploadDatasetSize", "getDatasetSize"),
)
OPPOSITE = {**dict(ANSWERS), **{there: here for here, there in ANSWERS}}
"""The function that a channel's other end must have."""

COORDINATE = "coordinate"
"""Flame's coordination: `coordinate` at one end, `coordinateWith…` at the other."""

MOST_REPLICAS = 1000
"""More copies than anybody means; a number of another size is a slip, and would fill the memory."""


def check(tag: Tag, document: Document) -> Iterator[Fault]:
    """The faults of a TAG's structure."""
    yield from naming.check(tag, document)
    own = frozenset(r.name for r in tag.roles if r.program is not None and not r.is_data_consumer)
    for i, channel in enumerate(tag.channels):
        yield from _pair(tag, channel, document, ("channels", i))
        yield from _functions(channel, own, document, ("channels", i))
        yield from _dead(channel, document, ("channels", i))
    for i, role in enumerate(tag.roles):
        yield from _replica(role, document, ("roles", i))
    yield from _graph(tag, document)
    yield from _empty(document)
    if tag.connectors:
        message = "connectors mean nothing, in Flame as here; leave them out"
        yield document.fault(("connectors",), "T019", "TAG", message, "warning")
    if tag.revision is not None:
        message = "revision means nothing: Flame's server counts by it, and the TAG is a file here; leave it out"
        yield document.fault(("revision",), "T019", "TAG", message, "warning")


def _pair(tag: Tag, channel: Channel, document: Document, at: Where) -> Iterator[Fault]:
    subject = f"channel {channel.name!r}"
    if len(channel.pair) != PAIR:
        message = f"pair has {len(channel.pair)} roles; a channel joins two (the same twice is a ring)"
        yield document.fault((*at, "pair"), "T012", subject, message)
    known = [role.name for role in tag.roles]
    for k, name in enumerate(channel.pair):
        if name not in known:
            message = (
                f"pair names role {name!r}, which the TAG lacks{hint(name, known)}; its roles are {listing(known)}"
            )
            yield document.fault((*at, "pair", k), "T013", subject, message)


def _functions(channel: Channel, own: frozenset[str], document: Document, at: Where) -> Iterator[Fault]:
    if not channel.func_tags or len(channel.pair) != PAIR:
        return
    subject, tags = f"channel {channel.name!r}", channel.func_tags
    for role in sorted(tags.keys() - set(channel.pair)):
        message = f"funcTags has role {role!r}, which is not in the pair{hint(role, channel.pair)}; take it out"
        yield document.fault((*at, "funcTags", role), "T016", subject, message, part="key")
    for role in dict.fromkeys(channel.pair):
        if role not in tags:
            message = f"funcTags lacks role {role!r} of the pair; say what it does here, or leave funcTags out"
            yield document.fault((*at, "funcTags"), "T016", subject, message)
            continue
        if not tags[role]:
            message = f"funcTags says that role {role!r} does nothing; name its functions, or leave funcTags out"
            yield document.fault((*at, "funcTags", role), "T016", subject, message)
        there = tags.get(channel.peer(role), ())
        if role in own and tags[role] and not any(map(_is_known, tags[role])):
            if len(tags[role]) > 1:
                message = (
                    f"role {role!r} has {len(tags[role])} functions of its program here; one does all on a channel"
                )
                yield document.fault((*at, "funcTags", role), "T016", subject, message)
            continue
        for k, function in enumerate(tags[role]):
            where = (*at, "funcTags", role, k)
            if not _is_known(function):
                message = (
                    f"role {role!r} has the unknown function {function!r}{hint(function, OPPOSITE)}; "
                    f"functions are {listing([*OPPOSITE, COORDINATE])} and 'coordinateWith…', or, for a role without "
                    "data that has a program, one of that program's PARTS alone"
                )
                yield document.fault(where, "T016", subject, message)
            elif not _answered(function, there) and channel.peer(role) in tags:
                message = (
                    f"role {role!r} does {function!r}, and nothing at the other end, {channel.peer(role)!r}, answers "
                    f"it; give that role {OPPOSITE.get(function, 'the other coordinate function')!r}"
                )
                yield document.fault(where, "T017", subject, message)


def _is_known(function: str) -> bool:
    return function in OPPOSITE or function.startswith(COORDINATE)


def _answered(function: str, there: Sequence[str]) -> bool:
    if function == COORDINATE:
        return any(f.startswith(COORDINATE) and f != COORDINATE for f in there)
    if function.startswith(COORDINATE):
        return COORDINATE in there
    return OPPOSITE[function] in there


def _replica(role: Role, document: Document, at: Where) -> Iterator[Fault]:
    subject, where = f"role {role.name!r}", (*at, "replica")
    if role.replica < 1:
        yield document.fault(where, "T018", subject, f"replica {role.replica} is below 1; write 1, or leave it out")
    if role.replica > MOST_REPLICAS:
        message = f"replica {role.replica} is above {MOST_REPLICAS}; write fewer copies: they only stand by"
        yield document.fault(where, "T018", subject, message)
    elif role.is_data_consumer and role.replica > 1:
        message = (
            f"replica {role.replica} stands on a role with data, which has one worker per dataset; leave it out, "
            "and give the job more datasets for more workers"
        )
        yield document.fault(where, "T018", subject, message)
    if role.is_data_consumer and role.placement.region is not None:
        message = "placement stands on a role with data, whose workers run in their data's region; leave it out"
        yield document.fault((*at, "placement"), "T018", subject, message)


def _dead(channel: Channel, document: Document, at: Where) -> Iterator[Fault]:
    subject = f"channel {channel.name!r}"
    if channel.is_unidirectional is not None:
        message = "isUnidirectional means nothing, in Flame as here; leave it out"
        yield document.fault((*at, "isUnidirectional"), "T019", subject, message, "warning")
    if channel.backend not in (None, "mqtt"):
        message = f"backend {channel.backend!r} is not available: the channel runs over mqtt, as all do; leave it out"
        yield document.fault((*at, "backend"), "T019", subject, message, "warning")
    if channel.broker_host is not None:
        message = (
            f"brokerHost {channel.broker_host!r} means nothing here, as fedtag starts brokers; leave it out, or name a "
            "broker of the channel's own, as in broker: regional"
        )
        yield document.fault((*at, "brokerHost"), "T019", subject, message, "warning")


def _empty(document: Document) -> Iterator[Fault]:
    """Lists that Flame takes for something: an empty groupBy for `default`, an empty groupAssociation for no worker."""
    for field, inner, meaning in (
        ("channels", ("groupBy", "value"), "is taken as [default]"),
        ("roles", ("groupAssociation",), "is taken as left out, and inferred"),
    ):
        for i, item in enumerate(dig(document.data, (field,)) or ()):
            if dig(item, inner) == []:
                message = f"{inner[-1]} is an empty list, which {meaning}; leave it out, or write what you mean"
                subject = f"{field.removesuffix('s')} {item.get('name')!r}"
                yield document.fault((field, i, *inner), "T059", subject, message, "warning")


def _graph(tag: Tag, document: Document) -> Iterator[Fault]:
    if not tag.data_roles:
        message = "no role has isDataConsumer: true, so nobody would train; set it on the role that has data"
        yield document.fault(("roles",), "T014", "TAG", message)
        return
    if any(len(channel.pair) != PAIR for channel in tag.channels):
        return
    first = next(role.name for role in tag.roles if role.is_data_consumer)
    together, reached = _reached(tag, first), depths(tag)
    for i, role in enumerate(tag.roles):
        subject = f"role {role.name!r}"
        if not tag.channels_of(role.name):
            message = "no channel names the role, so it could talk to nobody; add it to a pair, or remove it"
            yield document.fault(("roles", i), "T015", subject, message)
        elif role.name not in reached:
            message = "no path of channels leads from the role to one with data; join them by a channel"
            yield document.fault(("roles", i), "T020", subject, message)
        elif role.name not in together:
            message = f"no path of channels leads from the role to role {first!r}; join the parts, or write two TAGs"
            yield document.fault(("roles", i), "T020", subject, message)


def _reached(tag: Tag, role: str) -> set[str]:
    """The roles that a path of channels joins to one."""
    reached, front = {role}, [role]
    while front:
        here = front.pop()
        found = {channel.peer(here) for channel in tag.channels_of(here)} - reached
        reached |= found
        front += found
    return reached
