"""A TAG as a Mermaid flowchart, as Markdown pages show it. Pure."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from report.graph.outline import Outline, Place, Tie

_ESCAPES = {"&": "#amp;", "#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "`": "#96;", "\\": "#92;", "|": "#124;"}


def mermaid(outline: Outline, colours: Mapping[str, str]) -> str:
    """The flowchart's text.

    Args:
        outline: places and ties.
        colours: as `#rrggbb`, by group.
    """
    names = _names(outline)
    lines = ["---", f"title: {json.dumps(outline.name, ensure_ascii=False)}", "---", "flowchart TB"]
    for number, (title, places) in enumerate(outline.roles):
        lines.append(f"  subgraph r{number}[{_quoted([title])}]")
        for place in places:
            lines += _place(place, names)
        lines.append("  end")
    lines += [f"  {_tie(tie, names)}" for tie in outline.ties]
    return "\n".join([*lines, *_colours(outline, names, colours)]) + "\n"


def _names(outline: Outline) -> dict[tuple[str, ...], str]:
    """Ids that are words of no meaning, as names could be words of Mermaid's."""
    found: dict[tuple[str, ...], str] = {}
    for number, (_, places) in enumerate(outline.roles):
        for k, place in enumerate(places):
            found[place.key] = f"r{number}p{k}"
            found.update({member.key: f"r{number}p{k}w{m}" for m, member in enumerate(place.members)})
    return found


def _quoted(lines: Iterable[str]) -> str:
    texts = ("".join(_ESCAPES.get(letter, letter) for letter in line) for line in lines)
    return f'"{"<br/>".join(texts)}"'


def _place(place: Place, names: Mapping[tuple[str, ...], str]) -> list[str]:
    name = names[place.key]
    if not place.members:
        return [f"    {name}[{_quoted(place.lines)}]"]
    inside = [f"      {names[member.key]}[{_quoted(member.lines)}]" for member in place.members]
    return [f"    subgraph {name}[{_quoted(place.lines)}]", *inside, "    end"]


def _tie(tie: Tie, names: Mapping[tuple[str, ...], str]) -> str:
    arrow = "-->" if tie.onward else "<-->"
    text = f"|{_quoted(tie.lines)}|" if tie.lines else ""
    return f"{names[tie.ends[0]]} {arrow}{text} {names[tie.ends[1]]}"


def _colours(outline: Outline, names: Mapping[tuple[str, ...], str], colours: Mapping[str, str]) -> Iterator[str]:
    """A class for each group, with the places that it colours."""
    members: dict[str, list[str]] = {}
    for place in _every([place for _, places in outline.roles for place in places]):
        if place.group in colours:
            members.setdefault(place.group, []).append(names[place.key])
    for number, (group, own) in enumerate(sorted(members.items())):
        yield f"  classDef g{number} stroke:{colours[group]},stroke-width:2px"
        yield f"  class {','.join(own)} g{number}"


def _every(places: Sequence[Place]) -> Iterator[Place]:
    for place in places:
        yield place
        yield from place.members
