"""What an imported dataset trains on: Flame names data by URLs, which neither its examples nor fedtag fetch."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tag.assemble import located
from tag.faults import Fault, TagError
from tag.flame.files import DatasetRecord
from tag.flame.job import Entry
from tag.reading.paths import is_folder, resolved
from tag.uri import parse_uri

FORMS = "mnist: (parts of MNIST), program: (parts of the program's own data), npz:FOLDER/ (the files there), npz:FILE"
"""What `--data` takes."""

MNIST, MEDMNIST, ANY = "mnist.py", "medmnist.py", "softmax.py"
"""Programs that come with fedtag: of MNIST, of MedMNIST's shape, of any data."""


@dataclass(frozen=True)
class Chosen:
    """What a dataset trains on.

    Attributes:
        uri: of the data.
        program: the file's name of a program of fedtag's for it, or None.
        why: it stands for the record's URL; empty if it is the same data.
    """

    uri: str
    program: str | None
    why: str = ""


def choose(entries: Sequence[Entry], wanted: str | None) -> list[Chosen]:
    """The data of each dataset.

    Args:
        entries: of the job.
        wanted: the user's choice for all (`FORMS`); None takes what the records name, where it is known.

    Raises:
        TagError: it is not known (T036).
    """
    if wanted is not None:
        make = _wanted(wanted)
        return [make(entry, k, len(entries)) for k, entry in enumerate(entries, 1)]
    kinds = [_kind(entry) for entry in entries]
    if None in kinds:
        raise TagError(_unknown(entry) for entry, kind in zip(entries, kinds, strict=True) if kind is None)
    parts, seen = Counter(kinds), Counter[str | None]()
    chosen = []
    for entry, kind in zip(entries, kinds, strict=True):
        seen[kind] += 1
        chosen.append(_known(entry, kind, seen[kind], parts[kind]))
    return chosen


def _wanted(wanted: str) -> Callable[[Entry, int, int], Chosen]:
    scheme, _, rest = wanted.partition(":")
    why = "as --data asks"
    if scheme == "mnist" and not rest:
        return lambda _, k, n: Chosen(f"mnist:{k}/{n}", MNIST, why)
    if scheme == "program" and not rest:
        return lambda entry, k, n: Chosen(f"program:{k}/{n}", _program(entry, None), why)
    if scheme == "npz" and rest:
        path = resolved(Path.cwd(), rest)
        if is_folder(path) or rest.endswith("/"):
            return lambda entry, _k, _n: Chosen(f"npz:{path / _file_name(entry.record)}", _program(entry, ANY), why)
        return lambda entry, k, n: Chosen(f"npz:{path}" + (f"#{k}/{n}" if n > 1 else ""), _program(entry, ANY), why)
    message = f"{wanted!r} has no form that is known; the forms are {FORMS}"
    raise TagError([Fault("--data", 1, "T036", "--data", message)])


def _program(entry: Entry, other: str | None) -> str | None:
    """The program for files or made data in a record's place."""
    return MEDMNIST if _kind(entry) == "medmnist" else other


def _kind(entry: Entry) -> str | None:
    """`own` for a URI or a file that fedtag reads, `mnist`, `medmnist`, or None for what nobody knows."""
    record = entry.record
    words = (record.name.lower(), PurePosixPath(record.url).stem.lower())
    if _own(entry) is not None:
        return "own"
    if any("medmnist" in text for text in (*words, record.url.lower())):
        return "medmnist"
    if any(re.match(r"mnist(?![a-z])", text) for text in words):
        return "mnist"
    return None


def _known(entry: Entry, kind: str | None, part: int, parts: int) -> Chosen:
    if kind == "mnist":
        return Chosen(f"mnist:{part}/{parts}", MNIST, "nobody fetches the url, and MNIST comes with fedtag")
    if kind == "medmnist":
        why = "nobody fetches the url, so data of its shape is made; --data npz:FOLDER/ takes downloaded files"
        return Chosen(f"program:{part}/{parts}", MEDMNIST, why)
    uri = _own(entry) or ""
    return Chosen(uri, {"mnist": MNIST, "npz": ANY}.get(parse_uri(uri).scheme))


def _own(entry: Entry) -> str | None:
    """The data URI that a record's URL is or, as a local file, stands for."""
    url = entry.record.url
    if url.endswith(".npz") and not re.match(r"[a-z]{2,}:", url.removeprefix("file://")):
        url = f"npz:{url.removeprefix('file://')}"
    try:
        parse_uri(url)
    except ValueError:
        return None
    return located(url, entry.folder).uri


def _unknown(entry: Entry) -> Fault:
    message = (
        f"url {entry.record.url!r} names data that fedtag neither has nor fetches; "
        f"say with --data what to train on: {FORMS}"
    )
    return entry.source.fault(("url",), "T036", f"dataset {entry.name!r}", message)


def _file_name(record: DatasetRecord) -> str:
    return PurePosixPath(record.url).name or record.name
