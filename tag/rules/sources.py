"""Rules of where data comes from: known forms, files that are there, samples shared or too many (T036–T038, T063)."""

import os
from collections.abc import Iterator, Sequence

from tag.faults import Fault
from tag.rules import sizes
from tag.rules.data import Placed
from tag.uri import Uri, parse_uri


def check(placed: Sequence[Placed]) -> Iterator[Fault]:
    """Faults of where the data comes from: unknown forms, missing files, regions that share samples."""
    sources: dict[tuple[str, str], list[tuple[Placed, Uri]]] = {}
    for p in placed:
        try:
            uri = parse_uri(p.dataset.spec.uri)
        except ValueError as error:
            yield p.fault("T036", str(error), "uri")
            continue
        source = uri[:2]  # scheme and path
        uses = sources.get(source)
        if uses is None:
            uses = sources[source] = []
        uses.append((p, uri))
        if uri.scheme == "npz":
            yield from _file(p, uri)
    for same in sources.values():
        yield from _overlaps(same)
        yield from sizes.check_range(same, len(placed))


def _file(p: Placed, uri: Uri) -> Iterator[Fault]:
    if p.dataset.claim is not None:
        return
    folder = os.path.isdir(os.path.dirname(uri.path))  # noqa: PTH112, PTH120  Path's raise for names that are too long
    if not os.path.isfile(uri.path) and (folder or not p.absolute):  # noqa: PTH113  likewise
        message = (
            f"file {uri.path!r} of uri {p.dataset.spec.uri!r} does not exist; mend the path, or put the file there"
        )
        yield p.fault("T038", message, "uri")


def _overlaps(uses: Sequence[tuple[Placed, Uri]]) -> Iterator[Fault]:
    """Two uses of one source are disjoint if they are different parts of the same division."""
    seen: dict[tuple[int, int], Placed] = {}
    first, division = uses[0][0], uses[0][1].parts
    split = first.dataset.spec.split
    for p, uri in uses:
        other, how = seen.setdefault((uri.part, uri.parts), p), "the same part"
        mine = p.dataset.spec.split
        if other is p and (uri.parts != division or (mine is not split and mine != split)):
            other, how = first, "another division"
        if other is not p:
            message = (
                f"{p.dataset.spec.uri!r} shares samples with dataset {other.dataset.spec.name!r}, which has {how} of "
                f"the same data ({other.dataset.spec.uri!r}); give each dataset its own K of the same N and split"
            )
            yield p.fault("T037", message, "uri")
