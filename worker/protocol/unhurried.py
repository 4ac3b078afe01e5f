"""What a follower may do where nobody waits for all: which of its work still counts, read off the leader's state. Pure.

It trains when it has a turn, from the newest version, keeps on when a newer one appears, and begins again once its
update is settled: once from each version.
"""

from worker.protocol.buffer import MAX_STALENESS, settled_of
from worker.protocol.follower_io import Task
from worker.protocol.follower_state import Follower
from worker.protocol.messages import State, Term, UpdateManifest, members


def unhurried(state: State) -> bool:
    """Whether a leader makes versions without waiting for all."""
    return bool(state.ages)


def may_begin(state: State, name: str) -> bool:
    """Whether a member may train from the newest version now."""
    return _has_turn(state, name) and _settled(state, name) < state.round


def goes_on(state: State, name: str, task: Task) -> bool:
    """Whether a training that has begun is still wanted."""
    return _has_turn(state, name) and _counts(state, name, task.run, task.round, base=task.digest, term=task.term)


def fits(state: State, name: str, update: UpdateManifest) -> bool:
    """Whether an update could still be counted."""
    return _counts(state, name, update.run, update.round, base=update.base, term=update.term)


def is_settled(state: State, name: str, update: UpdateManifest) -> bool:
    """Whether the leader has counted an update, or dropped it for good."""
    return update.run == state.run and _settled(state, name) >= update.round


def late_task(follower: Follower) -> Task | None:
    """Training from a version that came whole when a newer one was there already; None if there is none to train from.

    That one will take as long to come: behind a slow link it would be too late always.
    """
    state, held = follower.state, follower.held[-1:]
    if state is None or not unhurried(state) or not held or held[0].digest != follower.late or follower.busy:
        return None
    base = held[0]
    task = Task("train", base.digest, base.run, base.round, state.term, delta=True)
    return task if goes_on(state, follower.dataset, task) else None


def _counts(state: State, name: str, run: int, version: int, *, base: str, term: Term) -> bool:
    """A leader takes what was begun under it or from its present version: it knows no other versions."""
    return (
        state.phase == "round"
        and run == state.run
        and (term == state.term or base == state.model)
        and _settled(state, name) < version <= state.round <= version + MAX_STALENESS
    )


def _has_turn(state: State, name: str) -> bool:
    return state.phase == "round" and name in members(state.selected, state.turns)


def _settled(state: State, name: str) -> int:
    index = state.selected.index(name) if name in state.selected else len(state.ages)
    return settled_of(state.ages, index, state.round)
