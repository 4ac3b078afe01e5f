"""Where everything stands: tiers below each other, channels between them, coordinators at the side. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from report.graph.blocks import Placed, Plot
from report.graph.channels import Duct, connect, place_ducts
from report.graph.choice import Block, fits_in_a_row
from report.graph.model import ChannelView, Graph, RoleView
from report.graph.panels import Panel, needed, place_panel
from report.graph.shapes import Frame, Ruler, Sheet
from tag.spec import EVERY_GROUP

_PANEL, _TO_PANEL = 2.85, 0.45
_BESIDE = 0.2
_LEAST = 1.9
"""Inches of a role or a channel beside others."""
_BETWEEN = 0.4
"""Inches between tiers and the channels that join them."""

_ABREAST = 3
"""Ducts that have room beside each other."""


@dataclass(frozen=True)
class _Plan:
    """Who stands where, before there are places.

    Attributes:
        bands: blocks beside each other, from the top.
        ducts: by the band below which they stand.
        right: what stands at the right of the bands, if anything.
        left: likewise.
    """

    bands: list[list[Block]]
    ducts: list[list[Duct]]
    right: Panel | None
    left: Panel | None


def arrange(graph: Graph, ruler: Ruler, wide: float) -> Sheet:
    """The picture of a graph.

    Args:
        graph: what it shows.
        ruler: measures texts.
        wide: inches that it should take; it takes more where many roles or channels stand beside each other.
    """
    found = _plan(graph, wide)
    left = _PANEL + _TO_PANEL if found.left else 0.0
    right = _PANEL + _TO_PANEL if found.right else 0.0
    most = max([len(blocks) for blocks in found.bands] + [len(ducts) for ducts in found.ducts])
    main = max(wide - left - right, most * (_LEAST + _BESIDE) - _BESIDE)
    sheet = Sheet(ruler, left + main + right)
    placed: dict[str, Placed] = {}
    frames: list[Frame] = []
    waiting: list[tuple[Duct, int, bool]] = []
    y = 0.0
    for number, blocks in enumerate(found.bands):
        band = Frame(left, y, main, 0)
        high = _band(sheet, blocks, band, [needed(p, number) for p in (found.right, found.left) if p], placed)
        frames.append(Frame(left, y, main, high))
        y += high
        ducts = found.ducts[number]
        if ducts:
            boxes, high = place_ducts(sheet, ducts, Frame(left, y + _BETWEEN, main, 0))
            waiting += [(duct, box, len(ducts) == 1) for duct, box in zip(ducts, boxes, strict=True)]
            y += _BETWEEN + high
        if number < len(found.bands) - 1:
            y += _BETWEEN
    for duct, box, alone in waiting:
        connect(sheet, duct, box, placed, alone=alone)
    low = y
    for panel, x in ((found.right, left + main + _TO_PANEL), (found.left, 0.0)):
        if panel is not None:
            low = max(low, place_panel(sheet, panel, Frame(x, 0, _PANEL, 0), frames, placed))
    sheet.high = low
    return sheet


def _band(sheet: Sheet, blocks: Sequence[Block], at: Frame, needs: Sequence[float], placed: dict[str, Placed]) -> float:
    """Places blocks beside each other; gives their height."""
    each = (at.wide - _BESIDE * (len(blocks) - 1)) / len(blocks)
    plots = [Plot(block, each, sheet) for block in blocks]
    high = max([plot.height for plot in plots] + list(needs))
    for number, plot in enumerate(plots):
        done = plot.place(Frame(at.x + number * (each + _BESIDE), at.y, each, high))
        placed.update({role.name: done for role in plot.block.roles})
    return high


def _plan(graph: Graph, wide: float) -> _Plan:
    coordinator = next((role for role in graph.roles if role.coordinates), None)
    roles = [role for role in graph.roles if role is not coordinator]
    bands = _bands(graph, roles, wide)
    where = {role.name: number for number, band in enumerate(bands) for block in band for role in block.roles}
    ducts: list[list[Duct]] = [[] for _ in bands]
    far: list[ChannelView] = []
    beside: list[ChannelView] = []
    for channel in graph.channels:
        if coordinator is not None and coordinator.name in (channel.upper, channel.lower):
            beside.append(channel)
        elif not channel.ring and not _within(channel, bands):
            apart = where[channel.lower] - where[channel.upper]
            if apart <= 1:
                _add(ducts[where[channel.upper]], channel)
            else:
                far.append(channel)
    right = Panel.of_role(coordinator, beside, where) if coordinator is not None else Panel.of_channels(far, where)
    left = Panel.of_channels(far, where) if coordinator is not None else None
    at = {role.name: place for band in bands for place, block in enumerate(band) for role in block.roles}
    sorted_ducts = [sorted(_few(own), key=lambda duct: at[duct.upper] + at[duct.lower]) for own in ducts]
    return _Plan(bands, sorted_ducts, right, left)


def _within(channel: ChannelView, bands: list[list[Block]]) -> bool:
    """Whether a channel joins roles of one block."""
    return any(channel in block.inner for band in bands for block in band)


def _add(ducts: list[Duct], channel: ChannelView) -> None:
    ducts.append(Duct((channel,)))


def _few(ducts: list[Duct]) -> list[Duct]:
    """Ducts beside each other; where they are many, the channels between the same roles share one."""
    if len(ducts) <= _ABREAST:
        return ducts
    pairs: dict[tuple[str, str], list[ChannelView]] = {}
    for duct in ducts:
        pairs.setdefault((duct.upper, duct.lower), []).extend(duct.channels)
    return [Duct(tuple(own)) for own in pairs.values()]


def _bands(graph: Graph, roles: Sequence[RoleView], wide: float) -> list[list[Block]]:
    """The blocks, by tier; where each of many groups has one crowd of two roles, those share a block."""
    tiers = sorted({role.tier for role in roles}, reverse=True)
    bands: list[list[Block]] = []
    for tier in tiers:
        own = [role for role in roles if role.tier == tier]
        above = bands[-1] if bands else []
        if len(own) == len(above) == 1 and _paired(graph, above[0], own[0], wide):
            bands[-1] = [Block((*above[0].roles, own[0]), graph, above[0].parent)]
            continue
        known = [role.name for band in bands for block in band for role in block.roles]
        bands.append([Block((role,), graph, _parent(graph, role, known)) for role in _in_order(graph, own, known)])
    return bands


def _in_order(graph: Graph, roles: Sequence[RoleView], above: Sequence[str]) -> list[RoleView]:
    """Roles of a tier: each below those that it talks to, and at the right those that talk to a coordinator."""
    beside = {role.name for role in graph.roles if role.coordinates}

    def place(role: RoleView) -> tuple[bool, float]:
        over = [number for number, name in enumerate(above) if graph.between(role.name, name)]
        return any(graph.between(role.name, name) for name in beside), sum(over) / len(over) if over else 0.0

    return sorted(roles, key=place)


def _parent(graph: Graph, role: RoleView, above: Sequence[str]) -> str:
    channels = [c.name for c in graph.channels if c.lower == role.name and c.upper in above]
    return channels[0] if channels else ""


def _paired(graph: Graph, block: Block, lower: RoleView, wide: float) -> bool:
    """Whether a role has one crowd for each of the role above, by their one channel, and too many to stand in a row."""
    upper = block.roles[-1]
    channels = graph.between(upper.name, lower.name)
    if any(graph.between(role.name, lower.name) for role in block.roles[:-1]):
        return False
    if len(channels) != 1 or fits_in_a_row(len(upper.crowds), wide - 2):
        return False
    above, below = ([crowd.groups.get(channels[0].name) for crowd in role.crowds] for role in (upper, lower))
    titles = [[crowd.title for crowd in role.crowds] for role in (upper, lower)]
    return (
        set(above) == set(below)
        and len(set(above)) == len(above) == len(below)
        and EVERY_GROUP not in above
        and titles[0] == titles[1]
    )
