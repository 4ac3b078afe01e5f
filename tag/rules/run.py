"""Rules of a run: what a plan that is right as a graph still needs, to be started (T040–T049, T064)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from tag.faults import Fault
from tag.infer import Complete
from tag.names import LONGEST, RULE, is_name
from tag.plan import Plan, PlannedWorker
from tag.reading.paths import is_file
from tag.reading.places import Where
from tag.reading.source import Document
from tag.rules import sizes
from tag.rules.asynchronous import is_asynchronous
from tag.rules.data import Placed
from tag.rules.tally import tally
from tag.rules.topology import RUNS_TODAY, missing
from tag.spec import EVERY_GROUP
from tag.stack import Stack


def check_ids(odd: Sequence[PlannedWorker], placed: Sequence[Placed], document: Document) -> Iterator[Fault]:
    """Worker ids that are given twice or are too long; told of the dataset, else of the document.

    Args:
        odd: the workers whose id is too long or given before (`tally`).
        placed: all datasets.
        document: where datasets are listed.
    """
    places: dict[str, Placed] = {}
    repeated: set[str] = set()
    for p in placed if odd else ():
        if places.setdefault(p.dataset.spec.name, p) is not p:
            repeated.add(p.dataset.spec.name)
    for worker in odd:
        spec = worker.spec
        home = places[spec.dataset.name] if spec.dataset is not None else None
        told, where = (document, ()) if home is None else (home.document, home.where)
        if len(spec.worker) > LONGEST and spec.dataset is None:
            continue  # told of the TAG
        if len(spec.worker) > LONGEST:
            count = len(spec.worker)
            message = f"the id has {count} characters, at most {LONGEST} are allowed; shorten role, group or dataset"
            yield told.fault(where, "T046", f"worker {spec.worker!r}", message)
        elif spec.dataset is None or spec.dataset.name not in repeated:  # else T035 tells
            message = "two workers have this id; rename a role, a group or a dataset, so that the joined names differ"
            yield told.fault(where, "T045", f"worker {spec.worker!r}", message)


def check_topology(whole: Complete, document: Document) -> Iterator[Fault]:
    """A TAG that expands, but that this version can't run yet."""
    if why := missing(whole.tag):
        message = f"this topology can't run yet, as no program does this: {'; '.join(why)}; runs today: {RUNS_TODAY}"
        yield document.fault(("channels",), "T044", "TAG", message)


def check_settings(stack: Stack, trainers: int, document: Document, at: Where) -> Iterator[Fault]:
    """Settings that no round of so many trainers could meet."""
    if stack.quorum is not None and stack.quorum > trainers:
        message = (
            f"quorum {stack.quorum} is more than the {trainers} trainers of the plan; write all, or at most {trainers}"
        )
        yield document.fault((*at, "quorum"), "T040", "quorum", message)
    elif is_asynchronous(stack.optimizer):
        return  # which asynchronous.check tells
    elif stack.quorum is not None and stack.quorum < trainers and stack.deadline is None:
        message = (
            f"quorum {stack.quorum} of {trainers} has no effect without a deadline, as a round closes early only "
            "at its deadline; set deadline (seconds), or write quorum: all"
        )
        yield document.fault((*at, "quorum"), "T041", "quorum", message, "warning")
    if stack.deadline is not None and stack.deadline > stack.max_wait:
        message = f"deadline {stack.deadline:g} is later than maxWait {stack.max_wait:g}, which ends the run; lower it"
        yield document.fault((*at, "deadline"), "T041", "deadline", message, "warning")


def check_quorum(plan: Plan, quorum: int | None, document: Document, where: Where) -> Iterator[Fault]:
    """A quorum that the whole plan could meet, but not every aggregator: each hears its own groups only."""
    if quorum is None:
        return
    heard: Counter[str] = Counter()
    leaders: set[str] = set()
    sharing: Counter[str] = Counter()
    for bucket in tally(plan).buckets:
        for place in bucket.example.memberships:
            if place.channel != plan.model_channel:
                continue
            if bucket.example.dataset is not None:
                heard[place.group] += bucket.count
            else:
                leaders.add(place.group)
                sharing[place.group] += bucket.count if bucket.example.paired else 0
    if quorum > heard.total():  # which check_settings tells
        return
    for group in sorted(leaders - {EVERY_GROUP}):
        count = heard[group] // max(1, sharing[group])
        if quorum > count:
            whose = "which has its own aggregator" if not sharing[group] else "that each of its aggregators surely gets"
            message = (
                f"quorum {quorum} is more than the {count} trainers of group {group!r}, {whose}; "
                f"write all, or at most {count}"
            )
            yield document.fault(where, "T040", "quorum", message)


def check_exact(stack: Stack, trainers: int, document: Document, at: Where) -> Iterator[Fault]:
    """Why a stack can't be exact."""
    buffered = is_asynchronous(stack.optimizer)
    field, remedy = ("optimizer", "take another optimizer") if buffered else ("quorum", "write quorum: all")
    for why in why_inexact(stack, trainers):
        message = f"two runs with the same seed may end with different models: {why}; {remedy} to be exact"
        yield document.fault((*at, field), "T064", "stack", message, "note")


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
    elif not is_file(path):
        message = f"file {str(path)!r} does not exist; mend the path, which is relative to this file"
        yield document.fault(where, "T042", f"program of role {role!r}", message)
    else:
        yield from sizes.check_program(path, role, document, where)


def why_inexact(stack: Stack, trainers: int) -> Iterator[str]:
    """Why two runs of a stack with the same seed may end with different models; nothing if they can't."""
    if is_asynchronous(stack.optimizer):
        yield (
            "asynchronous aggregation counts updates as they come, so their order and their age depend on how fast "
            "each trainer is"
        )
    elif stack.quorum is not None and stack.quorum < trainers and stack.deadline is not None:
        yield (
            f"a round may close at its deadline of {stack.deadline:g} s with {stack.quorum} of {trainers} trainers, "
            "and who they are depends on their speed"
        )
