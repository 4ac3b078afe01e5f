"""A figure's SVG as a file of its own: named for those who can't see it, readable on light and on dark pages. Pure."""

import re
from collections.abc import Iterator, Mapping
from html import escape

from report.palette import PAPER, variables
from report.text import clean


def standalone(svg: str, title: str, alt: str, colours: Mapping[str, str]) -> str:
    """The SVG with a title, a description, a background, and the dark palette where the reader's system is dark.

    Colours stay written out, so that programs without style sheets show them too.

    Args:
        svg: as matplotlib writes it.
        title: of the picture.
        alt: the picture in words.
        colours: of the groups.
    """
    start = svg.index("<svg")
    head = svg[start : svg.index(">", start) + 1]
    body = re.sub(r"\s*<metadata>.*?</metadata>", "", svg[start + len(head) :], count=1, flags=re.DOTALL)
    head = head.replace("<svg ", '<svg role="img" aria-labelledby="title alt" ', 1)
    rules = "".join(_rules(colours))
    about = f'<title id="title">{escape(clean(title))}</title>\n <desc id="alt">{escape(clean(alt))}</desc>'
    style = f"<style>@media (prefers-color-scheme: dark) {{{rules}}}</style>"
    paper = f'<rect width="100%" height="100%" style="fill: {PAPER}"/>'
    return f'<?xml version="1.0" encoding="utf-8"?>\n{head}\n {about}\n {style}\n {paper}{body}'


def _rules(colours: Mapping[str, str]) -> Iterator[str]:
    """A rule for each colour that is drawn or filled with."""
    pairs = dict(variables(dict(colours)).values())
    for light, dark in pairs.items():
        for use in ("fill", "stroke"):
            yield f'[style*="{use}: {light}"]{{{use}:{dark}!important}}'
