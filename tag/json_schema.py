"""JSON Schemas (draft 2020-12) of TAG and stack files, from the models: editors complete, explain and check by them.

What a schema refuses, the models or the rules refuse, but for truth values other than true and false. Rules between
fields and files, and upper bounds of numbers in quotes, are `fedtag check`'s alone.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from tag.describe import attributes, in_yaml, summary
from tag.kubernetes_resources import Amounts, Share
from tag.model import Model
from tag.names import LONGEST
from tag.options import OPTIMIZERS, SELECTORS, Optimizer, Selector, Sort
from tag.plan import Limits
from tag.rules.structure import COORDINATE, OPPOSITE
from tag.schema import Channel, GroupBy, Role, Tag
from tag.stack import FEDERATION, SECRET, Stack

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_COMMENTS = {"^//": True}
"""Keys that begin so are comments, as in Flame's files."""

_POSITIVE = r"\+?0*[1-9][0-9]*"
"""A whole number from 1, as a text."""

_WORD = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAME: Schema = {"pattern": f"^{_WORD}$", "maxLength": LONGEST}
_GROUP: Schema = {"type": "string", "pattern": f"^{_WORD}(/{_WORD})*$", "maxLength": LONGEST}
_FUNCTION: Schema = {"anyOf": [{"enum": [*OPPOSITE, COORDINATE]}, {"pattern": r"^\S+$", "type": "string"}]}
"""Editors offer the known ones; a role's program may have others."""


def _options(sorts: Mapping[str, Sort]) -> Schema:
    """The names of all options of some sorts, besides comments."""
    names = sorted({name for sort in sorts.values() for name in sort.options})
    return {"propertyNames": {"anyOf": [{"enum": names}, {"pattern": next(iter(_COMMENTS))}]}}


_RULES: Mapping[type[Model], Mapping[str, Schema]] = {
    Channel: {
        "name": _NAME,
        "pair": {"minItems": 2, "maxItems": 2},
        "func_tags": {"additionalProperties": {"type": "array", "items": _FUNCTION}},
    },
    GroupBy: {"value": {"items": _GROUP}},
    Role: {"name": _NAME, "replica": {"minimum": 1}},
    Optimizer: {"sort": {"enum": list(OPTIMIZERS)}, "kwargs": _options(OPTIMIZERS)},
    Selector: {"sort": {"enum": list(SELECTORS)}, "kwargs": _options(SELECTORS)},
}
"""What `tag.rules` ask of single fields, beyond the models."""

_ALSO: Mapping[type[Model], Mapping[str, Schema]] = {
    Limits: {"cpu": {"type": "number"}, "memory": {"type": "number"}},
    Stack: {
        "quorum": {"const": "all"},
        "optimizer": {"enum": list(OPTIMIZERS)},
        "selector": {"enum": list(SELECTORS)},
    },
}
"""What the models' own validators read besides."""

_PARTIAL = (Share, Amounts)
"""What is not given in these is as in `DEFAULTS`."""


class _Generator(GenerateJsonSchema):
    """Says what our models read: numbers and truth values also as texts, which is how Pulumi writes them."""

    def int_schema(self, schema: core_schema.IntSchema) -> JsonSchemaValue:
        """A whole number, or its digits."""
        digits = _POSITIVE if schema.get("ge", 0) >= 1 else f"{_sign(schema)}[0-9]+"
        return _or_text(super().int_schema(schema), digits)

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        """A number, or its digits."""
        digits = r"([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?"
        return _or_text(super().float_schema(schema), f"{_sign(schema)}{digits}")

    def bool_schema(self, schema: core_schema.BoolSchema) -> JsonSchemaValue:
        """True or false, or its name."""
        return {"anyOf": [super().bool_schema(schema), {"enum": ["true", "false"]}]}

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        """What becomes a text first may be a number."""
        inner = super().function_before_schema(schema)
        return inner | {"type": ["string", "number"]} if schema["function"]["function"] is str else inner


def tag_schema() -> Schema:
    """The schema of a TAG's file."""
    made = _of(Tag)
    return {"$schema": DIALECT, "title": "fedtag's TAG", **made}


