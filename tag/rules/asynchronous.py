"""Rules of asynchronous stacks (T041, T068): a goal and a concurrency that each aggregator can reach."""

from collections.abc import Iterator, Mapping

from tag.faults import Fault
from tag.options import Optimizer
from tag.plan import Plan
from tag.reading.places import Where
from tag.reading.source import Document
from tag.spec import EVERY_GROUP
from tag.stack import Stack

SORT = "fedbuff"
_PLAIN_SELECTORS = ("all", "default", SORT)


def is_asynchronous(optimizer: Optimizer) -> bool:
    """Whether aggregators make models without waiting for all."""
    return optimizer.sort == SORT


def check(stack: Stack, plan: Plan, document: Document, at: Where) -> Iterator[Fault]:
    """An asynchronous stack's numbers against its groups, and what has no effect there.

    Args:
        stack: whose choices run.
        plan: of it.
        document: the stack's file.
        at: the federation's place there.
    """
    if not is_asynchronous(stack.optimizer):
        if stack.selector.sort == SORT:
            message = "it belongs to asynchronous stacks; write optimizer: fedbuff too, or another selector"
            yield document.fault((*at, "selector"), "T068", f"selector {SORT!r}", message)
        return
    if stack.selector.sort not in _PLAIN_SELECTORS:
        message = (
            f"{stack.selector.sort!r} chooses who takes part in a round, and with {SORT!r} whoever has a turn does; "
            "leave it out, and limit who trains at a time by the optimizer's concurrency"
        )
        yield document.fault((*at, "selector"), "T068", "selector", message)
    for field, value in (("quorum", stack.quorum), ("deadline", stack.deadline)):
        if value is not None:
            message = f"{value:g} has no effect with {SORT!r}, which waits for aggGoal updates only; leave it out"
            yield document.fault((*at, field), "T041", field, message, "warning")
    yield from _check_numbers(stack, plan, document, at)


def _check_numbers(stack: Stack, plan: Plan, document: Document, at: Where) -> Iterator[Fault]:
    settings = stack.run_settings.optimizer.kwargs
    goal, concurrency = settings.get("aggGoal"), settings.get("concurrency")
    said = {name: (*at, "optimizer", "kwargs", name) for name in ("aggGoal", "concurrency")}
    if "concurrency" not in stack.optimizer.kwargs:
        said["concurrency"] = (*at, "selector", "kwargs", "c")
    for name, value in (("aggGoal", goal), ("concurrency", concurrency)):
        short = [(group, count) for group, count in trained_groups(plan).items() if value is not None and value > count]
        if short and value is not None:
            group, count = min(short, key=lambda item: (item[1], item[0]))
            where = "of the plan" if group == EVERY_GROUP else f"of group {group!r}"
            share = "half of its trainers" if name == "aggGoal" else "all of its trainers"
            message = (
                f"{value:g} is more than the {count} trainers {where}, which report to one aggregator; "
                f"write at most {count}, or leave it out: then it is {share}"
            )
            yield document.fault(said[name], "T068", name, message)
    if goal is not None and concurrency is not None and concurrency < goal:
        message = (
            f"{concurrency:g} trainers at a time are fewer than the {goal:g} updates that make a model (aggGoal); "
            f"write at least {goal:g}, or lower aggGoal"
        )
        yield document.fault(said["concurrency"], "T068", "concurrency", message)


def trained_groups(plan: Plan) -> Mapping[str, int]:
    """Trainers of each group that has an aggregator of its own; of one for all groups, all trainers, as `*`."""
    names = plan.rosters.get(plan.model_channel, {})
    found: dict[str, int] = {}
    for worker in plan.workers:
        for place in worker.spec.memberships:
            if place.channel == plan.model_channel and place.part == "lead" and place.group not in found:
                groups = names if place.group == EVERY_GROUP else (place.group,)
                found[place.group] = sum(len(names.get(group, ())) for group in groups)
    return found
