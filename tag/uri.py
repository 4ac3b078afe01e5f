"""Where a dataset's bytes come from: `mnist:K/N`, `npz:PATH`, `npz:PATH#K/N`, `program:REST`."""

import re
from typing import NamedTuple

FORMS = "'mnist:K/N' (part K of N), 'npz:PATH', 'npz:PATH#K/N' and 'program:REST'"

_LONGEST_PART = 40
"""Characters of K/N: no data has more parts, and Python refuses to read much longer numbers."""

_PART = re.compile(r"([0-9]+)/([0-9]+)")


class Uri(NamedTuple):
    """A data URI, taken apart.

    Attributes:
        scheme: `mnist`, `npz` or `program`.
        path: the file of `npz`, the text of `program` without its part, else empty.
        part: which part, from 1.
        parts: how many parts there are; 1 is the whole.
    """

    scheme: str
    path: str
    part: int = 1
    parts: int = 1

    def __str__(self) -> str:
        """The URI's text."""
        part = f"{self.part}/{self.parts}"
        if self.scheme == "npz":
            return f"npz:{self.path}" + (f"#{part}" if self.parts > 1 else "")
        return f"{self.scheme}:{self.path or part}"


def parse_uri(text: str) -> Uri:
    """A data URI's parts.

    Raises:
        ValueError: it has another scheme or shape, or K is not in 1..N.
    """
    scheme, colon, rest = text.partition(":")
    if not colon or scheme not in ("mnist", "npz", "program") or not rest:
        raise ValueError(f"uri {text!r} has no form that fedtag knows; the forms are {FORMS}")
    if scheme == "mnist":
        return Uri("mnist", "", *_part(text, rest))
    if scheme == "npz":
        path, mark, part = rest.partition("#")
        if not path:
            raise ValueError(f"uri {text!r} names no file; write 'npz:PATH'")
        return Uri("npz", path, *(_part(text, part) if mark else (1, 1)))
    return Uri("program", "", *_part(text, rest)) if _PART.fullmatch(rest) else Uri("program", rest)


def _part(text: str, part: str) -> tuple[int, int]:
    first, _, last = part.partition("/")
    if not (first.isdecimal() and last.isdecimal() and part.isascii()) or len(part) > _LONGEST_PART:
        raise ValueError(f"uri {text!r} has no part; write K/N, as in 'mnist:1/3'")
    k, n = int(first), int(last)
    if not 1 <= k <= n:
        raise ValueError(f"uri {text!r} asks for part {k} of {n}; K must be in 1..N, here 1..{max(n, 1)}")
    return k, n
