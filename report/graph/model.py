"""What a picture of a TAG shows: roles by tier, their workers by group, and the channels between roles. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Member:
    """A worker.

    Attributes:
        label: its dataset, or its id if it has none.
        note: what is said of it at the right.
    """

    label: str
    note: str = ""


@dataclass(frozen=True)
class Crowd:
    """The workers of a role that are in the same groups.

    Attributes:
        groups: the group on each of the role's channels; `*` is every group.
        group: the one that gives it its colour.
        title: the groups that tell it from the role's other crowds.
        members: its workers by id; none where only their number is known.
        count: how many they are; None before there are datasets.
    """

    groups: Mapping[str, str]
    group: str
    title: str
    members: tuple[Member, ...]
    count: int | None


@dataclass(frozen=True)
class RoleView:
    """A role.

    Attributes:
        tier: 0 is the data; a role stands above those from which it aggregates.
        data: whether its workers train on data.
        coordinates: it only tells others whom to work with; it stands beside the tiers.
        crowds: by title.
    """

    name: str
    tier: int
    data: bool
    coordinates: bool
    crowds: tuple[Crowd, ...]

    @property
    def count(self) -> int | None:
        """How many workers there are; None before there are datasets."""
        counts = [crowd.count for crowd in self.crowds]
        return None if None in counts else sum(count for count in counts if count is not None)


@dataclass(frozen=True)
class ChannelView:
    """A channel.

    Attributes:
        upper: the role farther from the data; on a ring both roles are the same.
        lower: the other role.
        groups: by name, without `*`.
        functions: what each role does here, by role.
    """

    name: str
    upper: str
    lower: str
    groups: tuple[str, ...]
    functions: Mapping[str, tuple[str, ...]]

    @property
    def ring(self) -> bool:
        """Whether it joins a role to itself."""
        return self.upper == self.lower

    def other(self, role: str) -> str:
        """The role at the other end."""
        return self.lower if self.upper == role else self.upper


@dataclass(frozen=True)
class Graph:
    """A TAG, with its workers or before there are any.

    Attributes:
        name: of the TAG.
        federation: of the plan; empty for a TAG alone.
        roles: those farthest from the data first, then by name.
        channels: by name.
        regions: the groups of the channel on which models reach the data; they have the report's colours.
    """

    name: str
    federation: str
    roles: tuple[RoleView, ...]
    channels: tuple[ChannelView, ...]
    regions: tuple[str, ...]

    def role(self, name: str) -> RoleView:
        """The role of that name."""
        return next(role for role in self.roles if role.name == name)

    def between(self, one: str, other: str) -> tuple[ChannelView, ...]:
        """The channels that join two roles; of a role with itself, its rings."""
        return tuple(c for c in self.channels if {c.upper, c.lower} == {one, other})

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups of all channels, by name."""
        return tuple(sorted({group for channel in self.channels for group in channel.groups}))
