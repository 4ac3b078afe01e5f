"""Rules of the datasets: who trains on them, their names, where they come from (T030–T039)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tag.datasets import Dataset
from tag.expand import matching
from tag.faults import Fault
from tag.infer import Complete
from tag.names import RULE, hint, is_name, listing
from tag.source import Document, Where
from tag.uri import Uri, parse_uri


@dataclass(frozen=True)
class Placed:
    """A dataset and where it is written.

    Attributes:
        dataset: what was written.
        document: the file.
        where: its place there.
        absolute: its URI was written with an absolute path, which may be of another machine.
    """

    dataset: Dataset
    document: Document
    where: Where
    absolute: bool = False

    def fault(self, code: str, message: str, field: str = "") -> Fault:
        """A fault of this dataset, or of one of its fields."""
        where = (*self.where, field) if field else self.where
        return self.document.fault(where, code, f"dataset {self.dataset.spec.name!r}", message)


def check(whole: Complete, placed: Sequence[Placed], home: Document, at: Where) -> Iterator[Fault]:
    """The faults of who trains on what.

    Args:
        whole: the TAG, completed.
        placed: all datasets.
        home: the file in which datasets are listed.
        at: their place there.
    """
    tag = whole.tag
    known = [role.name for role in tag.data_roles]
    fed = {p.dataset.role for p in placed}
    for name in known:
        if name not in fed:
            message = "the role has isDataConsumer: true but no datasets, so it would have no workers; give it one"
            yield home.fault(at, "T030", f"role {name!r}", message)
    for p in placed:
        role, group = tag.role(p.dataset.role), p.dataset.group
        if role is None:
            message = f"is for role {p.dataset.role!r}, which the TAG lacks{hint(p.dataset.role, known)}"
            yield p.fault("T031", f"{message}; the roles with data are {listing(known)}")
        elif not role.is_data_consumer:
            message = f"is for role {role.name!r}, which takes no data; set isDataConsumer: true there"
            yield p.fault("T032", f"{message}, or write one of {listing(known)}")
        elif role.name not in whole.unclear:
            entries = matching(role, group)
            groups = {g for channel in tag.channels_of(role.name) for g in channel.groups}
            if not entries:
                message = f"is in group {group!r}, which no groupAssociation of role {role.name!r} has"
                remedy = "add it there" if group in groups else "add it to a channel's groupBy"
                yield p.fault("T033", f"{message}{hint(group, groups)}; the groups are {listing(groups)}; {remedy}")
            elif len({str(sorted(entry.items())) for entry in entries}) > 1:
                message = f"is in group {group!r}, which {len(entries)} associations of role {role.name!r} have"
                yield p.fault("T039", f"{message}; list it under a group that only one has")


def check_names(placed: Sequence[Placed]) -> Iterator[Fault]:
    """Datasets whose names are no names, or given twice."""
    first: dict[str, Placed] = {}
    for p in placed:
        name = p.dataset.spec.name
        if not is_name(name):
            yield p.fault("T010", f"the name can't stand in worker ids; {RULE}", "name")
        before = first.setdefault(name, p)
        if before is not p:
            place = f"{before.document.shown}:{before.document.line(before.where)}"
            message = f"the name is given twice, first in {place}; give each dataset its own, and list it once"
            yield p.fault("T035", message, "name")


def check_sources(placed: Sequence[Placed]) -> Iterator[Fault]:
    """Faults of where the data comes from: unknown forms, missing files, regions that share samples."""
    sources: dict[tuple[str, str], list[tuple[Placed, Uri]]] = {}
    for p in placed:
        try:
            uri = parse_uri(p.dataset.spec.uri)
        except ValueError as error:
            yield p.fault("T036", str(error), "uri")
            continue
        sources.setdefault((uri.scheme, uri.path), []).append((p, uri))
        yield from _file(p, uri)
        if p.dataset.residency not in (None, p.dataset.region):
            message = f"residency {p.dataset.residency!r} forbids its region {p.dataset.region!r}; make them the same"
            yield p.fault("T051", message, "residency")
    for uses in sources.values():
        yield from _overlaps(uses)


def _file(p: Placed, uri: Uri) -> Iterator[Fault]:
    if uri.scheme != "npz" or p.dataset.claim is not None:
        return
    path = Path(uri.path)
    if not path.is_file() and (path.parent.is_dir() or not p.absolute):
        message = (
            f"file {uri.path!r} of uri {p.dataset.spec.uri!r} does not exist; mend the path, or put the file there"
        )
        yield p.fault("T038", message, "uri")


def _overlaps(uses: Sequence[tuple[Placed, Uri]]) -> Iterator[Fault]:
    """Two uses of one source are disjoint if they are different parts of the same division."""
    seen: dict[tuple[int, int], Placed] = {}
    first, division = uses[0], uses[0][1].parts
    for p, uri in uses:
        twin = seen.setdefault((uri.part, uri.parts), p)
        other = twin if twin is not p else None
        how = "the same part"
        if other is None and (uri.parts != division or p.dataset.spec.split != first[0].dataset.spec.split):
            other, how = first[0], "another division"
        if other is not None:
            message = (
                f"{p.dataset.spec.uri!r} shares samples with dataset {other.dataset.spec.name!r}, which has {how} of "
                f"the same data ({other.dataset.spec.uri!r}); give each dataset its own K of the same N and split"
            )
            yield p.fault("T037", message, "uri")
