"""What of a TAG no worker's program does yet (T044): it expands, is drawn and estimated, but can't be run."""

from collections.abc import Iterator

from tag.schema import Role, Tag

RUNS_TODAY = "stars, trees and rings, beside or below each other, coordinated or not"


def missing(tag: Tag) -> list[str]:
    """What can't run, a sentence for each role whose program does not exist yet; empty if the TAG runs.

    Args:
        tag: with its associations and functions completed.
    """
    return [sentence for role in tag.roles for sentence in _of_role(tag, role)]


def _of_role(tag: Tag, role: Role) -> Iterator[str]:
    subject = f"role {role.name!r}"
    does = {c.name: c.func_tags.get(role.name, ()) for c in tag.channels_of(role.name)}
    on = {function: f"on {channel!r}" for channel, functions in does.items() for function in functions}
    if "ring_allreduce" in on and "upload" not in on and len(role.group_association) > 1:
        yield f"{subject} is in {len(role.group_association)} separate rings {on['ring_allreduce']}"
    aggregating = [name for name, functions in does.items() if "aggregate" in functions]
    if aggregating and role.is_data_consumer:
        yield f"{subject} has data and aggregates {on['aggregate']}"
    elif len(aggregating) > 1:
        yield f"{subject} aggregates on several channels"
