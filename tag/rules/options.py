"""Rules of optimizers and selectors (T049, T065, T070): what a stack or a job asks for runs, and fits its topology."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tag.faults import Fault
from tag.names import hint, listing
from tag.options import FILLED, Choice, Optimizer, Selector
from tag.plan import Plan
from tag.reading.places import Where
from tag.reading.source import Document
from tag.rules.flow import AGGREGATE, RING
from tag.rules.structure import COORDINATE
from tag.schema import Tag
from tag.spec import EVERY_GROUP, WorkerSpec
from tag.stack import Stack

if TYPE_CHECKING:
    from tag.flame.job import Job

CHOICES: Mapping[str, type[Choice]] = {"optimizer": Optimizer, "selector": Selector}
"""The fields of stacks and jobs that name a sort and its options."""

BUFFERED = ("aggGoal", "concurrency")
"""Hyperparameters of Flame's that are options of its optimizer `fedbuff` here."""
COMMENT = "//"
"""The key under which Flame's JSON has comments."""


def problems(kind: type[Choice], sort: str, kwargs: Mapping[str, Any]) -> Iterator[tuple[Where, str]]:
    """What is wrong with a choice: the place in it, and a sentence.

    Args:
        kind: `Optimizer` or `Selector`.
        sort: as written.
        kwargs: as written, of any type.
    """
    what, known = kind.__name__.lower(), kind.sorts
    if sort not in known:
        yield ("sort",), f"no {what} {sort!r} runs here{hint(sort, known)}; those that run are {listing(known)}"
        return
    options = known[sort].options
    for name, value in kwargs.items():
        if name not in options:
            has = f"its options are {listing(options)}" if options else "it takes none; leave kwargs out"
            yield ("kwargs", name), f"{sort!r} has no option {name!r}{hint(name, options)}; {has}"
        elif not options[name].takes(value):
            yield ("kwargs", name), f"{name} is {value!r}; in {sort!r} it must be {options[name].bounds}"
    for name, option in options.items():
        if option.default is None and name not in FILLED and name not in kwargs:
            yield (), f"{sort!r} lacks its option {name!r}, {option.bounds}; add it, as in kwargs: {{{name}: 2}}"


def checked(stack: Stack, document: Document, at: Where, faults: list[Fault]) -> Stack:
    """A stack without those of its optimizer and selector that don't run, whose faults are added."""
    for field, kind in CHOICES.items():
        chosen: Choice = getattr(stack, field)
        found = list(problems(kind, chosen.sort, chosen.kwargs))
        faults += [document.fault((*at, field, *where), "T049", field, message) for where, message in found]
        stack = stack.model_copy(update={field: kind()}) if found else stack
    return stack


def check_job(job: Job) -> Iterator[Fault]:
    """What a Flame job asks for that does not run."""
    from tag.flame.leftovers import RUNS

    for field, runs in RUNS.items():
        named = getattr(job.model, field)
        if named.sort not in (None, "", runs):
            message = f"{named.sort!r} can't run yet; runs today: {runs!r}"
            yield job.model_document.fault((field, "sort"), "T049", field, message)
    for field in CHOICES:
        for where, message in job_problems(job, field):
            yield job.model_document.fault(where, "T049", field, message)


def job_problems(job: Job, field: str) -> Iterator[tuple[Where, str]]:
    """What is wrong with a job's optimizer or selector; that one without options has arguments is told elsewhere."""
    from tag.flame.leftovers import PLAIN

    named = getattr(job.model, field)
    if named.sort and named.sort not in PLAIN[field]:
        for where, message in problems(CHOICES[field], named.sort, _job_kwargs(job, field)):
            said = ("hyperparameters", where[-1]) if where and where[-1] in _hyper(job, field) else (field, *where)
            yield said, message


def _job_kwargs(job: Job, field: str) -> dict[str, Any]:
    """A choice's arguments; Flame says some of its asynchronous optimizer as hyperparameters, and comments as `//`."""
    kwargs = {**_hyper(job, field), **getattr(job.model, field).kwargs}
    return {name: value for name, value in kwargs.items() if name != COMMENT}