def stack_schema() -> Schema:
    """The schema of a stack's file, in which Pulumi and others may have keys of their own."""
    made = _of(Stack)
    definitions = made.pop("$defs") | {"Stack": made}
    secret = {
        "description": "32 random bytes or more in hexadecimal, as Pulumi encrypts them.",
        "anyOf": [{"type": "object", "required": ["secure"]}, {"type": "string"}],
    }
    config = {
        "description": "fedtag's settings, and those of others.",
        "type": "object",
        "properties": {FEDERATION: {"$ref": "#/$defs/Stack"}, SECRET: secret},
        "patternProperties": {
            f"^fedtag:(?!{'|'.join(key.partition(':')[2] + '$' for key in (FEDERATION, SECRET))})": False
        },
        "required": [FEDERATION],
    }
    return {
        "$schema": DIALECT,
        "title": "fedtag's stack file",
        "description": "Pulumi.<stack>.yaml: a federation, and what Pulumi keeps beside it.",
        "type": "object",
        "properties": {"config": config},
        "required": ["config"],
        "$defs": definitions,
    }


SCHEMAS: Mapping[str, Callable[[], Schema]] = {"tag": tag_schema, "stack": stack_schema}
"""The schemas by the kind of file."""


def _of(kind: type[Model]) -> Schema:
    schema = kind.model_json_schema(by_alias=True, mode="validation", schema_generator=_Generator)
    definitions = schema.setdefault("$defs", {})
    _finish(kind, schema)
    for inner in _models(kind):
        if inner.__name__ in definitions:
            _finish(inner, definitions[inner.__name__])
    tidied: Schema = _tidy(schema)
    return tidied


def _finish(kind: type[Model], schema: Schema) -> None:
    """Adds descriptions and single-field rules to a model's schema."""
    told = attributes(kind)
    schema["description"] = in_yaml(summary(kind))
    for name, field in kind.model_fields.items():
        place = schema["properties"][field.alias or name]
        place["description"] = in_yaml(told[name]).removesuffix(".")
        if (other := _ALSO.get(kind, {}).get(name)) is not None:
            if "$ref" in place:
                place["anyOf"] = [{"$ref": place.pop("$ref")}]
            place["anyOf"].append(other)
        for rule, value in _RULES.get(kind, {}).get(name, {}).items():
            _ruled(place, rule, value)
    if kind in _PARTIAL:
        schema.pop("required", None)


def _ruled(place: Schema, rule: str, value: Any) -> None:
    """Where numbers may be texts, a rule of numbers is one of digits for those."""
    for alternative in place.get("anyOf", [place]):
        if rule != "minimum" or alternative.get("type") != "string":
            alternative[rule] = value
        elif (rule, value) == ("minimum", 1):
            alternative["pattern"] = f"^{_POSITIVE}$"


def _models(kind: type[BaseModel]) -> Iterator[type[Model]]:
    """The models inside a model, at any depth."""
    for field in kind.model_fields.values():
        for inner in _inner(field.annotation):
            yield inner
            yield from _models(inner)


def _inner(annotation: Any) -> Iterator[type[Model]]:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation
    for argument in get_args(annotation):
        yield from _inner(argument)


def _sign(schema: Any) -> str:
    """A sign, where the bound leaves a choice."""
    return r"\+?" if max(schema.get("ge", -1), schema.get("gt", -1)) >= 0 else "[-+]?"


def _or_text(number: Schema, digits: str) -> Schema:
    return {"anyOf": [number, {"type": "string", "pattern": f"^{digits}$"}]}


def _tidy(schema: Any) -> Any:
    """The schema with comments allowed in all objects, and without what only repeats a field's name or says nothing."""
    if isinstance(schema, list):
        return [_tidy(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    empty = {"title": str, "default": dict | list | None}
    tidy = {k: _tidy(v) for k, v in schema.items() if not (k in empty and isinstance(v, empty[k]))}
    return tidy | {"patternProperties": _COMMENTS} if "additionalProperties" in schema else tidy
