"""What of a TAG no worker's program does yet (T044): it expands, is drawn and estimated, but can't be run."""

from collections.abc import Iterator

from tag.plan import EVERY_GROUP
from tag.rules.structure import COORDINATE
from tag.schema import Role, Tag

RUNS_TODAY = (
    "a star: one channel, a role with data at one end, one aggregator (with any number of replicas) at the other"
)


def missing(tag: Tag) -> list[str]:
    """What can't run, a sentence for each role whose program does not exist yet; empty if the TAG runs.

    Args:
        tag: with its associations and functions completed.
    """
    found = [sentence for role in tag.roles for sentence in _of_role(tag, role)]
    return found or list(_of_graph(tag))


def _of_role(tag: Tag, role: Role) -> Iterator[str]:
    subject = f"role {role.name!r}"
    does = {c.name: c.func_tags.get(role.name, ()) for c in tag.channels_of(role.name)}
    on = {function: f"on {channel!r}" for channel, functions in does.items() for function in functions}
    links = [name for name, functions in does.items() if any(f.startswith(COORDINATE) for f in functions)]
    if "ring_allreduce" in on:
        yield f"{subject} adds up in a ring {on['ring_allreduce']}"
    if links and not role.is_data_consumer and len(links) == len(does):
        yield f"{subject} coordinates others"
    elif links:
        yield f"{subject} takes part only as a coordinator says on {links[0]!r}"
    if "aggregate" in on and "upload" in on:
        yield f"{subject} aggregates {on['aggregate']} and uploads {on['upload']}"
    elif "aggregate" in on and role.is_data_consumer:
        yield f"{subject} has data and aggregates {on['aggregate']}"
    elif "aggregate" in on and len(role.group_association) > 1 and len(does) == 1:
        channel = next(iter(does))
        yield (
            f"{subject} is {len(role.group_association)} separate aggregators "
            f"(one for all groups is groupAssociation: [{{{channel}: {EVERY_GROUP!r}}}])"
        )
    elif len([f for f in does.values() if "aggregate" in f]) > 1:
        yield f"{subject} aggregates on several channels"


def _of_graph(tag: Tag) -> Iterator[str]:
    """What no role's program shows: a graph that is no star."""
    if len(tag.channels) != 1:
        yield f"it has {len(tag.channels)} channels"
        return
    channel = tag.channels[0]
    ends = [role for name in channel.pair if (role := tag.role(name)) is not None]
    leaders = [role for role in ends if not role.is_data_consumer]
    if len(leaders) != 1:
        yield f"channel {channel.name!r} joins two roles {'without' if leaders else 'with'} data"
    elif "aggregate" not in channel.func_tags.get(leaders[0].name, ()):
        yield f"role {leaders[0].name!r} does not aggregate on channel {channel.name!r}"
    elif len(leaders[0].group_association) != 1:
        yield f"role {leaders[0].name!r} has no single association"