def _hyper(job: Job, field: str) -> dict[str, Any]:
    asks = field == "optimizer" and job.model.optimizer.sort == "fedbuff"
    extra = job.model.hyperparameters.model_extra or {}
    return {name: value for name, value in extra.items() if asks and name in BUFFERED}


def job_choices(job: Job) -> dict[str, Choice]:
    """The optimizer and the selector that a job names, by field, where they run and have options."""
    from tag.flame.leftovers import PLAIN

    found: dict[str, Choice] = {}
    for field, kind in CHOICES.items():
        named = getattr(job.model, field)
        if named.sort and named.sort not in PLAIN[field] and not any(job_problems(job, field)):
            found[field] = kind(sort=named.sort, kwargs=_job_kwargs(job, field))
    return found


def check_served(stack: Stack, tag: Tag, document: Document, at: Where) -> Iterator[Fault]:
    """An optimizer or a selector that needs a root, in a topology without one, or trainers who need nobody's turn.

    Args:
        stack: whose choices run.
        tag: with its functions completed.
        document: the stack's file, or the job's that says it.
        at: the federation's place there.
    """
    does = {f for channel in tag.channels for functions in channel.func_tags.values() for f in functions}
    if AGGREGATE in does:
        if stack.optimizer.acts == "aggregators":
            yield from _unhurried(stack.optimizer, does, document, (*at, "optimizer"))
        return
    for field in CHOICES:
        chosen: Choice = getattr(stack, field)
        if chosen.acts in ("root", "aggregators"):
            message = (
                f"{chosen.sort!r} needs a role that aggregates, and in a ring none does: its members only average; "
                f"{'take fedavg or fedprox' if field == 'optimizer' else 'take all'}, or a TAG with an aggregator"
            )
            yield document.fault((*at, field), "T065", field, message)


def _unhurried(chosen: Choice, does: Collection[str], document: Document, at: Where) -> Iterator[Fault]:
    """Nobody waits for another: neither a ring, whose members add up together, nor pairs, which hold for a round."""
    for kept, why in ((RING, "adds up when all its members have trained"), (COORDINATE, "gives pairs for a round")):
        if any(function.startswith(kept) for function in does):
            who = "a ring" if kept == RING else "a coordinator"
            message = (
                f"{chosen.sort!r} makes a model whenever updates come, and {who} {why}; take another optimizer, or a "
                "star or a tree"
            )
            yield document.fault(at, "T065", "optimizer", message)


def check_selection(plan: Plan, document: Document, at: Where) -> Iterator[Fault]:
    """More selected than a root hears, or a quorum of more than are selected."""
    root = next((w.spec for w in plan.workers if w.spec.run is not None and _leads_all(w.spec)), None)
    if root is None or root.run is None or root.run.selector.acts != "root":
        return
    run, k = root.run, int(root.run.selector.option("k"))
    heard = heard_by_roots(plan)
    place = min(heard, key=lambda each: (heard[each], each), default=None)
    if place is not None and k > heard[place]:
        (channel, group), count = place, heard[place]
        where = f"on {channel!r}" if group == EVERY_GROUP else f"in group {group!r} of {channel!r}"
        message = f"k is {k}, and the round's updates come from {count} {where}; take a k of at most {count}, or all"
        yield document.fault((*at, "selector"), "T070", "selector", message)
    if run.quorum is not None and run.quorum > k:
        message = f"quorum {run.quorum} is more than the {k} that a round selects; write all, or at most {k}"
        yield document.fault((*at, "quorum"), "T040", "quorum", message)


def heard_by_roots(plan: Plan) -> Mapping[tuple[str, str], int]:
    """How many report to each root, by its channel and group; replicas of one sender count once."""
    rosters = plan.rosters
    return {
        (place.channel, place.group): sum(
            len(names) for group, names in rosters.get(place.channel, {}).items() if place.group in (group, EVERY_GROUP)
        )
        for worker in plan.workers
        if _leads_all(worker.spec)
        for place in worker.spec.memberships
        if place.part == "lead"
    }


def _leads_all(spec: WorkerSpec) -> bool:
    """Whether a worker leads, and follows nobody."""
    parts = {place.part for place in spec.memberships}
    return "lead" in parts and "follow" not in parts
