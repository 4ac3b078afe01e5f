"""Who is asked in a round. Pure: it depends on names, seed, run and round, and on nothing that time decides."""

import hashlib
from collections.abc import Iterable

from tag.options import Selector


def selected(selector: Selector, names: Iterable[str], run: int, number: int) -> frozenset[str]:
    """Those of some logical names who take part in a round.

    `random` takes the k names whose SHA-256 with seed, run and round is least: each of the k-subsets is as likely, and
    a name that is added or removed changes at most one of the others. `roundRobin` goes through the sorted names, k a
    round, and begins again at the end.

    Args:
        selector: all, random (k, seed) or roundRobin (k).
        names: of those to select from, in any order.
        run: number of the run.
        number: of the round, from 1.
    """
    everyone = sorted(set(names))
    if selector.acts == "nowhere" or not everyone:
        return frozenset(everyone)
    k = min(int(selector.option("k")), len(everyone))
    if selector.sort == "random":
        seed = int(selector.option("seed"))
        return frozenset(sorted(everyone, key=lambda name: (_lot(seed, run, number, name), name))[:k])
    first = (number - 1) * k
    return frozenset(everyone[(first + i) % len(everyone)] for i in range(k))


def _lot(seed: int, run: int, number: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}/{run}/{number}/{name}".encode()).digest()
