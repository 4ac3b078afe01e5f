"""JSON by JSON's own rules (RFC 8259), with places."""

import json
import re
from json import JSONDecodeError
from typing import Any

from tag.reading.builder import DEEPEST, MOST, Builder, MalformedError, whole_number

_STRINGS = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"(-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORD = re.compile(r"[^\s,:\[\]{}\"]+")
_NAMED = {"true": True, "false": False, "null": None}
_HALF = re.compile("[\ud800-\udfff]")
_CLOSING = {"{": "}", "[": "]"}

_ABOUT = {
    "Unterminated string starting at": "the text that begins here has no closing quote",
    "Invalid control character at": "a tab, line break or control character is in a text; write \\t, \\n or \\u00XX",
}

_ESCAPED_HALF = re.compile(r"\\u[dD][89a-fA-F]")

_SHOWN = 30
"""Characters of a wrong word, enough to find it."""


def quick(text: str) -> tuple[Any] | None:
    """The plain value of a text with which nothing is wrong, thirty times as fast as with places; None for others."""
    if _ESCAPED_HALF.search(text):
        return None
    try:
        data = _DECODER.decode(text)
    except (ValueError, RecursionError, MalformedError):
        return None
    return (data,) if _within_bounds(data) else None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    if len(plain) < len(pairs) or any(key.startswith("//") for key in plain):
        plain = {key: value for key, value in pairs if not key.startswith("//")}
        if len(plain) < sum(not key.startswith("//") for key, _ in pairs):
            raise ValueError("a key is written twice")
    return plain


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_int=lambda d: whole_number(d, 0))


def _within_bounds(data: Any) -> bool:
    level, depth, count = [data], 0, 1
    while level and depth <= DEEPEST:
        inner = [x for x in level if isinstance(x, dict | list)]
        level = [v for x in inner for v in (x.values() if isinstance(x, dict) else x)]
        count += len(level)
        depth += bool(inner)
    return depth <= DEEPEST and count <= MOST


def feed(builder: Builder) -> None:
    """Reads the builder's text into it.

    Raises:
        MalformedError: the text is no JSON, or goes beyond a bound.
    """
    text, brackets = builder.text, ""
    opened: list[str] = []
    offset = _space(text, 0)
    if offset == len(text):
        return
    awaited = True  # a value or a key, rather than a comma or an end
    fresh = False  # just after an opening bracket
    while awaited or opened:
        character = text[offset : offset + 1]
        brackets = opened[-1] if opened else ""
        if awaited and fresh and character == _CLOSING[brackets]:
            awaited = False
        if not awaited:
            offset, awaited = _after(builder, opened, offset, character)
            fresh = False
            continue
        if brackets == "{":
            offset = _key(builder, offset, character)
            character = text[offset : offset + 1]
        fresh = character in ("{", "[") and character != ""
        if fresh:
            builder.start(offset, mapping=character == "{")
            opened.append(character)
            offset = _space(text, offset + 1)
        else:
            offset = _space(text, _scalar(builder, offset, character))
            awaited = False
    if offset < len(text):
        raise _wrong(offset, "something stands after the end")


def _after(builder: Builder, opened: list[str], offset: int, character: str) -> tuple[int, bool]:
    """What follows a value: a comma, or the end of its list or object."""
    closing = _CLOSING[opened[-1]]
    if character == ",":
        following = _space(builder.text, offset + 1)
        if builder.text[following : following + 1] in ("}", "]"):
            raise _wrong(offset, "a comma stands before the end, which JSON forbids")
        return following, True
    if character != closing:
        raise _wrong(offset, f"',' or {closing!r} is missing")
    builder.end()
    opened.pop()
    return _space(builder.text, offset + 1), False


def _key(builder: Builder, offset: int, character: str) -> int:
    if character != '"':
        raise _wrong(offset, "a key in double quotes is missing")
    name, end = _string(builder.text, offset)
    builder.key(name, offset)
    colon = _space(builder.text, end)
    if builder.text[colon : colon + 1] != ":":
        raise _wrong(colon, f"':' is missing after the key {name!r}")
    return _space(builder.text, colon + 1)


def _scalar(builder: Builder, offset: int, character: str) -> int:
    text = builder.text
    if character == '"':
        value, end = _string(text, offset)
        builder.scalar(value, offset)
        return end
    number = _NUMBER.match(text, offset)
    word = _WORD.match(text, offset)
    if number is not None and word is not None and number.end() == word.end():
        whole = number[2] is None and number[3] is None
        builder.scalar(whole_number(number[0], offset) if whole else float(number[0]), offset)
        return number.end()
    if word is not None and word[0] in _NAMED:
        builder.scalar(_NAMED[word[0]], offset)
        return word.end()
    if word is None:
        raise _wrong(offset, "a value is missing")
    if word[0].startswith(("//", "/*", "#")):
        raise _wrong(offset, 'a comment stands here, which JSON forbids (a key "//" is left out)')
    shown = word[0] if len(word[0]) <= _SHOWN else f"{word[0][:_SHOWN]}…"
    raise _wrong(offset, f"{shown!r} is no value (a text stands in double quotes)")


def _string(text: str, offset: int) -> tuple[str, int]:
    try:
        value, end = _STRINGS.raw_decode(text, offset)
    except JSONDecodeError as error:
        raise _wrong(min(error.pos, len(text)), _ABOUT.get(error.msg.partition(":")[0], error.msg.lower())) from error
    if not value.isascii() and _HALF.search(value):
        raise _wrong(offset, "this text has one half of a character, as \\ud83d alone")
    return value, end


def _space(text: str, offset: int) -> int:
    match = _SPACE.match(text, offset)
    return match.end() if match is not None else offset


def _wrong(offset: int, problem: str) -> MalformedError:
    return MalformedError(offset, f"is not JSON: {problem}; mend the syntax here or just above")
