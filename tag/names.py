"""The rule for names, and how free text becomes one."""

import difflib
import functools
import re
import string
from collections.abc import Iterable

from tag.spec import EVERY_GROUP

LONGEST = 63
"""Characters of a worker's id and of every name that Kubernetes sees."""

RULE = "a name has small letters, digits and inner hyphens, at most 63 characters"
GROUP_RULE = f"{RULE}; a group may be a path of names (default/us)"

ROOT_GROUP = "default"
"""The first level of Flame's paths, which says nothing."""

_MANY = 50
"""Most names that are compared one by one to find the nearest; a thousand faults among a thousand take a minute."""

_LETTERS = string.ascii_lowercase + string.digits + "-/"

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_DIGITS = re.compile(r"(\d+)")

_LISTED = 12
"""Names in a list that is to be read, not scrolled."""


def is_name(text: str) -> bool:
    """Whether a text can stand in topics, worker ids and Kubernetes names."""
    return len(text) <= LONGEST and _NAME.fullmatch(text) is not None


def slug(text: str) -> str:
    """The nearest name to a free text: `MedMNIST dataset1` → `medmnist-dataset1`; `x` if nothing is left of it."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:LONGEST].strip("-") or "x"


def is_group(text: str) -> bool:
    """Whether a text names a group: a name, or a path of names (`default/us`) that is one once joined."""
    return len(text) <= LONGEST and all(map(is_name, text.split("/")))


def group_name(text: str) -> str:
    """A group as it stands in plans, topics and ids: a path's slug (`default/us` → `default-us`), else the text."""
    return slug(text) if "/" in text and is_group(text) else text


def group_region(text: str) -> str:
    """The region that a group says: as a realm, without a leading `default/` (`default/us/west` → `us-west`)."""
    return group_name(text.removeprefix(f"{ROOT_GROUP}/"))


def label(group: str) -> str:
    """A group in the id of a worker without data: `all` for every group."""
    return "all" if group == EVERY_GROUP else group


def worker_id(role: str, group: str, last: str | int) -> str:
    """A worker's id; the last part is its dataset, or its index."""
    return f"{role}-{group}-{last}"


def natural(text: str) -> tuple[tuple[int, str], ...]:
    """A sort key with numbers by value: `dataset2` before `dataset10`."""
    parts = ((part, _DIGITS.fullmatch(part)) for part in _DIGITS.split(text))
    return tuple((len(part.lstrip("0")), part.lstrip("0")) if number else (-1, part) for part, number in parts)


def listing(names: Iterable[str]) -> str:
    """Names for a message: `'a', 'b'`, or `none`; at most twelve are shown."""
    return _listing(frozenset(names))


@functools.lru_cache(maxsize=64)
def _listing(names: frozenset[str]) -> str:
    ordered = sorted(names, key=natural)
    more = f" and {len(ordered) - _LISTED} more" if len(ordered) > _LISTED else ""
    return ", ".join(repr(name) for name in ordered[:_LISTED]) + more if ordered else "none"


def hint(wrong: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'` for the nearest known name, or nothing."""
    names = set(known)
    near = sorted(_one_slip(wrong) & names) if len(names) > _MANY else []
    nearest = near or difflib.get_close_matches(wrong, sorted(names)[:_MANY], n=1, cutoff=0.5)
    return f"; did you mean {nearest[0]!r}" if nearest else ""


def _one_slip(text: str) -> set[str]:
    """What was meant, if one letter is missing, too much, wrong, or changed places with the next."""
    parts = [(text[:i], text[i:]) for i in range(min(len(text), LONGEST) + 1)]
    slips = {head + tail[1:] for head, tail in parts if tail}
    slips |= {head + tail[1] + tail[0] + tail[2:] for head, tail in parts if len(tail) > 1}
    slips |= {head + letter + tail for head, tail in parts for letter in _LETTERS}
    return slips | {head + letter + tail[1:] for head, tail in parts if tail for letter in _LETTERS}
