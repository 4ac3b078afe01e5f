"""Writes docs/stack.md: a table for each object of a stack file, a TAG and a Flame job, from the models that read them.

Descriptions are the models' own docstrings (`Attributes:`); types, defaults and bounds are what pydantic checks; the
rules below a table are the docstrings of the model's validators. Run by `make docs`.
"""

import inspect
import json
import re
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union

import annotated_types
from pydantic.fields import FieldInfo

from tag import kubernetes_values as values
from tag.describe import attributes, in_yaml, summary
from tag.flame.files import DatasetRecord, DataSpecEntry, JobFile, ModelSpec
from tag.model import Model
from tag.schema import Tag
from tag.stack import FEDERATION, SECRET, Stack

TARGET = Path(__file__).with_name("stack.md")

HEAD = f"""# The fields of stack files, TAGs and jobs
Made by `make docs` from the models in `tag/`; a test compares. Unknown fields are faults, and `fedtag check STACK`
shows all of them with file and line. Numbers may be quoted, as Pulumi writes them. In the headings, `*` stands for a
name that you choose, such as a group or region, and `[]` for the entries of a list.

A stack is `stacks/Pulumi.<stack>.yaml`. Its `config:` holds `{FEDERATION}` (below) and, once Pulumi has the stack,
the secret `{SECRET}`: 32 random bytes or more in hexadecimal, set with
`pulumi config set --secret {SECRET} "$(openssl rand -hex 32)" --stack STACK`. What is not listed here is Pulumi's own.
"""

NAMED: dict[Any, str] = {
    values.Quantity: "quantity (`500m`, `2Gi`)",
    values.LabelName: "label name (`example.com/zone`)",
    values.OwnLabel: "label name, not `fedtag/…`",
    values.LabelText: "label value",
    values.Address: "`HOST` or `HOST:PORT`",
    values.DnsLabel: "DNS label (`a-z`, `0-9`, `-`)",
}
PLAIN = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "anything"}
BOUNDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


@dataclass(frozen=True)
class Place:
    """Where objects of a model stand.

    Attributes:
        kind: the model.
        path: from the file's top, as a heading.
    """

    kind: type[Model]
    path: str


ROOTS = (
    ("Stack", "The object of a stack file.", Place(Stack, FEDERATION)),
    ("TAG", "The file that `tag` names: YAML, or Flame's `schema.json` as it is.", Place(Tag, "the TAG's file")),
    (
        "Flame job",
        "The folder that `job` names, as Flame's users write it: instead of `datasets`.",
        Place(JobFile, "job.json"),
    ),
    ("", "", Place(DataSpecEntry, "dataSpec.json, each entry")),
    ("", "", Place(ModelSpec, "modelSpec.json")),
    ("", "", Place(DatasetRecord, "dataset*.json")),
)


def reference() -> str:
    """The text of docs/stack.md."""
    places = {root: tuple(_places(root)) for _, _, root in ROOTS}
    links = {place.kind: place.path for found in places.values() for place in reversed(found)}
    parts = [HEAD]
    for title, words, root in ROOTS:
        if title:
            parts.append(f"## {title}\n{words}\n")
        parts += [_section(place, found, links) for place, found in _grouped(places[root])]
    return "\n".join(parts).rstrip("\n") + "\n"


def _places(root: Place) -> Iterator[Place]:
    """The object and all objects in it, in the order of its fields."""
    yield root
    prefix = "" if root.path in {top.path for _, _, top in ROOTS} else f"{root.path}."
    for name, field in root.kind.model_fields.items():
        for kind, suffix in _inner(_annotations(root.kind)[name]):
            yield from _places(Place(kind, f"{prefix}{field.alias or name}{suffix}"))


