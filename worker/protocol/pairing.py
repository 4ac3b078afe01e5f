"""Which trainer follows which aggregator of its group in a round. Pure."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping
from heapq import heapify, heapreplace

Trainer = tuple[str, int]
"""Group and training samples."""


def pair(
    seed: int, run: int, number: int, trainers: Mapping[str, Trainer], middles: Mapping[str, str]
) -> dict[str, dict[str, tuple[str, ...]]]:
    """The datasets of each middle aggregator, sorted, by group and worker id.

    Longest processing time first (Graham, Bounds on multiprocessing timing anomalies, 1969): the largest trainer goes
    to whoever has the fewest samples so far. So two aggregators of a group differ by at most the samples of its largest
    trainer, and nobody is left without one if there are enough. Equals are drawn by seed, run and round, so that pairs
    change; the order of the arguments doesn't matter.

    Args:
        seed: of the stack.
        run: number of the run.
        number: of the round.
        trainers: group and samples, by dataset; those of a group without aggregators are left out.
        middles: group, by worker id.
    """
    drawn = _draw(seed, run, number)
    by_group: dict[str, list[str]] = defaultdict(list)
    for name, (group, _) in trainers.items():
        by_group[group].append(name)
    loads: dict[str, list[tuple[int, int, bytes, str]]] = defaultdict(list)
    for middle, group in middles.items():
        loads[group].append((0, 0, drawn(middle), middle))
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for group, heap in sorted(loads.items()):
        heapify(heap)
        given: dict[str, list[str]] = {middle: [] for *_, middle in heap}
        for name in sorted(by_group[group], key=lambda name: (-trainers[name][1], drawn(name), name)):
            load, count, turn, middle = heap[0]
            given[middle].append(name)
            heapreplace(heap, (load + trainers[name][1], count + 1, turn, middle))
        found[group] = {middle: tuple(sorted(names)) for middle, names in sorted(given.items())}
    return found


def _draw(seed: int, run: int, number: int) -> Callable[[str], bytes]:
    """A round's draw: the place of each name in it."""
    head = hashlib.sha256(f"pairing {seed} {run} {number} ".encode())

    def drawn(name: str) -> bytes:
        place = head.copy()
        place.update(name.encode())
        return place.digest()

    return drawn
