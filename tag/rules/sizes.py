"""Rules of size: what a cluster's objects and the exact sums can hold (T062, T063)."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tag.deployable import PROGRAM_BYTES, oversized
from tag.faults import Fault
from tag.limits import RANGE_BITS
from tag.npz import samples
from tag.reading.places import Where
from tag.reading.source import Document
from tag.rules.data import Placed
from tag.rules.tally import Tally
from tag.uri import Uri

MNIST_SAMPLES = 60_000

_DENSEST = 1032
"""Bytes that one byte of a deflated file can stand for."""


def check_objects(counted: Tally, document: Document, where: Where) -> Iterator[Fault]:
    """Lists that are made from all workers, and would not fit into one object of a cluster."""
    for name, message in oversized(counted):
        yield document.fault(where, "T062", name, message, "warning")


def check_program(path: Path, role: str, document: Document, where: Where) -> Iterator[Fault]:
    """A program that can't travel to a cluster."""
    size = path.stat().st_size
    if size > PROGRAM_BYTES:
        message = (
            f"has {size:,} bytes, and {PROGRAM_BYTES:,} can travel to a cluster: it runs on this machine only; keep "
            "its data in a dataset, and its modules in an image built FROM the trainer image"
        )
        yield document.fault(where, "T062", f"program of role {role!r}", message, "warning")


def check_range(uses: Sequence[tuple[Placed, Uri]], trainers: int) -> Iterator[Fault]:
    """Datasets of one source whose updates would be out of the exact sum's range even for weights up to 1.

    Args:
        uses: the datasets and their URIs, all of one source.
        trainers: of the plan.
    """
    first = uses[0][1]
    whole = MNIST_SAMPLES if first.scheme == "mnist" else _samples(Path(first.path), trainers)
    if whole * trainers <= 2**RANGE_BITS:
        return
    for p, uri in uses:
        count = -(-whole // uri.parts)
        if count * trainers > 2**RANGE_BITS:
            message = (
                f"{count:,} samples times {trainers:,} trainers are more than 2^{RANGE_BITS}, so updates with weights "
                "up to 1 would be out of the exact sum's range and dropped; divide the data into more parts (#K/N)"
            )
            yield p.fault("T063", message, "uri")


def _samples(path: Path, trainers: int) -> int:
    """The samples of a file, looked up only where they could be too many; 0 where they can't, or nobody knows."""
    try:
        size = path.stat().st_size
    except (OSError, ValueError):  # the latter for a NUL in the path
        return 0
    return samples(path) or 0 if size * _DENSEST * trainers > 2**RANGE_BITS else 0