def _inner(annotation: Any) -> Iterator[tuple[type[Model], str]]:
    """The models in a field's type, each with what is written after the field's name to reach it."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation, ""
        return
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    suffix = {dict: ".*", tuple: "[]"}.get(origin, "")
    for argument in arguments:
        for kind, rest in _inner(argument):
            yield kind, suffix + rest


def _grouped(places: tuple[Place, ...]) -> Iterator[tuple[Place, list[str]]]:
    """Each model once, at its first place, with all its places."""
    first = {place.kind: place for place in reversed(places)}
    for place in dict.fromkeys(places):
        if first[place.kind] == place:
            yield place, list(dict.fromkeys(p.path for p in places if p.kind is place.kind))


def _section(place: Place, paths: list[str], links: dict[type[Model], str]) -> str:
    also = f" Likewise {', '.join(f'`{path}`' for path in paths[1:])}." if paths[1:] else ""
    told, hints = attributes(place.kind), _annotations(place.kind)
    lines = [f"### `{place.path}`", in_yaml(summary(place.kind)) + also, ""]
    lines += ["| field | type | default | what it is | bounds |", "|---|---|---|---|---|"]
    for name, field in _own_first(place.kind):
        cells = (
            f"`{field.alias or name}`",
            _type(hints[name], links),
            _default(field),
            in_yaml(told[name]).removesuffix("."),
            _bounds(field),
        )
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    rules = _rules(place.kind)
    lines += ["", *(f"- {rule}" for rule in rules)] if rules else []
    return "\n".join(lines) + "\n"


def _own_first(kind: type[Model]) -> list[tuple[str, FieldInfo]]:
    """A model's fields, inherited ones last."""
    return sorted(kind.model_fields.items(), key=lambda item: item[0] not in kind.__annotations__)


def _annotations(kind: type[Model]) -> dict[str, Any]:
    return typing.get_type_hints(kind, include_extras=True)


def _rules(kind: type[Model]) -> list[str]:
    """What the model's validators say of themselves."""
    decorators = kind.__pydantic_decorators__
    checks = [
        inspect.getdoc(getattr(kind, name)) for name in (*decorators.model_validators, *decorators.field_validators)
    ]
    return [in_yaml(words) for words in checks if words]


def _type(annotation: Any, links: dict[type[Model], str]) -> str:
    """A type in the words of somebody who writes YAML."""
    named = next((words for kind, words in NAMED.items() if kind == annotation), None)
    if named is not None:
        return named
    if annotation in PLAIN:
        return PLAIN[annotation]
    if isinstance(annotation, type):
        return f"[object](#{_anchor(links[annotation])})" if issubclass(annotation, Model) else annotation.__name__
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0], links)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin in (Union, types.UnionType):
        return ", ".join(_type(a, links) if a is not types.NoneType else "`null`" for a in arguments)
    inner = _type(arguments[-1] if origin is dict else arguments[0], links)
    return f"mapping of {_type(arguments[0], links)} to {inner}" if origin is dict else f"list of {inner}"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, Model):
        shown = value.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return f"`{_flow(shown)}`" if shown else "as there"
    return f"`{_flow(value)}`"


def _flow(value: Any) -> str:
    """A value as YAML in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(inner) for inner in value) + "]"
    return value if isinstance(value, str) and value else json.dumps(value)


def _bounds(field: FieldInfo) -> str:
    found = []
    for rule in _restrictions(field):
        found += [f"{sign} {getattr(rule, name):g}" for name, sign in BOUNDS.items() if hasattr(rule, name)]
        if isinstance(rule, annotated_types.MinLen):
            found.append("not empty")
    return ", ".join(found)


def _restrictions(field: FieldInfo) -> Iterator[Any]:
    """The field's own, and those of a value that may be null."""
    yield from field.metadata
    for part in typing.get_args(field.annotation):
        for inner in getattr(part, "__metadata__", ()):
            yield from inner.metadata if isinstance(inner, FieldInfo) else ()


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _anchor(path: str) -> str:
    """The name that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", path.lower()).replace(" ", "-")


if __name__ == "__main__":
    TARGET.write_text(reference(), encoding="utf-8")
