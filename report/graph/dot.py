"""A TAG in Graphviz' language. Pure."""

from collections.abc import Iterable, Mapping

from report.graph.outline import Outline, Place, Tie


def dot(outline: Outline, colours: Mapping[str, str]) -> str:
    """The graph's text.

    Args:
        outline: places and ties.
        colours: as `#rrggbb`, by group.
    """
    anchors = {place.key: place.members[0].key for _, places in outline.roles for place in places if place.members}
    lines = [
        f"graph {_quoted(outline.name)} {{",
        f"  graph [label={_quoted(outline.name)}, labelloc=t, rankdir=TB, compound=true, fontname=Helvetica];",
        '  node [shape=box, style=rounded, fontname=Helvetica, color="#59636e"];',
        '  edge [fontname=Helvetica, fontsize=10, color="#59636e"];',
    ]
    for number, (title, places) in enumerate(outline.roles):
        lines += [f"  subgraph cluster_{number} {{", f"    label={_quoted(title)};"]
        for place in places:
            lines += _place(place, colours)
        lines.append("  }")
    lines += [f"  {_tie(tie, colours, anchors)};" for tie in outline.ties]
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _label(lines: Iterable[str]) -> str:
    return '"' + "\\n".join(_quoted(line)[1:-1] for line in lines) + '"'


def _name(key: tuple[str, ...]) -> str:
    return _quoted("/".join(key))


def _cluster(key: tuple[str, ...]) -> str:
    return _quoted(f"cluster {'/'.join(key)}")


def _colour(group: str, colours: Mapping[str, str]) -> str:
    return f', color="{colours[group]}"' if group in colours else ""


def _place(place: Place, colours: Mapping[str, str]) -> list[str]:
    colour = _colour(place.group, colours)
    if not place.members:
        return [f"    {_name(place.key)} [label={_label(place.lines)}{colour}];"]
    inside = [f"      {_name(m.key)} [label={_label(m.lines)}{_colour(m.group, colours)}];" for m in place.members]
    look = f"      label={_label(place.lines)};" + (f" {colour[2:]};" if colour else "")
    return [f"    subgraph {_cluster(place.key)} {{", look, *inside, "    }"]


def _tie(tie: Tie, colours: Mapping[str, str], anchors: Mapping[tuple[str, ...], tuple[str, ...]]) -> str:
    """A line; to a ring as a whole it goes to its first worker and is cut at the ring's edge."""
    upper, lower = tie.ends
    looks = [f"label={_label(tie.lines)}"] if tie.lines else []
    looks += [f"dir={'forward' if tie.onward else 'both'}"]
    looks += [f"ltail={_cluster(upper)}"] if upper in anchors else []
    looks += [f"lhead={_cluster(lower)}"] if lower in anchors else []
    ends = f"{_name(anchors.get(upper, upper))} -- {_name(anchors.get(lower, lower))}"
    return f"{ends} [{', '.join(looks)}{_colour(tie.group, colours)}]"
