"""Rules of a run: what a plan that is right as a graph still needs, to be started (T040–T049)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tag.faults import Fault
from tag.infer import Complete
from tag.names import LONGEST, RULE, is_name
from tag.plan import EVERY_GROUP, Plan
from tag.rules.data import Placed
from tag.schema import Tag
from tag.source import Document, Where
from tag.stack import Stack

if TYPE_CHECKING:
    from tag.job import Job

RUNS_TODAY = (
    "a star: one channel, a role with data at one end, one aggregator (with any number of replicas) at the other"
)


def check_ids(plan: Plan, placed: Sequence[Placed], document: Document) -> Iterator[Fault]:
    """Worker ids that are given twice or are too long; told of the dataset, else of the document."""
    places = {p.dataset.spec.name: (p.document, p.where) for p in placed}
    before = ""
    for worker in plan.workers:
        name, data = worker.spec.worker, worker.spec.dataset
        home, where = places[data.name] if data is not None else (document, ())
        if name == before:
            message = "two workers have this id; rename a role, a group or a dataset, so that the joined names differ"
            yield home.fault(where, "T045", f"worker {name!r}", message)
        if len(name) > LONGEST:
            message = (
                f"the id has {len(name)} characters, at most {LONGEST} are allowed; shorten role, group or dataset"
            )
            yield home.fault(where, "T046", f"worker {name!r}", message)
        before = name


def check_topology(whole: Complete, document: Document) -> Iterator[Fault]:
    """A TAG that expands, but that this version can't run yet."""
    tag = whole.tag
    why = _why_not(tag)
    if why:
        yield document.fault(
            ("channels",), "T044", "TAG", f"this topology can't run yet: {why}; runs today: {RUNS_TODAY}"
        )


def _why_not(tag: Tag) -> str:
    if len(tag.channels) != 1:
        return f"it has {len(tag.channels)} channels"
    channel = tag.channels[0]
    ends = [role for name in channel.pair if (role := tag.role(name)) is not None]
    leaders = [role for role in ends if not role.is_data_consumer]
    if len(leaders) != 1:
        return f"channel {channel.name!r} joins two roles {'without' if leaders else 'with'} data"
    if "aggregate" not in channel.func_tags.get(leaders[0].name, ()):
        return f"role {leaders[0].name!r} does not aggregate on channel {channel.name!r}"
    if len(leaders[0].group_association) != 1:
        return (
            f"role {leaders[0].name!r} has {len(leaders[0].group_association)} separate aggregators "
            f"(one for all groups is groupAssociation: [{{{channel.name}: {EVERY_GROUP!r}}}])"
        )
    return ""


def check_settings(stack: Stack, trainers: int, document: Document, at: Where) -> Iterator[Fault]:
    """Settings that no round of so many trainers could meet."""
    if stack.quorum is not None and stack.quorum > trainers:
        message = (
            f"quorum {stack.quorum} is more than the {trainers} trainers of the plan; write all, or at most {trainers}"
        )
        yield document.fault((*at, "quorum"), "T040", "quorum", message)
    elif stack.quorum is not None and stack.quorum < trainers and stack.deadline is None:
        message = (
            f"quorum {stack.quorum} of {trainers} has no effect without a deadline, as a round closes early only "
            "at its deadline; set deadline (seconds), or write quorum: all"
        )
        yield document.fault((*at, "quorum"), "T041", "quorum", message, "warning")
    if stack.deadline is not None and stack.deadline > stack.max_wait:
        message = f"deadline {stack.deadline:g} is later than maxWait {stack.max_wait:g}, which ends the run; lower it"
        yield document.fault((*at, "deadline"), "T041", "deadline", message, "warning")


def check_federation(name: str, document: Document, at: Where) -> Iterator[Fault]:
    """The federation's name, which stands in topics and namespaces."""
    if not is_name(name):
        message = f"the federation's name can't stand in topics and namespaces; {RULE}; set name in the stack"
        yield document.fault((*at, "name"), "T010", f"federation {name!r}", message)


def check_program(path: Path | None, role: str, document: Document, where: Where) -> Iterator[Fault]:
    """The program of a role: its file must be there; a role with data needs one (path None)."""
    if path is None:
        message = "the role has data but no program that would train on it; set program in the stack"
        yield document.fault(where, "T043", f"role {role!r}", message)
    elif not path.is_file():
        message = f"file {str(path)!r} does not exist; mend the path, which is relative to this file"
        yield document.fault(where, "T042", f"program of role {role!r}", message)


def check_job(job: Job) -> Iterator[Fault]:
    """What a Flame job asks for that does not run yet."""
    for field, named, runs in (
        ("optimizer", job.model.optimizer, "fedavg"),
        ("selector", job.model.selector, "default"),
    ):
        if named.sort not in (None, "", runs):
            message = f"{named.sort!r} can't run yet; runs today: {runs!r}"
            yield job.model_document.fault((field, "sort"), "T049", field, message)


def why_inexact(stack: Stack, trainers: int) -> Iterator[str]:
    """Why two runs of a stack with the same seed may end with different models; nothing if they can't."""
    if stack.quorum is not None and stack.quorum < trainers and stack.deadline is not None:
        yield (
            f"a round may close at its deadline of {stack.deadline:g} s with {stack.quorum} of {trainers} trainers, "
            "and who they are depends on their speed"
        )
