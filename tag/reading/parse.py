"""Documents to models; pydantic's errors become faults with line, value, rule and remedy."""

import reprlib
from collections.abc import Collection, Iterable, Mapping
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import ValidationError

from tag.faults import Fault
from tag.model import Model
from tag.names import hint, listing
from tag.reading.places import Where
from tag.reading.source import Document

M = TypeVar("M", bound=Model)

_KINDS = {
    "string": "a text (put it in quotes)",
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "bool": "true or false",
    "model": "a mapping",
    "dict": "a mapping",
    "mapping": "a mapping",
    "tuple": "a list",
    "list": "a list",
}
_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}


def parse(
    kind: type[M], document: Document, at: Where = (), droppable: Collection[str] = ()
) -> tuple[M | None, list[Fault]]:
    """The model in a document, and what is wrong with it.

    Unknown fields are faults, but the model is made without them, so that later rules find their faults too.

    Args:
        kind: the model.
        document: where it stands.
        at: its place there.
        droppable: fields of the model whose wrong values are left out likewise.
    """
    data, drop = dig(document.data, at), {(field,) for field in droppable}
    try:
        return kind.model_validate(data), []
    except ValidationError as error:
        problems = error.errors(include_url=False)
    faults = [_fault(kind, document, at, problem) for problem in problems]
    wrong = [tuple(p["loc"]) for p in problems if p["type"] == "extra_forbidden" or p["loc"][:1] in drop]
    if len(wrong) < len(problems):
        return None, faults
    try:
        return kind.model_validate(_without(data, wrong)), faults
    except ValidationError:  # what was left out was needed
        return None, faults


def dig(data: Any, at: Where) -> Any:
    """The value at a place, or None."""
    for step in at:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _without(data: Any, places: Iterable[Where], here: Where = ()) -> Any:
    gone = set(places)
    if isinstance(data, dict):
        return {k: _without(v, gone, (*here, k)) for k, v in data.items() if (*here, k) not in gone}
    if isinstance(data, list):
        return [_without(v, gone, (*here, i)) for i, v in enumerate(data)]
    return data


def _fault(kind: type[Model], document: Document, at: Where, problem: Mapping[str, Any]) -> Fault:
    loc: Where = tuple(problem["loc"])
    where = (*at, *loc)
    shape, value = problem["type"], problem.get("input")
    if shape == "extra_forbidden":
        known = _fields(kind, loc[:-1])
        name = str(loc[-1])
        message = f"unknown field {name!r}{hint(name, known)}; the fields here are {listing(known)}"
        return document.fault(where, "T004", _subject(document, where[:-1]), message, part="key")
    if shape == "missing":
        message = f"the field {str(loc[-1])!r} is missing; add it"
        return document.fault(where, "T005", _subject(document, where[:-1]), message)
    return document.fault(where, "T006", _subject(document, where), _value(shape, value, problem.get("ctx", {})))


def _value(shape: str, value: Any, context: Mapping[str, Any]) -> str:
    if shape == "value_error":
        return str(context["error"])
    text = f"value {reprlib.repr(value)}"
    if shape in _BOUNDS:
        words, key = _BOUNDS[shape]
        return f"{text} is out of range; it must be {words} {context[key]:g}"
    if shape == "literal_error":
        return f"{text} is not one of {context['expected']}; write one of these"
    if shape == "string_pattern_mismatch":
        return f"{text} has the wrong form; it must match {context['pattern']}"
    if shape.endswith(("too_short", "too_long")):
        bound = f"at least {context['min_length']}" if "min_length" in context else f"at most {context['max_length']}"
        return f"{text} has the wrong length; it must have {bound}"
    wanted = next((words for prefix, words in _KINDS.items() if shape.startswith(prefix)), None)
    return (
        f"{text} is not {wanted}; write one"
        if wanted
        else f"{text} is not allowed here; write another, or leave it out"
    )


def _subject(document: Document, where: Where) -> str:
    """A place in the user's words: `roles['trainer'].replica`; list items go by their names."""
    text = ""
    for i, step in enumerate(where):
        if isinstance(step, str):
            text += f".{step}" if text else step
            continue
        item = dig(document.data, where[: i + 1])
        name = item.get("name") if isinstance(item, dict) else None
        text += f"[{name!r}]" if isinstance(name, str) else f"[{step}]"
    return text or "file"


def _fields(kind: Any, loc: Where) -> list[str]:
    """The fields, as written in files, of the model that stands at a place inside another."""
    for step in loc:
        fields = kind.model_fields if _is_model(kind) else {}
        annotation = next((f.annotation for n, f in fields.items() if step in (f.alias, n)), None)
        kind = _inner(annotation) if annotation is not None else kind
    return [f.alias or n for n, f in kind.model_fields.items()] if _is_model(kind) else []


def _inner(annotation: Any) -> Any:
    """The model inside `tuple[Model, ...]`, `dict[str, Model]`, `Model | None` and their nestings."""
    if _is_model(annotation):
        return annotation
    if get_origin(annotation) in (tuple, list, dict, Union, UnionType):
        return next((m for a in get_args(annotation) if _is_model(m := _inner(a))), None)
    return None


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Model)
