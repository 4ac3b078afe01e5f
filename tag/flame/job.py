"""Flame's job: dataSpec, modelSpec, job.json and the dataset records, a folder of JSON files.

Flame's dataSpec names datasets by the ids that its server gave them, and the records in a folder have none. An id is
therefore looked up as a record's `id`, the stem of its file, or its name. If none of a job's ids is found so, and there
are as many records as ids, they are matched in order: the ids sorted, the files by natural order (`dataset2.json`
before `dataset10.json`); Flame's ids grow with time, and its examples register the files in that order.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tag.faults import Fault, TagError
from tag.flame.files import DatasetRecord, DataSpec, JobFile, ModelSpec
from tag.model import Model
from tag.names import group_region, listing, natural, slug
from tag.reading.parse import parse
from tag.reading.paths import is_file, is_folder, shown
from tag.reading.places import Where
from tag.reading.source import Document, read

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Record:
    """A dataset's record.

    Attributes:
        model: what it says.
        document: its file.
    """

    model: DatasetRecord
    document: Document


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
        source: where the record stands.
    """

    role: str
    group: str
    record: DatasetRecord
    name: str
    document: Document
    where: Where
    folder: Path
    source: Document

    @property
    def region(self) -> str:
        """The record's realm as a name (`default/us/west` → `us-west`); without a realm, the group."""
        realm = self.record.realm
        return slug(realm.removeprefix("default/")) if realm not in ("", "default") else group_region(self.group)


@dataclass(frozen=True)
class Job:
    """A Flame job that was read.

    Attributes:
        entries: the datasets, as the dataSpec lists them.
        model: its modelSpec.
        model_document: where that stands.
        file: its job.json.
        file_document: where that stands.
        records: all dataset records, by the stems of their files.
    """

    entries: tuple[Entry, ...]
    model: ModelSpec
    model_document: Document
    file: JobFile
    file_document: Document
    records: Mapping[str, Record]


def load_job(folder: Path) -> Job:
    """Reads a job's folder: job.json, if it is there, the specs that it names, and the records `dataset*.json`.

    Raises:
        TagError: a file is missing or broken, or a dataset of the dataSpec has no record (T034).
    """
    if not is_folder(folder):
        message = "is no folder; name the folder that holds dataSpec.json"
        raise TagError([Fault(shown(folder), 1, "T001", "job", message)])
    faults: list[Fault] = []
    file, file_document = _optional(JobFile, folder / "job.json", faults)
    said = file or JobFile()
    needed = "model_spec_path" in said.model_fields_set
    model, model_document = _optional(ModelSpec, folder / said.model_spec_path, faults, needed=needed)
    document = _read(folder / said.data_spec_path, faults)
    spec = _parsed(DataSpec, document.under("entries"), faults) if document is not None else None
    records = _records(folder, faults)
    if faults or document is None or spec is None or file is None or model is None:
        raise TagError(faults)
    entries = _entries(document.under("entries"), spec, records, folder)
    return Job(entries, model, model_document, file, file_document, records)


def _read(path: Path, faults: list[Fault]) -> Document | None:
    try:
        return read(path)
    except TagError as error:
        faults += error.faults
        return None


def _optional(kind: type[M], path: Path, faults: list[Fault], *, needed: bool = False) -> tuple[M | None, Document]:
    """The model in a file, or that of an empty file if there is none and it is not needed."""
    document = _read(path, faults) if needed or is_file(path) else Document(path, {})
    if document is None:
        return None, Document(path, {})
    return _parsed(kind, document, faults), document


def _parsed(kind: type[M], document: Document, faults: list[Fault]) -> M | None:
    model, found = parse(kind, document)
    faults += found
    return model


def _records(folder: Path, faults: list[Fault]) -> dict[str, Record]:
    """The dataset records by the stems of their files, in natural order."""
    records: dict[str, Record] = {}
    for path in sorted(folder.glob("dataset*.json"), key=lambda p: natural(p.stem)):
        document = _read(path, faults)
        record = _parsed(DatasetRecord, document, faults) if document is not None else None
        if document is not None and record is not None:
            records[path.stem] = Record(record, document)
    return records


def _entries(document: Document, spec: DataSpec, records: dict[str, Record], folder: Path) -> tuple[Entry, ...]:
    mentions = [
        (identity, entry.role, group, ("entries", e, "datasetGroups", group, i))
        for e, entry in enumerate(spec.entries)
        for group, ids in entry.dataset_groups.items()
        for i, identity in enumerate(ids)
    ]
    stems = _match(document, {identity: where for identity, _, _, where in reversed(mentions)}, records)
    shared = Counter(slug(record.model.name) for record in records.values())
    entries = []
    for identity, role, group, where in mentions:
        stem = stems[identity]
        record = records[stem]
        name = slug(record.model.name)
        name = name if shared[name] == 1 else slug(stem)
        entries.append(Entry(role, group, record.model, name, document, where, folder, record.document))
    return tuple(entries)


def _match(document: Document, mentions: dict[str, Where], records: dict[str, Record]) -> dict[str, str]:
    """The stem of the record's file, by the dataSpec's ids."""
    keys = [
        (key, stem)
        for stem, record in records.items()
        for key in dict.fromkeys((record.model.id or stem, stem, record.model.name, slug(record.model.name)))
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
