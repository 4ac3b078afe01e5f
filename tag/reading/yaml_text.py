"""YAML 1.2 with the core schema: `no`, `12:30` and dates are texts, `1e-3` is a number, `0o14` is twelve."""

import re
from typing import Any

from tag.reading.builder import LONGEST_NUMBER, Builder, MalformedError, whole_number

_CORE = "tag:yaml.org,2002:"
_NULL = {"", "~", "null", "Null", "NULL"}
_TRUE = {"true", "True", "TRUE"}
_FALSE = {"false", "False", "FALSE"}
_INT = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_LONGEST_TAG = 10_000
_TYPES = {"null": type(None), "bool": bool, "int": int, "float": float}
_HALF = re.compile("[\ud800-\udfff]")


def feed(builder: Builder) -> None:
    """Reads the builder's text into it.

    Raises:
        MalformedError: the text is no YAML, or goes beyond a bound.
    """
    from ruamel.yaml import YAML

    # The parser takes quadratic time for a long tag.
    long = next((word for word in builder.text.split() if len(word) > _LONGEST_TAG and "!" in word), None)
    if long is not None:
        message = f"has a word of {len(long):,} characters with '!' in it; at most {_LONGEST_TAG:,} are allowed"
        raise MalformedError(builder.text.index(long), message, "T007")
    yaml = YAML(typ="safe", pure=True)
    try:
        for event in yaml.parse(builder.text):
            _take(builder, type(event).__name__, event)
    except MalformedError:
        raise
    except Exception as error:  # the parser raises whatever comes to it on broken text
        raise _malformed(builder.text, error) from error


def _take(builder: Builder, kind: str, event: Any) -> None:
    offset = event.start_mark.index
    if kind == "DocumentStartEvent" and builder.root is not None:
        message = "begins a second document here; a file holds one, so take it out, with its line '---'"
        raise MalformedError(offset, message)
    if kind == "ScalarEvent":
        text = _paired(event.value, offset)
        plain = event.style in (None, "")
        if not builder.awaits_key:
            data = _resolved(text, event, offset, plain=plain)
            empty = plain and event.value == ""
            builder.scalar(data, offset, empty=empty, anchor=event.anchor)
            return
        if text == "<<" and plain:
            message = "has the merge key '<<', which YAML 1.2 has not; write the keys out, or alias the whole value"
            raise MalformedError(offset, message)
        if event.anchor is not None:
            builder.anchors.pop(event.anchor, None)
        builder.key(text, offset)
    elif kind in {"MappingStartEvent", "SequenceStartEvent"}:
        builder.start(offset, mapping=kind == "MappingStartEvent", anchor=event.anchor)
    elif kind in {"MappingEndEvent", "SequenceEndEvent"}:
        builder.end()
    elif kind == "AliasEvent":
        builder.alias(event.anchor, offset)


def _resolved(text: str, event: Any, offset: int, *, plain: bool) -> Any:
    if event.ctag is None:
        return _core(text, offset) if plain else text
    tag = str(event.ctag).removeprefix("!!").removeprefix(_CORE)
    if tag not in _TYPES:
        return text
    data = _core(text, offset)
    if tag == "float" and type(data) is int:
        return float(data)
    return data if type(data) is _TYPES[tag] else text


def _core(text: str, offset: int) -> Any:
    """A plain scalar as YAML 1.2's core schema takes it."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if text[0] not in "+-.0123456789":
        return text
    if _INT.fullmatch(text):
        return whole_number(text, offset)
    if _BASED.fullmatch(text):
        return int(text, 0) if len(text) <= LONGEST_NUMBER else whole_number(text, offset)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INFINITE.fullmatch(text):
        return float(text.replace(".", ""))
    return text


def _paired(text: str, offset: int) -> str:
    """JSON escapes a character beyond U+FFFF as two surrogates, which YAML leaves apart."""
    if text.isascii() or not _HALF.search(text):
        return text
    try:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError as error:
        raise MalformedError(offset, "has one half of a character, as \\ud83d alone; write both halves") from error


def _malformed(text: str, error: Exception) -> MalformedError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    offset = min(mark.index if mark is not None else getattr(error, "position", 0), len(text))
    character = text[offset : offset + 1]
    if not character.isprintable() and character not in "\t\n\r" and hasattr(error, "position"):
        return MalformedError(offset, f"has the character {character!r}, which YAML forbids; take it out")
    if character == "\t":
        return MalformedError(offset, "is no YAML 1.2 here: a tab may not indent; write spaces instead")
    problem = getattr(error, "problem", None) or (str(error).splitlines() or ["it can't be read"])[0]
    return MalformedError(offset, f"is neither YAML 1.2 nor JSON: {problem}; mend the syntax here or just above")
