"""How wide texts are in the charts' font."""

from functools import lru_cache
from typing import Literal

from report.drawing import FONT
from report.graph.shapes import Ruler

_POINTS = 72
_FINE = 64
"""Units of a point in which the font's library measures."""


def ruler() -> Ruler:
    """Measures a text with the fonts of the present style, hence also letters that the standard font lacks."""
    import matplotlib as mpl
    from matplotlib import font_manager
    from matplotlib.ft2font import LoadFlags

    families = tuple(mpl.rcParams["font.family"]) or (FONT,)

    @lru_cache(maxsize=2)
    def fonts(weight: str) -> list[str]:
        wanted = [font_manager.FontProperties(family=[family], weight=weight) for family in families]
        return [str(font_manager.findfont(font)) for font in wanted]

    @lru_cache(maxsize=1 << 16)
    def measure(text: str, size: float, weight: Literal["normal", "bold"]) -> float:
        font = font_manager.get_font(fonts(weight))
        font.set_size(size, _POINTS)
        font.set_text(text, 0.0, flags=LoadFlags.NO_HINTING)
        wide, _ = font.get_width_height()
        return wide / _FINE / _POINTS

    return measure
