"""What an estimate takes for granted of an asynchronous run, whose traffic depends on who is how fast. Pure."""

from collections.abc import Iterator

from tag.plan import Plan
from tag.summary import counted


def assumed(plan: Plan) -> Iterator[str]:
    """A sentence, if the plan is asynchronous."""
    run = next((w.spec.run for w in plan.workers if w.spec.run is not None), None)
    if run is None or run.optimizer.acts != "aggregators":
        return
    goal = run.optimizer.kwargs.get("aggGoal")
    share = "half of all updates" if goal is None else counted(int(goal), "update")
    yield (
        "the run is asynchronous, and a round is one new model: all receive it, and at most everyone sends an update; "
        f"less is sent, as {share} at an aggregator will do. An aggregator may hold one model more, a middle one two"
    )
