"""What changes from one plan, or TAG, to another, in the TAG's words. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tag.plan import Plan, PlannedWorker
from tag.schema import Tag
from tag.summary import Fact, Value, counted, facts, listed, tag_facts

Sign = Literal["+", "-", "~", "="]
ALONE = 3
"""Groups that change alike and still have a line each."""
_JOINTS = {"group": " on ", "dataset": " of "}
_ORDER = ("federation", "tag", "role", "channel", "group", "dataset", "program", "run", "kubernetes")


@dataclass(frozen=True)
class Change:
    """One fact that is new, gone, other than before, or, of a role, the same.

    Attributes:
        sign: `+` new, `-` gone, `~` other, `=` the same.
        kind: of the fact.
        subject: its name, as in a preview.
        text: what changes.
        before: the parts that change, as they were; all of them of what is gone.
        after: likewise, as they are.
        restarts: ids of the workers that start anew because of it.
    """

    sign: Sign
    kind: str
    subject: str
    text: str
    before: Mapping[str, Value]
    after: Mapping[str, Value]
    restarts: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The line that users see."""
        anew = f"; {starting_anew(self.restarts)}" if self.restarts else ""
        return f"{self.sign} {self.subject}: {self.text}{anew}"


@dataclass(frozen=True)
class Difference:
    """What changes.

    Attributes:
        changes: in the order of the summary, those of a kind by subject; roles whose workers all go on are among
            them if anything changes.
        starting: ids of new workers.
        ending: ids of workers that are gone.
        restarting: ids of workers that start anew, as they are told something else.
        going_on: how many workers are as before.
    """

    changes: tuple[Change, ...]
    starting: tuple[str, ...] = ()
    ending: tuple[str, ...] = ()
    restarting: tuple[str, ...] = ()
    going_on: int = 0

    @property
    def differs(self) -> bool:
        """Whether there is anything but what is the same."""
        return bool(self.starting or self.ending or self.restarting) or any(c.sign != "=" for c in self.changes)


def starting_anew(workers: Sequence[str]) -> str:
    """Who starts anew, in a few words."""
    return f"{listed(workers)} start{'s' if len(workers) == 1 else ''} anew"


def diff_tags(old: Tag, new: Tag) -> Difference:
    """What changes between two TAGs without datasets."""
    return Difference(_ordered(_compared(tag_facts(old), tag_facts(new), frozenset())))


def diff_plans(old: Plan, new: Plan, settings: tuple[Sequence[Fact], Sequence[Fact]] = ((), ())) -> Difference:
    """What changes between two plans.

    Args:
        old: what runs.
        new: what is wanted.
        settings: further facts of both, such as how they stand on a cluster.
    """
    before = {worker.spec.worker: worker for worker in old.workers}
    after = {worker.spec.worker: worker for worker in new.workers}
    restarting = frozenset(name for name in before.keys() & after.keys() if _restarts(before[name], after[name]))
    changes = list(_compared((*facts(old), *settings[0]), (*facts(new), *settings[1]), restarting))
    starting, ending = sorted(after.keys() - before.keys()), sorted(before.keys() - after.keys())
    if changes:
        moved = restarting.union(starting, ending)
        changes += _unchanged(facts(old), facts(new), moved, {change.subject for change in changes})
    return Difference(
        changes=_ordered(changes),
        starting=tuple(starting),
        ending=tuple(ending),
        restarting=tuple(sorted(restarting)),
        going_on=len(before.keys() & after.keys()) - len(restarting),
    )


def _ordered(changes: Iterable[Change]) -> tuple[Change, ...]:
    return tuple(sorted(changes, key=lambda change: (_ORDER.index(change.kind), change.subject)))


def _restarts(before: PlannedWorker, after: PlannedWorker) -> bool:
    """A worker starts anew when its spec, its place, its volume or its limits are others."""
    there = (before.spec, before.region, before.claim, before.limits)
    return there != (after.spec, after.region, after.claim, after.limits)


def _compared(old: Iterable[Fact], new: Iterable[Fact], restarting: frozenset[str]) -> Iterable[Change]:
    before = {fact.subject: fact for fact in old}
    after = {fact.subject: fact for fact in new}
    for subject in [*before, *(subject for subject in after if subject not in before)]:
        change = _change(before.get(subject), after.get(subject), restarting)
        if change is not None:
            yield change


def _change(old: Fact | None, new: Fact | None, restarting: frozenset[str]) -> Change | None:
    if old is None or new is None:
        there = old or new
        if there is None:
            return None
        gone = new is None
        parts = {} if gone else there.parts
        return Change("-" if gone else "+", there.kind, there.subject, there.text, there.parts if gone else {}, parts)
    names = [n for n in {**old.parts, **new.parts} if old.parts.get(n) != new.parts.get(n)]
    if not names:
        return None
    before, after = {n: old.parts.get(n) for n in names}, {n: new.parts.get(n) for n in names}
    text = ", ".join(f"{name} {_word(before[name])} → {_word(after[name])}" for name in names)
    text += "; everything is made anew under that name" if new.kind == "federation" else ""
    anew = restarting.intersection(new.workers) if new.kind not in ("federation", "role", "group") else frozenset[str]()
    return Change("~", new.kind, new.subject, text, before, after, tuple(sorted(anew)))


def _word(value: Value) -> str:
    return "none" if value is None or value == "" else str(value)


def _unchanged(old: Iterable[Fact], new: Iterable[Fact], moved: frozenset[str], told: set[str]) -> Iterable[Change]:
    """The roles whose workers all go on."""
    before = {fact.subject for fact in old if fact.kind == "role"}
    for fact in new:
        if fact.kind == "role" and fact.subject in before - told and not moved.intersection(fact.workers):
            yield Change("=", "role", fact.subject, f"unchanged ({counted(len(fact.workers), 'worker')})", {}, {})


def lines(difference: Difference) -> list[str]:
    """The changes for people; datasets that change in the same parts share a line, and so do many groups alike."""
    shared: dict[tuple[str, ...], list[Change]] = defaultdict(list)
    for change in difference.changes:
        shared[_alike(change)].append(change)
    return [line for changes in shared.values() for line in _told(changes)]


def _alike(change: Change) -> tuple[str, ...]:
    _, _, place = change.subject.rpartition(_JOINTS.get(change.kind, " of "))
    if change.kind == "group":
        return (change.sign, change.kind, place, change.text)
    if change.kind == "dataset":
        return (change.sign, change.kind, *(change.after if change.sign == "~" else (place,)))
    return (change.sign, change.kind, change.subject)


def _told(changes: list[Change]) -> list[str]:
    first = changes[0]
    if len(changes) <= (ALONE if first.kind == "group" else 1):
        return [str(change) for change in changes]
    joint = _JOINTS[first.kind]
    names = listed(change.subject.removeprefix(f"{first.kind} ").rpartition(joint)[0] for change in changes)
    count = counted(len(changes), first.kind)
    place = joint + first.subject.rpartition(joint)[2]
    if first.kind == "group":
        return [f"{first.sign} {count}{place} ({names}): {first.text}"]
    if first.sign != "~":
        return [f"{first.sign} {count}{place}: {names}"]
    same = len({change.text for change in changes}) == 1
    text = first.text if same else ", ".join(f"another {name} each" for name in first.after)
    restarts = [name for change in changes for name in change.restarts]
    anew = f"; {starting_anew(restarts)}" if restarts else ""
    return [f"~ {count} ({names}): {text}{anew}"]
