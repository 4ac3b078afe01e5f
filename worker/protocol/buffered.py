"""How a leader goes on without waiting for all: the steps in which asynchronous rounds are unlike others. Pure.

A round is a version that is being made. Trainers keep training when a newer one appears, and what they send is the
difference from the version that they began with, which weighs less the older that is.
"""

from msgspec.structs import replace

from worker import events
from worker.protocol import leader_io as io
from worker.protocol.buffer import MAX_STALENESS, UNIT, concurrency_of, goal_of, weight
from worker.protocol.leader_state import Leader, Update, soon, tell_evaluated
from worker.protocol.messages import UpdateManifest
from worker.protocol.slots import grant
from worker.wire import chunk_count

GATHER_S = 2.0
"""Seconds that a leader gives all to come, before it begins with as many as make a version."""


def offered(state: Leader, event: io.Offered) -> tuple[Leader, list[io.Action]] | None:
    """The leader and what it does if an update is none to take; None if it is. Who sent it is checked before."""
    manifest, name = event.manifest, event.manifest.dataset

    def stale(why: str) -> list[io.Action]:
        return [io.Drop(event.worker, "stale", f"an update of run {manifest.run} version {manifest.round}{why}")]

    if state.phase in ("evaluation", "finished") and manifest.run == state.run:
        return state, []  # others have made the last version: that is nobody's fault
    here = state.phase == "round" and name in state.selected
    if not here or manifest.run != state.run or manifest.round > state.round:
        return state, stale("")
    if not manifest.deltas:
        return state, [io.Drop(event.worker, "malformed", "weights where a difference from a version belongs")]
    version, known = state.buffer.last.get(name, (0, ""))
    if manifest.round <= version:
        if manifest.round < version or known in ("", manifest.digest):
            return state, []
        return state, [io.Drop(event.worker, "conflict", f"a second update of dataset {name!r} with another digest")]
    if state.round - manifest.round > MAX_STALENESS:
        why = f": {state.round - manifest.round} versions old, and {MAX_STALENESS} are allowed"
    elif state.buffer.bases.get(manifest.round) != manifest.base:
        why = ", which is none of this leader's"
    else:
        return None
    state = replace(state, buffer=state.buffer.settled(name, manifest.round))
    return state, stale(why)


def counted(state: Leader, dataset: str, now: float) -> tuple[Leader, list[io.Action]]:
    """The leader when an update was added."""
    manifest = state.coming[dataset].manifest
    participants = manifest.participants or {dataset: manifest.samples}
    coming = {name: c for name, c in state.coming.items() if name != dataset}
    state = replace(
        state,
        buffer=state.buffer.counted(dataset, manifest.round, manifest.digest, manifest.deltas),
        counted={**state.counted, dataset: Update(manifest.digest, manifest.samples, participants)},
        coming=grant(coming, now),
        due=soon(state, now),
    )
    told = events.UpdateCounted(
        run=state.run,
        round=state.round,
        dataset=dataset,
        samples=manifest.samples,
        digest=manifest.digest,
        staleness=state.round - manifest.round,
    )
    return state, [io.Tell(told)]


def tell_late(state: Leader) -> tuple[Leader, list[io.Action]]:
    """Tell what came late of versions before the one that is being replaced, whose own evaluation is told elsewhere.

    Who trains for long evaluates a version when others have made the next one.
    """
    actions: list[io.Action] = []
    for version, evaluations in sorted(state.buffer.late.items()):
        digest = state.buffer.bases.get(version, "")
        base = replace(state.base, digest=digest) if state.base is not None and digest else None
        actions += tell_evaluated(replace(state, base=base, round=version, evaluations=evaluations, judged=False))
    versions = [*state.buffer.late, *([state.round] if state.judged or state.evaluations else [])]
    return replace(state, buffer=state.buffer.told_of(*versions)), actions


def opened(state: Leader) -> Leader:
    """The leader when its base is the newest version; what is under way stays."""
    if state.base is None:
        return state
    buffer = state.buffer.opened(state.run, state.round, state.base.digest)
    return admit(replace(state, buffer=buffer, selected=state.members.able))


def admit(state: Leader) -> Leader:
    """The leader with as many who may train as concurrency allows. Whoever comes late is as good as the others."""
    selected = state.selected | state.members.able
    able = selected & state.members.able
    concurrency = concurrency_of(state.settings, _followers(state))
    seed = int(state.settings.optimizer.kwargs.get("seed", 0))
    buffer = state.buffer.admitted(able, state.round, concurrency, seed)
    if buffer is state.buffer and selected == state.selected:
        return state
    return replace(state, selected=selected, buffer=buffer)


def enough(state: Leader) -> bool:
    """Whether a version can be made."""
    return state.buffer.size >= goal_of(state.settings, _followers(state))


def gathered(state: Leader, fresh: frozenset[str], now: float) -> bool:
    """Whether those who are here can begin without the others."""
    return now - state.since >= GATHER_S and len(fresh) >= goal_of(state.settings, _followers(state))


def missing(state: Leader) -> list[str]:
    """Who is waited for: those who are lost, if the others can't make a version."""
    able = state.members.able
    fresh = {n for n in able if state.buffer.last.get(n, (0, ""))[0] < state.round}
    if state.buffer.size + len(fresh) >= goal_of(state.settings, _followers(state)):
        return []
    return sorted((state.members.expected | state.selected) - able)


def next_count(state: Leader) -> list[io.Action]:
    """Count an update that is here whole, with the weight that its age gives it now; one at a time."""
    for name in sorted(state.coming):
        manifest, confirmed = state.coming[name].manifest, state.coming[name].confirmed
        if confirmed == chunk_count(manifest.size):
            units = weight(state.round - manifest.round)
            return [io.Count(manifest, manifest.deltas, state.total, units)]
    return []


def scale(state: Leader) -> float:
    """By what the sum is multiplied to be added to the model: eta / updates, in its units; 0 if nothing is in it."""
    eta = state.settings.optimizer.option("eta")
    return eta / (state.buffer.deltas * UNIT) if state.buffer.deltas else 0.0


def unsound(manifest: UpdateManifest, total: int) -> str:
    """What is wrong with the number of updates in a sum; empty if nothing is."""
    if manifest.deltas > max(total, 1) or manifest.deltas < len(manifest.participants):
        return f"a sum of {manifest.deltas} updates of {len(manifest.participants)} trainers, where {total} are here"
    return ""


def _followers(state: Leader) -> int:
    return len(state.members.expected or state.members.able)
