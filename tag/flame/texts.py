"""A Flame example as a TAG in YAML and a stack file, and what of it neither can carry. Texts only: writes nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tag.faults import Fault
from tag.flame.data import Chosen
from tag.flame.files import Hyperparameters
from tag.flame.job import Entry, Job
from tag.flame.leftovers import PLAIN, RUNS, leftovers
from tag.load import Expanded
from tag.reading.source import Document
from tag.rules.options import CHOICES, job_choices, job_problems
from tag.yaml_lines import block, flow, scalar

FLAMES_DEFAULTS = {"rounds": 1, "epochs": 1, "batch_size": 16}
"""What Flame's workers do where modelSpec.json says nothing."""

_COMMENTS = {
    "isDataConsumer: true": "one worker per dataset of the stack",
    "groupAssociation:": "a group of each of its channels; without data, each entry is a worker",
    "replica:": "copies of each worker: a leader and its standbys",
    "groupBy:": "workers of different groups don't hear each other",
    "funcTags:": "what each role does on this channel",
}
"""By the start of a line, of which the first is commented."""


@dataclass(frozen=True)
class Flame:
    """A Flame example that was read, and has no faults.

    Attributes:
        schema: its schema.json.
        job: its other files.
        expanded: its plan and the warnings of all files.
        data: what each dataset trains on, as the job lists them.
    """

    schema: Document
    job: Job
    expanded: Expanded
    data: Sequence[Chosen]


def tag_text(flame: Flame, head: Sequence[str]) -> str:
    """The TAG as YAML: what is written in the schema, without what means nothing here.

    Args:
        flame: the example.
        head: comment lines to begin with.
    """
    dead = {"revision", "connectors"}
    graph = {key: value for key, value in flame.schema.data.items() if key not in dead}
    graph["channels"] = [_without_dead(channel) for channel in graph["channels"]]
    lines = list(block(graph))
    for start, words in _COMMENTS.items():
        at = next((i for i, line in enumerate(lines) if line.lstrip(" -").startswith(start)), None)
        if at is not None:
            lines[at] += f" # {words}"
    for section in ("roles:", "channels:"):
        lines.insert(lines.index(section), "")
    return "\n".join([*head, *lines]) + "\n"


def _without_dead(channel: Mapping[str, Any]) -> dict[str, Any]:
    dead = {"isUnidirectional", "brokerHost", "broker", "backend"}
    first = {"name": channel["name"]}
    return first | {key: value for key, value in channel.items() if key not in dead}


def stack_text(flame: Flame, head: Sequence[str], tag: str, program: str) -> str:
    """The stack file.

    Args:
        flame: the example.
        head: comment lines to begin with.
        tag: path of the TAG, relative to the file.
        program: likewise of the program of the role with data.
    """
    lines = [*head, "config:", "  fedtag:federation:", f"    tag: {scalar(tag)}", f"    program: {scalar(program)}"]
    lines += [f"    {line}" for line in _settings(flame.job.model.hyperparameters)]
    lines += [
        f"    {field}: {flow(choice.model_dump(exclude_defaults=True))}"
        for field, choice in job_choices(flame.job).items()
    ]
    lines += ["    datasets: # by group of the TAG; each dataset gets a worker"]
    groups: dict[str, list[tuple[Entry, Chosen]]] = {}
    for entry, chosen in zip(flame.job.entries, flame.data, strict=True):
        groups.setdefault(entry.group, []).append((entry, chosen))
    for group, members in groups.items():
        lines.append(f"      {scalar(group)}:")
        for entry, chosen in members:
            lines += [f"        - name: {scalar(entry.name)}", f"          uri: {scalar(chosen.uri)}"]
            if _has_region(entry) and entry.region != group:
                lines.append(f"          region: {scalar(entry.region)} # realm {flow(entry.record.realm)} in Flame")
    return "\n".join(lines) + "\n"


def _settings(hyper: Hyperparameters) -> Iterator[str]:
    for name, field in Hyperparameters.model_fields.items():
        value = getattr(hyper, name)
        if value is not None:
            yield f"{field.alias}: {scalar(value)}"
        elif name in FLAMES_DEFAULTS:
            yield f"{field.alias}: {FLAMES_DEFAULTS[name]} # Flame's default"


def _has_region(entry: Entry) -> bool:
    return entry.record.realm.startswith("default/")


def not_carried_over(flame: Flame) -> Iterator[Fault]:
    """What neither file has, as warnings: a line each, with its place in Flame's files."""
    yield from (w for w in flame.expanded.warnings if w.file == flame.schema.shown)
    for left in leftovers(flame.job):
        yield left.document.fault(left.where, "T019", f"{left.field} {flow(left.value)}", left.why, "warning")
    for field, runs in RUNS.items():
        sort = getattr(flame.job.model, field).sort
        if sort not in (None, "", runs):
            message = f"it can't run yet; {runs!r} takes its place"
            yield flame.job.model_document.fault((field, "sort"), "T049", f"{field} {sort!r}", message, "warning")
    for field in CHOICES:
        sort = getattr(flame.job.model, field).sort
        for where, why in job_problems(flame.job, field):
            message = f"{why}; {PLAIN[field][0]!r} takes its place"
            yield flame.job.model_document.fault(where, "T049", f"{field} {sort!r}", message, "warning")
    for entry, chosen in zip(flame.job.entries, flame.data, strict=True):
        if chosen.why:
            message = f"{chosen.uri} takes its place: {chosen.why}"
            yield entry.source.fault(("url",), "T036", f"url {entry.record.url!r}", message, "warning")
        if entry.record.realm not in ("", "default") and not _has_region(entry):
            message = f"it names a cluster of Flame's; the worker runs in region {entry.group!r}, as its group"
            yield entry.source.fault(("realm",), "T019", f"realm {entry.record.realm!r}", message, "warning")
