"""Datasets as a stack or a Flame job lists them → `Dataset`s with their places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tag.datasets import Dataset
from tag.faults import Fault
from tag.names import group_name, group_region
from tag.options import Choice
from tag.reading.paths import resolved
from tag.reading.places import Where
from tag.reading.source import Document
from tag.rules.data import Placed
from tag.settings import DatasetSpec, Split, TrainSettings
from tag.stack import Stack, StackDataset

if TYPE_CHECKING:
    from tag.flame.files import Hyperparameters
    from tag.flame.job import Job


class Located(NamedTuple):
    """A data URI whose path holds everywhere.

    Attributes:
        uri: with an absolute path.
        absolute: it was written so.
    """

    uri: str
    absolute: bool


def located(uri: str, folder: Path) -> Located:
    """A URI with its path made absolute; relative paths are relative to the folder of the file that has them."""
    path = uri.removeprefix("npz:")
    if path == uri or not path or path.startswith("/"):
        return Located(uri, absolute=True)
    name, mark, part = path.partition("#")
    return Located(f"npz:{resolved(folder, name)}{mark}{part}", absolute=False)


def with_job(stack: Stack, hyper: Hyperparameters, choices: Mapping[str, Choice]) -> Stack:
    """A stack with a job's hyperparameters, optimizer and selector where it sets none itself."""
    given = {field: getattr(hyper, field) for field in type(hyper).model_fields} | dict(choices)
    updates = {f: v for f, v in given.items() if v is not None and f not in stack.model_fields_set}
    return stack.model_copy(update=updates)


def from_job(job: Job, train: TrainSettings, split: Split, validation: float) -> list[Placed]:
    """The datasets of a Flame job."""
    placed = []
    for entry in job.entries:
        uri, absolute = located(entry.record.url, entry.folder)
        spec = DatasetSpec(name=entry.name, uri=uri, split=split, validation=validation)
        dataset = Dataset(entry.role, group_name(entry.group), spec, train, entry.region)
        placed.append(Placed(dataset, entry.document, entry.where, absolute))
    return placed


def from_stack(stack: Stack, role: str, document: Document, at: Where) -> Iterator[Placed | Fault]:
    """The datasets of a stack, and those without a name where one is needed (T047).

    Args:
        stack: with datasets by group.
        role: that they are for.
        document: the stack file.
        at: the federation's place there.
    """
    train, folder = stack.train_settings, document.path.parent
    for group, entries in stack.datasets.items():
        for k, entry in enumerate(entries):
            where = (*at, "datasets", group, k)
            name = entry.name or (group_name(group) if len(entries) == 1 else None)
            if name is None:
                message = (
                    f"name is missing, and group {group!r} has {len(entries)} datasets; name each, "
                    f"as in name: {group}-{k + 1}"
                )
                yield document.fault(where, "T047", f"dataset {k + 1} of group {group!r}", message)
                name = f"{group_name(group)}-{k + 1}"
            uri, absolute = located(entry.uri, folder)
            dataset = Dataset(
                role=role,
                group=group_name(group),
                spec=_spec(stack, entry, name, uri),
                train=_train(train, entry),
                region=entry.region or group_region(group),
                claim=entry.claim,
                residency=entry.residency,
            )
            yield Placed(dataset, document, where, absolute)


def _spec(stack: Stack, entry: StackDataset, name: str, uri: str) -> DatasetSpec:
    return DatasetSpec(
        name=name,
        uri=uri,
        split=entry.split or stack.split,
        validation=stack.validation if entry.validation is None else entry.validation,
    )


def _train(train: TrainSettings, entry: StackDataset) -> TrainSettings:
    own = {f: value for f in ("epochs", "batch_size", "learning_rate") if (value := getattr(entry, f)) is not None}
    return train.model_copy(update=own) if own else train
