"""The TAG as users write it: Flame's schema.json unchanged, YAML of the same shape, and fedtag's extensions."""

from typing import Any, Literal

from pydantic import Field, field_validator

from tag.model import Model
from tag.plan import Limits
from tag.values import Truth, Whole

DEFAULT_GROUP = "default"
"""The only group of a channel whose groupBy says nothing."""


class GroupBy(Model):
    """How a channel falls into groups.

    Attributes:
        type: `tag`, the only one that Flame gives a meaning.
        value: the groups, names or paths of names (`default/us`); empty is `default` alone.
    """

    type: Literal["tag"] = "tag"
    value: tuple[str, ...] = (DEFAULT_GROUP,)

    @field_validator("value")
    @classmethod
    def _never_empty(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return value or (DEFAULT_GROUP,)


PAIR = 2
"""Roles that a channel joins; a ring joins one with itself."""


class Channel(Model):
    """A link between two roles, in groups that do not hear each other.

    Attributes:
        name: unique in the TAG.
        description: free text.
        pair: the two roles; the same twice is a ring.
        group_by: its groups.
        func_tags: what each role does here, by role; left out, it follows from who has data.
        backend: `mqtt`, the only one that runs here, or another of Flame's.
        broker: name of a broker of its own; `{group}` in it gives each group one. Left out, it is the federation's.
        broker_host: Flame's address of one, which means nothing here.
        is_unidirectional: has no meaning in Flame either.
    """

    name: str
    description: str = ""
    pair: tuple[str, ...]
    group_by: GroupBy = GroupBy()
    func_tags: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    backend: Literal["mqtt", "p2p", "shm", "local"] | None = None
    broker: str | None = None
    broker_host: str | None = None
    is_unidirectional: Truth | None = None

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups' names, as written."""
        return self.group_by.value

    def peer(self, role: str) -> str:
        """The role at the other end; the role itself on a ring."""
        return self.pair[1] if self.pair[0] == role else self.pair[0]


class Placement(Model):
    """Where the workers of a role run; workers with data run in their data's region.

    Attributes:
        region: as in the stack's datasets, `{group}` for that named like the worker's group; None is anywhere.
    """

    region: str | None = None


class Role(Model):
    """What some workers do.

    Attributes:
        name: unique in the TAG.
        description: free text.
        is_data_consumer: it has one worker per dataset; otherwise one per association, times `replica`.
        replica: copies of each worker without data, for high availability.
        group_association: channel → group, an entry per worker without data, a look-up table for data; `*` is every
            group of the channel, also those added later. Left out, it is inferred.
        program: the role's own program, relative to the TAG's file.
        resources: of one worker.
        placement: of workers without data.
    """

    name: str
    description: str = ""
    is_data_consumer: Truth = False
    replica: Whole = 1
    group_association: tuple[dict[str, str], ...] = ()
    program: str | None = None
    resources: Limits = Limits()
    placement: Placement = Placement()


class Tag(Model):
    """A Topology Abstraction Graph: roles, and the channels between them.

    Attributes:
        name: free text.
        roles: the graph's vertices.
        channels: its edges.
        description: free text.
        revision: Flame's counter; has no meaning here.
        connectors: has no meaning in Flame either.
    """

    name: str
    roles: tuple[Role, ...]
    channels: tuple[Channel, ...]
    description: str = ""
    revision: Whole | None = None
    connectors: tuple[Any, ...] = ()

    def role(self, name: str) -> Role | None:
        """The role of that name."""
        return next((r for r in self.roles if r.name == name), None)

    def channels_of(self, role: str) -> tuple[Channel, ...]:
        """The role's channels, by name."""
        cached: tuple[object, dict[str, tuple[Channel, ...]]] | None = vars(self).get("_by_role")
        if cached is None or cached[0] is not self.channels:  # a copy with other channels has the cache of its original
            found: dict[str, list[Channel]] = {}
            for channel in sorted(self.channels, key=lambda c: c.name):
                for end in dict.fromkeys(channel.pair):
                    found.setdefault(end, []).append(channel)
            cached = (self.channels, {end: tuple(channels) for end, channels in found.items()})
            vars(self)["_by_role"] = cached
        return cached[1].get(role, ())

    @property
    def data_roles(self) -> tuple[Role, ...]:
        """The roles with data, by name."""
        return tuple(sorted((r for r in self.roles if r.is_data_consumer), key=lambda r: r.name))
