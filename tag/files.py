"""The files that a stack or a job is made of, each read and checked on its own; their faults are gathered."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tag.assemble import from_job, from_stack, with_job
from tag.faults import Fault, TagError, split
from tag.names import hint, listing
from tag.reading.parse import dig, parse
from tag.reading.paths import is_file, is_folder, shown
from tag.reading.places import Where
from tag.reading.source import Document, read
from tag.rules import associations, data, naming, options, run, sources, structure
from tag.rules.data import Placed
from tag.schema import Tag
from tag.stack import FEDERATION, SECRET, Stack

if TYPE_CHECKING:
    from tag.flame.job import Job

AT: Where = ("config", FEDERATION)
"""The federation's place in a stack file."""

_DROPPABLE = {f.alias or n for n, f in Stack.model_fields.items()} - {"tag", "program", "datasets", "job"}
"""Fields of a stack whose wrong values don't keep the other files from being checked."""


def read_tag(
    path: Path, faults: list[Fault], said: tuple[Document, Where] | None = None
) -> tuple[Document, Tag | None]:
    """A TAG whose graph holds together, or None; its faults are added."""
    if said is not None and not is_file(path):
        document, where = said
        message = f"file {shown(path)!r} does not exist; mend the path, which is relative to this file"
        faults.append(document.fault(where, "T001", "tag", message))
        return document, None
    try:
        document = read(path)
    except TagError as error:
        faults += error.faults
        return Document(path, None), None
    tag, found = parse(Tag, document)
    if tag is not None:
        broken = list(structure.check(tag, document))
        if split(broken)[0]:
            broken += associations.check_written(tag, document)
            tag = None
        found += broken
    faults += found
    return document, tag


def read_stack(path: Path, faults: list[Fault]) -> tuple[Document, Stack | None]:
    """A stack file's federation, or None; its faults are added.

    Raises:
        TagError: the file is missing or malformed.
    """
    document = read(path)
    config = dig(document.data, ("config",))
    config = config if isinstance(config, dict) else {}
    for key in config:
        if key.startswith("fedtag:") and key not in (FEDERATION, SECRET):
            message = f"unknown{hint(key, (FEDERATION, SECRET))}; fedtag's keys are {listing((FEDERATION, SECRET))}"
            faults.append(document.fault(("config", key), "T004", f"key {key!r}", message))
    if FEDERATION not in config:
        message = f"has no {FEDERATION!r} under 'config'; write the federation there (see stacks/ for examples)"
        faults.append(document.fault(("config",), "T005", "stack", message))
        return document, None
    stack, found = parse(Stack, document, AT, _DROPPABLE)
    faults += found
    return document, None if stack is None else options.checked(stack, document, AT, faults)


def read_named_tag(document: Document, faults: list[Fault]) -> None:
    """Adds the faults of the TAG that a stack names whose other fields are broken, so that all are told at once."""
    where = (*AT, "tag")
    named = dig(document.data, where)
    if isinstance(named, str):
        read_tag(document.resolve(named), faults, said=(document, where))


def read_job(folder: Path, faults: list[Fault]) -> Job | None:
    """A Flame job, or None; its faults are added."""
    from tag.flame.job import load_job
    from tag.flame.leftovers import warnings

    try:
        job = load_job(folder)
    except TagError as error:
        faults += error.faults
        return None
    faults += warnings(job)
    return job


def read_datasets(
    stack: Stack, tag: Tag | None, document: Document, faults: list[Fault]
) -> tuple[Stack, list[Placed] | None]:
    """The stack with its job's hyperparameters, and its datasets; None if they can't be listed."""
    if stack.job is not None and stack.datasets:
        message = "job and datasets are both given, and each lists the datasets; keep one of them"
        faults.append(document.fault((*AT, "job"), "T047", "stack", message))
        return stack, None
    if stack.job is not None:
        folder = document.resolve(stack.job)
        if not is_folder(folder):
            message = f"{stack.job!r} is no folder; name the folder with dataSpec.json, relative to this file"
            faults.append(document.fault((*AT, "job"), "T001", "job", message))
            return stack, None
        job = read_job(folder, faults)
        if job is None:
            return stack, None
        stack = with_job(stack, job.model.hyperparameters, options.job_choices(job))
        faults += options.check_job(job)
        faults += naming.check_paths((e.group, e.document, e.where) for e in job.entries)
        placed = from_job(job, stack.train_settings, stack.split, stack.validation)
    else:
        roles = [role.name for role in tag.data_roles] if tag is not None else []
        if len(roles) > 1:
            message = (
                f"a stack's datasets are for one role, and the TAG has data for {listing(roles)}; give a job instead"
            )
            faults.append(document.fault((*AT, "datasets"), "T047", "stack", message))
            return stack, None
        at = (*AT, "datasets")
        faults += naming.check_paths((group, document, (*at, group)) for group in stack.datasets)
        faults += data.check_filled(stack.datasets, document, at)
        found = list(from_stack(stack, roles[0] if roles else "", document, AT))
        faults += [item for item in found if isinstance(item, Fault)]
        placed = [item for item in found if isinstance(item, Placed)]
    faults += data.check_names(placed)
    faults += sources.check(placed)
    faults += run.check_settings(stack, len(placed), document, AT)
    return stack, placed


def read_programs(
    stack: Stack, tag: Tag, document: Document, tag_document: Document, faults: list[Fault]
) -> dict[str, str]:
    """The path of each role's program: its own, or the stack's for a role with data; faults are added."""
    programs: dict[str, str] = {}
    for i, role in enumerate(tag.roles):
        path: Path | None = None
        home, where = document, (*AT, "program")
        if role.program is not None:
            home, where = tag_document, ("roles", i, "program")
            path = home.resolve(role.program)
        elif role.is_data_consumer and stack.program is not None:
            path = home.resolve(stack.program)
        if path is None and not role.is_data_consumer:
            continue
        faults += run.check_program(path, role.name, home, where)
        programs[role.name] = str(path)
    return programs
