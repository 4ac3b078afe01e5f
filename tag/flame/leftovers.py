"""What a Flame job says that means nothing here, so that nothing is passed over in silence (T019)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from tag.faults import Fault
from tag.flame.files import Hyperparameters
from tag.flame.job import Job
from tag.names import listing
from tag.reading.parse import dig
from tag.reading.places import Where
from tag.reading.source import Document
from tag.rules.options import BUFFERED, COMMENT

RUNS = {"privacy": "default", "datasampler": "default"}
"""What runs of Flame's choices but `tag.options`, each of which has a `sort` and its `kwargs`."""

PLAIN = {"optimizer": ("fedavg",), "selector": ("default", "all"), **{field: (runs,) for field, runs in RUNS.items()}}
"""Sorts that take no arguments, the one that Flame means where it says nothing first."""

_JOB = {
    "designId": "it names a design on Flame's server, and the TAG is a file here",
    "schemaVersion": "it counts designs on Flame's server, and the TAG is a file here",
    "codeVersion": "it counts uploads to Flame's server, and the program is a file here",
    "priority": "Flame never reads it either",
    "maxRunTime": "a run ends after its rounds; maxWait in the stack bounds each wait",
}
_MODEL = {
    "baseModel": "there is no model registry; the program builds the first model",
    "dependencies": "nothing installs them, in Flame as here; a program imports what the trainer image has",
    "registry": "models are kept with the run",
}
_RECORD = {
    "dataFormat": "the dataset's uri says how it is read",
    "isPublic": "a dataset is read by its own worker alone",
    "computeId": "it names a cluster of Flame's; a region's cluster stands in the stack",
}


@dataclass(frozen=True)
class Leftover:
    """A field that means nothing here.

    Attributes:
        document: the file that has it.
        where: its place there.
        field: its name, with the names around it.
        value: as written.
        why: it means nothing.
    """

    document: Document
    where: Where
    field: str
    value: Any
    why: str


def leftovers(job: Job) -> Iterator[Leftover]:
    """Each such field that says something; empty values say nothing."""
    yield from _of(job.file_document, _JOB)
    if job.file.backend != "mqtt":
        why = "every channel runs over mqtt"
        yield Leftover(job.file_document, ("backend",), "backend", job.file.backend, why)
    yield from _of(job.model_document, _MODEL)
    for field, plain in PLAIN.items():
        named = getattr(job.model, field)
        sort = named.sort or plain[0]
        if sort in plain and named.kwargs:
            yield _at(job.model_document, (field, "kwargs"), f"{sort!r} takes no arguments")
    known = {field.alias or name for name, field in Hyperparameters.model_fields.items()}
    said = (*BUFFERED, COMMENT) if job.model.optimizer.sort == "fedbuff" else (COMMENT,)
    for name in job.model.hyperparameters.model_extra or {}:
        if name in said:
            continue
        why = f"no program is given it; {listing(known)} are"
        yield _at(job.model_document, ("hyperparameters", name), why)
    for record in job.records.values():
        yield from _of(record.document, _RECORD)


def warnings(job: Job) -> Iterator[Fault]:
    """One warning for each file, and one for all dataset records."""
    found = list(leftovers(job))
    kinds = {id(job.file_document): "job", id(job.model_document): "modelSpec"}
    for kind, group in groupby(found, key=lambda each: kinds.get(id(each.document), "datasets")):
        yield _warning(kind, list(group))


def _warning(kind: str, found: Sequence[Leftover]) -> Fault:
    fields = {each.field for each in found}
    files = len({id(each.document) for each in found})
    message = f"{listing(fields)} {'mean' if len(fields) > 1 else 'means'} nothing here"
    message += f", in {files} records" if files > 1 else ""
    return found[0].document.fault(found[0].where, "T019", kind, f"{message}; leave them for Flame", "warning")


def _of(document: Document, whys: dict[str, str]) -> Iterator[Leftover]:
    for field, why in whys.items():
        if not _empty(dig(document.data, (field,))):
            yield _at(document, (field,), why)


def _at(document: Document, where: Where, why: str) -> Leftover:
    return Leftover(document, where, ".".join(map(str, where)), dig(document.data, where), why)


def _empty(value: Any) -> bool:
    """Whether a value says nothing: none, an empty text, list or mapping, a model of no name, or a mapping of such."""
    if isinstance(value, dict):
        return value.get("name") == "" or all(_empty(inner) for inner in value.values())
    return value is None or value in ("", [])
