"""Rules of the datasets: who trains on them, their names and regions (T030–T035, T039, T051, T061)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tag.datasets import Dataset
from tag.expand import matching
from tag.faults import Fault
from tag.infer import Complete
from tag.names import ROOT_GROUP, RULE, group_region, hint, is_name, listing, slug
from tag.reading.places import Where
from tag.reading.source import Document
from tag.rules.naming import CLAIM_RULE, LABEL_RULE, is_claim, is_label


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

    def fault(self, code: str, message: str, field: str = "", severity: Literal["error", "warning"] = "error") -> Fault:
        """A fault of this dataset, or of one of its fields."""
        where = (*self.where, field) if field else self.where
        return self.document.fault(where, code, f"dataset {self.dataset.spec.name!r}", message, severity)


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
    verdicts: dict[tuple[str, str], tuple[str, str] | None] = {}
    associations = {role.name: matching(role) for role in tag.data_roles}
    for p in placed:
        key = (p.dataset.role, p.dataset.group)
        if key not in verdicts:
            verdicts[key] = _verdict(whole, associations.get(key[0], {}), *key)
        verdict = verdicts[key]
        if verdict is not None:
            yield p.fault(*verdict)
        elif _unlike(p.dataset):
            message = (
                f"region {p.dataset.region!r} is unlike its group {p.dataset.group!r}, which others take for its "
                "place; list it under another group, or mend the region"
            )
            yield p.fault("T061", message, "region", "warning")


def _verdict(
    whole: Complete, associations: Mapping[str, Sequence[Mapping[str, str]]], name: str, group: str
) -> tuple[str, str] | None:
    """The code and message of the fault that all datasets for this role and in this group have."""
    tag = whole.tag
    known = [role.name for role in tag.data_roles]
    role = tag.role(name)
    if role is None:
        return (
            "T031",
            f"is for role {name!r}, which the TAG lacks{hint(name, known)}; those with data: {listing(known)}",
        )
    if not role.is_data_consumer:
        message = f"is for role {name!r}, which takes no data; set isDataConsumer: true there"
        return "T032", f"{message}, or write one of {listing(known)}"
    if name in whole.unclear:
        return None
    entries = associations.get(group, ())
    if not entries:
        groups = {g for channel in tag.channels_of(name) for g in channel.groups}
        message = f"is in group {group!r}, which no groupAssociation of role {name!r} has"
        if group in groups:
            return "T033", f"{message}; add it there, or list the dataset under one of {listing(associations)}"
        return (
            "T033",
            f"{message}{hint(group, groups)}; the groups are {listing(groups)}; add it to a channel's groupBy",
        )
    if any(entry != entries[0] for entry in entries):
        message = f"is in group {group!r}, which {len(entries)} associations of role {name!r} have"
        return "T039", f"{message}; list it under a group that only one has"
    return None


def _unlike(dataset: Dataset) -> bool:
    """Whether a region has nothing of its group's name: `eu-west`, `europe` and `west-eu` are like `eu`."""
    region, group = dataset.region, dataset.group
    if region is None or group in (region, ROOT_GROUP):
        return False
    here, there = slug(region), slug(group_region(group))
    return not (here.startswith(there) or there.startswith(here) or {*here.split("-")} & {*there.split("-")})


def _place(p: Placed) -> Iterator[Fault]:
    region, claim, residency = p.dataset.region, p.dataset.claim, p.dataset.residency
    if region is not None and not is_label(region):
        yield p.fault("T010", f"region {region!r} can't be a label of machines; {LABEL_RULE}", "region")
    if claim is not None and not is_claim(claim):
        yield p.fault("T010", f"claim {claim!r} can't be a volume claim's name; {CLAIM_RULE}", "claim")
    if residency not in (None, region):
        message = f"residency {residency!r} forbids its region {region!r}; make them the same"
        yield p.fault("T051", message, "residency")


def check_filled(datasets: Mapping[str, Sequence[object]], document: Document, at: Where) -> Iterator[Fault]:
    """Groups that a stack lists without a dataset."""
    for group, entries in datasets.items():
        if not entries:
            message = "has an empty list of datasets, so it has no worker with data; give it one, or leave it out"
            yield document.fault((*at, group), "T059", f"group {group!r}", message, "warning")


def check_names(placed: Sequence[Placed]) -> Iterator[Fault]:
    """Datasets whose names are no names or given twice, and regions that can't be or may not be."""
    first: dict[str, Placed] = {}
    sound: set[tuple[str | None, str | None, str | None]] = set()
    for p in placed:
        dataset = p.dataset
        name, place = dataset.spec.name, (dataset.region, dataset.claim, dataset.residency)
        if not is_name(name):
            yield p.fault("T010", f"the name can't stand in worker ids; {RULE}", "name")
        if place not in sound:
            faults = list(_place(p))
            yield from faults
            if not faults:
                sound.add(place)
        before = first.setdefault(name, p)
        if before is not p:
            told = f"{before.document.shown}:{before.document.line(before.where)}"
            message = f"the name is given twice, first in {told}; give each dataset its own, and list it once"
            yield p.fault("T035", message, "name")
