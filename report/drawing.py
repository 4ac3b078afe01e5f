"""What all charts share: style, titles, labels that do not overlap, and the way to PNG and SVG with the same bytes."""

import io
import re
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from report.palette import GRID, INK, MUTED, PAPER, variables
from report.text import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 10.0
"""Inches of every chart."""
MARGIN = 0.3
DPI = 144
TITLE_LETTERS = 88
LABEL_GAP = 0.165
"""Inches between the labels at the ends of lines."""
FONT = "DejaVu Sans"
_STYLE: dict[Any, Any] = {
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "ytick.major.size": 0,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "svg.fonttype": "path",
}

_REGULAR = 400
"""The weight of regular type."""


@dataclass(frozen=True)
class Chart:
    """A picture.

    Attributes:
        name: of its file, without `.png`.
        title: what it shows, as a finding.
        alt: the same and its figures in words, for those who can't see it.
        png: on white.
        svg: without a background, in the page's colours (`palette.variables`), to stand in a page.
    """

    name: str
    title: str
    alt: str
    png: bytes
    svg: str


@contextmanager
def style(names: Sequence[str]) -> Iterator[None]:
    """Charts made within look alike on all machines; letters of names that the font lacks are looked for in others."""
    import matplotlib as mpl

    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        mpl.rcdefaults()
        chosen: dict[Any, Any] = {**_STYLE, "font.family": _fonts("".join(names))}
        mpl.rcParams.update(chosen)
        yield


def _fonts(text: str) -> list[str]:
    """The standard font, then installed ones that have the letters it lacks."""
    from matplotlib import font_manager, ft2font

    def letters(path: str) -> set[int]:
        return set(ft2font.FT2Font(path).get_charmap())

    missing = {ord(c) for c in text} - letters(font_manager.findfont(FONT))
    found = [FONT]
    for font in sorted(font_manager.fontManager.ttflist, key=lambda f: (f.name, f.fname)) if missing else []:
        if font.name in found or font.weight != _REGULAR or not missing:
            continue
        has = missing & letters(font.fname)
        if has:
            found.append(font.name)
            missing -= has
    return found


def sheet(title: str, subtitle: str, height: float, wide: float = WIDTH) -> tuple["Figure", float]:
    """A figure with its title; gives it and the inches from the top that the title takes.

    Args:
        title: a finding.
        subtitle: how to read the chart.
        height: inches below the title.
        wide: inches of the whole.
    """
    from matplotlib.figure import Figure

    lines = textwrap.wrap(clean(title), TITLE_LETTERS, max_lines=3, placeholder=" …")
    below = textwrap.wrap(clean(subtitle), int(TITLE_LETTERS * 1.6), max_lines=3, placeholder=" …")
    taken = MARGIN + 0.25 * len(lines) + 0.18 * len(below) + 0.12
    figure = Figure(figsize=(wide, height + taken), facecolor="none")
    at = height + taken - MARGIN
    for number, line in enumerate(lines):
        write(figure, MARGIN, at - 0.25 * number, line, size=13, weight="bold")
    for number, line in enumerate(below):
        write(figure, MARGIN, at - 0.25 * len(lines) - 0.18 * number, line, color=MUTED)
    return figure, taken


def write(figure: "Figure", x: float, y: float, text: str, **options: Any) -> None:
    """Text with its upper left corner so many inches from the lower left corner of the figure."""
    wide, high = figure.get_size_inches()
    settings: dict[str, Any] = {"va": "top", "ha": "left", **options}
    figure.text(x / wide, y / high, text, **settings)


def place(figure: "Figure", left: float, bottom: float, width: float, height: float, **options: Any) -> "Axes":
    """Axes at a place in inches."""
    wide, high = figure.get_size_inches()
    return figure.add_axes((left / wide, bottom / high, width / wide, height / high), **options)


def round_ticks(axes: "Axes", last: int, most: int = 10) -> None:
    """Whole rounds below the axis, the first and the last among them."""
    step = next(s for s in (1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000, 10**4, 10**6) if last / s <= most)
    ticks = [1, *range(step, last + 1, step)] if step > 1 else list(range(1, last + 1))
    ticks = [t for t in ticks if t in (1, last) or (last - t >= 0.6 * step and t > 1)]
    axes.set_xticks(sorted({*ticks, last}))


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions as near to the wanted ones as can be that are a gap apart, in the same order, from low to high.

    Neighbours that are too near are pooled around their mean (pool adjacent violators). The caller sees to it that all
    fit between low and high.
    """
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    pools: list[tuple[float, int]] = []
    for number, index in enumerate(order):
        mean, size = wanted[index] - number * gap, 1
        while pools and pools[-1][0] > mean:
            other, count = pools.pop()
            mean, size = (mean * size + other * count) / (size + count), size + count
        pools.append((mean, size))
    top = high - (len(wanted) - 1) * gap
    flat = [min(max(mean, low), max(low, top)) for mean, size in pools for _ in range(size)]
    found = [0.0] * len(wanted)
    for number, index in enumerate(order):
        found[index] = flat[number] + number * gap
    return found


def render(name: str, title: str, alt: str, figure: "Figure", colours: dict[str, str]) -> Chart:
    """The figure as PNG and SVG; the same figure gives the same bytes."""
    return Chart(name, clean(title), clean(alt), png_of(figure), inline(svg_of(figure, name), name, colours))


def png_of(figure: "Figure") -> bytes:
    """The figure as PNG, on white."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=DPI, facecolor=PAPER, metadata={"Software": "fedtag"})
    return png.getvalue()


def svg_of(figure: "Figure", name: str) -> str:
    """The figure as an SVG file without a background; its ids follow from the name."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    FigureCanvasSVG(figure)
    svg = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(svg, format="svg", transparent=True, metadata={"Date": None})
    return svg.getvalue()


def inline(svg: str, name: str, colours: dict[str, str]) -> str:
    """An SVG file as a part of a page: no header, ids of its own, colours from the page's variables."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"\s*<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"(<svg[^>]*?) width=\"[^\"]*\"", r"\1", body, count=1)
    body = re.sub(r"(<svg[^>]*?) height=\"[^\"]*\"", r"\1", body, count=1)
    body = re.sub(r"\bid=\"", f'id="{name}-', body)
    body = re.sub(r"(href=\"#|url\(#)", rf"\g<1>{name}-", body)
    for variable, (light, _) in variables(colours).items():
        body = re.sub(re.escape(light) + r"\b", f"var(--{variable})", body)
    body = re.sub(r"<svg ", '<svg aria-hidden="true" focusable="false" ', body, count=1)
    return body.strip()
