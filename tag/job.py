"""Flame's job: dataSpec, modelSpec, job.json and the dataset records, a folder of JSON files.

Flame's dataSpec names datasets by the ids that its server gave them, and the records in a folder have none. An id is
therefore looked up as a record's `id`, the stem of its file, or its name. If none of a job's ids is found so, and there
are as many records as ids, they are matched in order: the ids sorted, the files by natural order (`dataset2.json`
before `dataset10.json`); Flame's ids grow with time, and its examples register the files in that order.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict, Field

from tag.faults import Fault, TagError
from tag.names import listing, natural, slug
from tag.parse import parse
from tag.plan import Model
from tag.source import Document, Where, read, shown

M = TypeVar("M", bound=Model)


class DataSpecEntry(Model):
    """The datasets of a role: their ids by group.

    Attributes:
        role: that consumes them.
        dataset_groups: ids by group; an id is a record's `id`, the stem of its file, or its name.
    """

    role: str
    dataset_groups: dict[str, tuple[str, ...]]


class DataSpec(Model):
    """Flame's dataSpec.json, a list of entries."""

    entries: tuple[DataSpecEntry, ...]


class Named(Model):
    """A base model, or an optimizer or selector with its arguments.

    Attributes:
        name: of a base model.
        version: of a base model.
        sort: of an optimizer or selector.
        kwargs: its arguments.
    """

    name: str | None = None
    version: int | None = None
    sort: str | None = None
    kwargs: dict[str, Any] = Field(default_factory=dict)


class Hyperparameters(Model):
    """What modelSpec.json says of training; None is as elsewhere; other fields are the program's own.

    Attributes:
        rounds: of the run.
        epochs: passes over the data in a round.
        batch_size: samples in a step.
        learning_rate: of the program's optimizer.
    """

    model_config = ConfigDict(extra="allow")

    rounds: int | None = Field(default=None, ge=1)
    epochs: int | None = Field(default=None, ge=1)
    batch_size: int | None = Field(default=None, ge=1)
    learning_rate: float | None = Field(default=None, gt=0, allow_inf_nan=False)


class ModelSpec(Model):
    """Flame's modelSpec.json.

    Attributes:
        base_model: has no meaning here.
        optimizer: `fedavg`, also where it is left out.
        selector: `default`, also where it is left out.
        hyperparameters: of training.
        dependencies: has no meaning in Flame either.
        registry: has no meaning here.
    """

    base_model: Named = Named()
    optimizer: Named = Named()
    selector: Named = Named()
    hyperparameters: Hyperparameters = Hyperparameters()
    dependencies: tuple[str, ...] = ()
    registry: dict[str, Any] = Field(default_factory=dict)


class DatasetRecord(Model):
    """Flame's dataset.json.

    Attributes:
        id: of the dataset, if it has one.
        name: free text.
        url: where its data is.
        realm: `default/` and a region.
        description: free text.
        data_format: free text.
        is_public: has no meaning here.
    """

    id: str | None = None
    name: str
    url: str
    realm: str = ""
    description: str = ""
    data_format: str = ""
    is_public: bool = False


class JobFile(Model):
    """Flame's job.json; only the paths have a meaning here.

    Attributes:
        name: free text.
        design_id: has no meaning here.
        schema_version: has no meaning here.
        code_version: has no meaning here.
        priority: has no meaning in Flame either.
        backend: has no meaning here.
        max_run_time: has no meaning here.
        data_spec_path: the dataSpec, relative to this file.
        model_spec_path: the modelSpec, relative to this file.
    """

    name: str = ""
    design_id: str = ""
    schema_version: str = ""
    code_version: str = ""
    priority: str = ""
    backend: str = ""
    max_run_time: int = 0
    data_spec_path: str = "dataSpec.json"
    model_spec_path: str = "modelSpec.json"


@dataclass(frozen=True)
class Entry:
    """A dataset's mention in the dataSpec.

    Attributes:
        role: that consumes it.
        group: of the role's channels.
        record: its record.
        name: the record's name as a name; where records share one, the name of the record's file.
        document: the dataSpec.
        where: the mention's place there.
        folder: of the job, to which the record's paths are relative.
    """

    role: str
    group: str
    record: DatasetRecord
    name: str
    document: Document
    where: Where
    folder: Path

    @property
    def region(self) -> str:
        """The record's realm as a name (`default/us/west` → `us-west`); without a realm, the group."""
        realm = self.record.realm
        return slug(realm.removeprefix("default/")) if realm not in ("", "default") else self.group


