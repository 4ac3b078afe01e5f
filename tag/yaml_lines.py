"""Values as YAML text, for files that fedtag writes: short lists in one line, texts in quotes only where needed.

What is written is the same to readers of YAML 1.1 and 1.2.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

WIDTH = 100
"""Columns up to which a list or mapping stays in one line."""

_PLAIN = re.compile(r"[A-Za-z./][A-Za-z0-9_./ -]*(?<! )")
_TWISTED = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
"""What YAML 1.1 or 1.2 takes for something else than a text."""


def scalar(value: Any) -> str:
    """A text, number, truth value or None."""
    if not isinstance(value, str):
        return json.dumps(value)
    plain = (
        _PLAIN.fullmatch(value) and value.lower() not in _TWISTED and not re.fullmatch(r"\.[\d.inaf]*", value.lower())
    )
    if plain or re.fullmatch(r"[a-z]+:[A-Za-z0-9_./#-]+", value):  # a data URI: no space follows its colon
        return value
    return json.dumps(value, ensure_ascii=not value.isprintable())


def flow(value: Any) -> str:
    """A value in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(flow(inner) for inner in value) + "]"
    return scalar(value)


def block(value: Mapping[str, Any], indent: int = 0) -> Iterator[str]:
    """The lines of a mapping, indented by so many columns."""
    pad = " " * indent
    for key, inner in value.items():
        if _in_one_line(inner, indent):
            yield f"{pad}{scalar(key)}: {flow(inner)}"
            continue
        yield f"{pad}{scalar(key)}:"
        if isinstance(inner, Mapping):
            yield from block(inner, indent + 2)
        else:
            yield from items(inner, indent + 2)


def items(value: Sequence[Any], indent: int) -> Iterator[str]:
    """The lines of a list, indented by so many columns."""
    pad = " " * indent
    for inner in value:
        short = isinstance(inner, Mapping) and len(flow(inner)) + indent < WIDTH
        if not isinstance(inner, Mapping) or not inner or (short and len(inner) > 1 and _flat(inner)):
            yield f"{pad}- {flow(inner)}"
            continue
        first, *rest = block(inner, indent + 2)
        yield f"{pad}- {first.lstrip()}"
        yield from rest


def _in_one_line(value: Any, indent: int) -> bool:
    if isinstance(value, str) or not isinstance(value, Mapping | Sequence) or not value:
        return True
    return (
        isinstance(value, Sequence)
        and not any(isinstance(v, Mapping) for v in value)
        and len(flow(value)) + indent < WIDTH
    )


def _flat(value: Mapping[str, Any]) -> bool:
    """Whether a mapping is one of names to names, such as an association, and no object with a name of its own."""
    return "name" not in value and all(isinstance(inner, str) for inner in value.values())
