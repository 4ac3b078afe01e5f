"""Which card each crowd of a block gets, by how many there are and how large they are. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from report.graph.cards import GAP, MOST_LISTED, Card, Chip, Column, Field, Listed, dot_unit
from report.graph.model import ChannelView, Crowd, Graph, RoleView
from report.graph.ring import Ring
from report.graph.words import times

LEAST_CARD, LEAST_RING, LEAST_LISTED = 1.08, 2.1, 1.25
"""Inches."""
_MOST_COLUMNS, _MOST_CHIPS, _MOST_NAMES, _MOST_RINGS = 36, 120, 60, 12
_FEW = 3
_DOTS_IN_CHIP, _DOTS_IN_FIELD = 10, 400


@dataclass(frozen=True)
class Block:
    """What stands in one frame.

    Attributes:
        roles: the upper first; several where each group has one crowd of each.
        graph: that they are of.
        parent: the channel that joins the first to the tier above; empty if there is none.
    """

    roles: tuple[RoleView, ...]
    graph: Graph
    parent: str = ""

    @property
    def rings(self) -> list[ChannelView]:
        """The channels that join a role to itself."""
        return [c for role in self.roles for c in self.graph.between(role.name, role.name)]

    @property
    def inner(self) -> list[ChannelView]:
        """The channels between its roles."""
        pairs = zip(self.roles, self.roles[1:], strict=False)
        return [c for upper, lower in pairs for c in self.graph.between(upper.name, lower.name)]


@dataclass(frozen=True)
class Entry:
    """A card in the grid.

    Attributes:
        card: how the crowd is shown.
        crowd: of the block's first role; None is what was left out.
    """

    card: Card
    crowd: Crowd | None


@dataclass(frozen=True)
class Choice:
    """The cards of a block.

    Attributes:
        entries: in order.
        unit: workers of a dot; 0 is no dots.
        equal: workers in each group, where all have the same number and the cards don't say it.
    """

    entries: tuple[Entry, ...]
    unit: int = 0
    equal: int = 0


def fits_in_a_row(crowds: int, wide: float, *, rings: bool = False) -> bool:
    """Whether so many crowds have room beside each other."""
    return crowds * ((LEAST_RING if rings else LEAST_CARD) + GAP) <= wide + GAP


def choose(block: Block, wide: float) -> Choice:
    """The cards of a block.

    Args:
        block: its roles have crowds.
        wide: inches that a row may take.
    """
    rings = frozenset(channel.upper for channel in block.rings)
    role, *others = block.roles
    if others:
        return _several_roles(block, rings)
    crowds = role.crowds
    sizes = [len(crowd.members) for crowd in crowds]
    row = fits_in_a_row(len(crowds), wide, rings=bool(rings))
    if rings and (row or len(crowds) <= _MOST_RINGS):
        return Choice(tuple(Entry(Ring(crowd, role.name), crowd) for crowd in crowds))
    if row:
        large = [size for size in sizes if size > MOST_LISTED]
        unit = dot_unit(max(large), _DOTS_IN_FIELD) if large else 0
        cards = [Field(c, unit) if size > MOST_LISTED else Listed(c) for c, size in zip(crowds, sizes, strict=True)]
        return Choice(tuple(Entry(card, crowd) for card, crowd in zip(cards, crowds, strict=True)), unit)
    if not rings and 0 < max(sizes) <= _FEW and sum(sizes) <= _MOST_NAMES:
        return Choice(tuple(Entry(Listed(crowd), crowd) for crowd in crowds))
    return _chips(crowds, sizes, ring=bool(rings))


def _chips(crowds: Sequence[Crowd], sizes: Sequence[int], *, ring: bool) -> Choice:
    equal = sizes[0] if len(set(sizes)) == 1 else 0
    unit = dot_unit(max(sizes), _DOTS_IN_CHIP) if max(sizes) > _FEW and not ring else 0
    entries = [Entry(Chip(crowd, times(None if equal else crowd.count, ring=ring), unit), crowd) for crowd in crowds]
    return Choice(_cut(entries), unit, equal)


def _several_roles(block: Block, rings: frozenset[str]) -> Choice:
    """A column for each group; many groups are chips that say how many workers each role has there."""
    below = [{crowd.title: crowd for crowd in role.crowds} for role in block.roles]
    entries = []
    for crowd in block.roles[0].crowds:
        own = [(role.name, crowds[crowd.title]) for role, crowds in zip(block.roles, below, strict=True)]
        if len(block.roles[0].crowds) <= _MOST_COLUMNS:
            card: Card = Column(tuple(own), rings)
        else:
            card = Chip(own[-1][1], " ↕ ".join("?" if c.count is None else f"{c.count:,}" for _, c in own))
        entries.append(Entry(card, crowd))
    return Choice(_cut(entries))


def _cut(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """At most so many chips; the last then says how many groups it stands for."""
    if len(entries) <= _MOST_CHIPS:
        return tuple(entries)
    rest = Crowd({}, "", f"and {len(entries) - _MOST_CHIPS + 1:,} more", (), None)
    return (*entries[: _MOST_CHIPS - 1], Entry(Chip(rest, ""), None))
