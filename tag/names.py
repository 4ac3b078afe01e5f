"""The rule for names, and how free text becomes one."""

import difflib
import re
from collections.abc import Iterable

LONGEST = 63
"""Characters of a worker's id and of every name that Kubernetes sees."""

RULE = "a name has small letters, digits and inner hyphens, at most 63 characters"

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_DIGITS = re.compile(r"(\d+)")


def is_name(text: str) -> bool:
    """Whether a text can stand in topics, worker ids and Kubernetes names."""
    return len(text) <= LONGEST and _NAME.fullmatch(text) is not None


def slug(text: str) -> str:
    """The nearest name to a free text: `MedMNIST dataset1` → `medmnist-dataset1`; `x` if nothing is left of it."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:LONGEST].strip("-") or "x"


def natural(text: str) -> tuple[tuple[int, str], ...]:
    """A sort key with numbers by value: `dataset2` before `dataset10`."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in _DIGITS.split(text))


def listing(names: Iterable[str]) -> str:
    """Names for a message: `'a', 'b'`, or `none`; at most twelve are shown."""
    ordered = sorted(set(names), key=natural)
    more = f" and {len(ordered) - 12} more" if len(ordered) > 12 else ""  # noqa: PLR2004  a list to read, not to scroll
    return ", ".join(repr(name) for name in ordered[:12]) + more if ordered else "none"


def hint(wrong: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'` for the nearest known name, or nothing."""
    nearest = difflib.get_close_matches(wrong, list(known), n=1, cutoff=0.5)
    return f"; did you mean {nearest[0]!r}" if nearest else ""