@dataclass(frozen=True)
class Job:
    """A Flame job that was read.

    Attributes:
        entries: the datasets, as the dataSpec lists them.
        model: its modelSpec.
        model_document: where that stands.
    """

    entries: tuple[Entry, ...]
    model: ModelSpec
    model_document: Document


def load_job(folder: Path) -> Job:
    """Reads a job's folder: job.json, if it is there, the specs that it names, and the records `dataset*.json`.

    Raises:
        TagError: a file is missing or broken, or a dataset of the dataSpec has no record (T034).
    """
    if not folder.is_dir():
        message = "is no folder; name the folder that holds dataSpec.json"
        raise TagError([Fault(shown(folder), 1, "T001", "job", message)])
    faults: list[Fault] = []
    job_path = folder / "job.json"
    job = (_parsed(JobFile, read(job_path), faults) if job_path.is_file() else None) or JobFile()
    model_path = folder / job.model_spec_path
    model_document = read(model_path) if model_path.is_file() else Document(model_path, {}, {})
    model = _parsed(ModelSpec, model_document, faults)
    document = _wrapped(read(folder / job.data_spec_path))
    spec = _parsed(DataSpec, document, faults)
    records = _records(folder, faults)
    if faults or spec is None or model is None:
        raise TagError(faults)
    return Job(_entries(document, spec, records, folder), model, model_document)


def _parsed(kind: type[M], document: Document, faults: list[Fault]) -> M | None:
    model, found = parse(kind, document)
    faults += found
    return model


def _wrapped(document: Document) -> Document:
    """The dataSpec, which is a list, as a mapping."""
    lines: dict[Where, int] = {("entries", *where): line for where, line in document.lines.items()}
    return Document(document.path, {"entries": document.data}, lines)


def _records(folder: Path, faults: list[Fault]) -> dict[str, DatasetRecord]:
    """The dataset records by the stems of their files, in natural order."""
    records: dict[str, DatasetRecord] = {}
    for path in sorted(folder.glob("dataset*.json"), key=lambda p: natural(p.stem)):
        record = _parsed(DatasetRecord, read(path), faults)
        if record is not None:
            records[path.stem] = record
    return records


def _entries(document: Document, spec: DataSpec, records: dict[str, DatasetRecord], folder: Path) -> tuple[Entry, ...]:
    mentions = [
        (identity, entry.role, group, ("entries", e, "datasetGroups", group, i))
        for e, entry in enumerate(spec.entries)
        for group, ids in entry.dataset_groups.items()
        for i, identity in enumerate(ids)
    ]
    stems = _match(document, {identity: where for identity, _, _, where in reversed(mentions)}, records)
    shared = Counter(slug(record.name) for record in records.values())
    entries = []
    for identity, role, group, where in mentions:
        stem = stems[identity]
        name = slug(records[stem].name)
        name = name if shared[name] == 1 else slug(stem)
        entries.append(Entry(role, group, records[stem], name, document, where, folder))
    return tuple(entries)


def _match(document: Document, mentions: dict[str, Where], records: dict[str, DatasetRecord]) -> dict[str, str]:
    """The stem of the record's file, by the dataSpec's ids."""
    keys = [
        (key, stem)
        for stem, record in records.items()
        for key in dict.fromkeys((record.id or stem, stem, record.name, slug(record.name)))
    ]
    count = Counter(key for key, _ in keys)
    known = {key: stem for key, stem in keys if count[key] == 1}
    missing = [identity for identity in mentions if identity not in known]
    if missing and len(missing) == len(mentions) == len(records):
        return dict(zip(sorted(mentions), records, strict=True))
    message = (
        "no record has this id; give the dataset*.json the field id, or write the stem of its file; "
        f"the files are {listing(records)}"
    )
    if missing:
        raise TagError(document.fault(mentions[m], "T034", f"dataset {m!r}", message) for m in missing)
    return known
