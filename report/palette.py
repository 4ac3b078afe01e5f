"""The colours of regions and of everything else, on paper and, as CSS variables, on a light or a dark page.

The first seven colours are those of Okabe and Ito ("Color Universal Design", 2008) that stand out on white; more
regions than that take steps of viridis. Both can be told apart with any kind of colour vision, and in grey.
"""

import colorsys
from collections.abc import Mapping, Sequence

from tag.schema import DEFAULT_GROUP

INK = "#1b1f24"
MUTED = "#59636e"
GRID = "#dfe4e8"
PANEL = "#f3f5f7"
PAPER = "#ffffff"
BASE = {"ink": INK, "muted": MUTED, "grid": GRID, "panel": PANEL, "paper": PAPER}
DARK = {"ink": "#e8ebee", "muted": "#9aa5b1", "grid": "#38404a", "panel": "#1d232a", "paper": "#12161b"}
_FEW = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d1f")
_DARKEST, _LIGHTEST = 0.10, 0.86


def region_colours(names: list[str]) -> dict[str, str]:
    """A colour for each region, by its place among the names; the same in all charts."""
    if len(names) <= len(_FEW):
        return dict(zip(names, _FEW, strict=False))
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    step = (_LIGHTEST - _DARKEST) / (len(names) - 1)
    return {name: to_hex(colormaps["viridis"](_DARKEST + i * step)) for i, name in enumerate(names)}


def group_colours(groups: Sequence[str], regions: Mapping[str, str]) -> dict[str, str]:
    """The regions' colours, and for other groups the palette's next ones, if it has enough for all."""
    others = [name for name in groups if name not in regions and name != DEFAULT_GROUP]
    left = [colour for colour in _FEW if colour not in regions.values()]
    return {**regions, **(dict(zip(others, left, strict=False)) if len(others) <= len(left) else {})}


def colours_of(groups: Sequence[str], regions: Sequence[str]) -> dict[str, str]:
    """The colours of a TAG's groups: those that the regions have in a report, and other ones for other groups.

    The group `default` has a colour only where there is no other: where there are others, it is no region.
    """
    named = [group for group in groups if group != DEFAULT_GROUP] or list(groups)
    return group_colours(named, region_colours([name for name in regions if name in named] or named))


def on_dark(colour: str) -> str:
    """The colour, light enough to be seen on a dark page; its hue stays."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    lit = colorsys.hls_to_rgb(hue, max(lightness, 0.58), min(saturation, 0.85))
    return "#" + "".join(f"{round(255 * part):02x}" for part in lit)


def variables(colours: dict[str, str]) -> dict[str, tuple[str, str]]:
    """CSS variables by name, each with its light and its dark value."""
    found = {name: (BASE[name], DARK[name]) for name in BASE}
    found |= {f"region-{i}": (colour, on_dark(colour)) for i, colour in enumerate(colours.values())}
    return found
