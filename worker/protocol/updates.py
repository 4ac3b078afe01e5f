"""A leader's part in updates: which are taken in, counted, lost; and in evaluations. Pure, as `leader.step`."""

from msgspec.structs import replace

from tag.limits import ACK_CHUNKS
from worker import events
from worker.protocol import buffered
from worker.protocol import leader_io as io
from worker.protocol.leader_state import SOON_S, Leader, Update, soon
from worker.protocol.messages import Evaluation, UpdateManifest
from worker.protocol.slots import Coming, first_window, grant

Step = tuple[Leader, list[io.Action]]


def offered(state: Leader, event: io.Offered, now: float) -> Step:
    """Take in an update, or drop it, as its manifest says."""
    manifest = event.manifest
    name = manifest.dataset
    if state.members.dataset_of(event.worker) != name:
        return state, [io.Drop(event.worker, "foreign", f"dataset {name!r} is not this worker's")]
    if (refused := buffered.offered(state, event) if state.buffered else _untimely(state, event)) is not None:
        return refused
    if why := _unsound(state, manifest, event.size):
        return state, [io.Drop(event.worker, *why)]
    if name in state.coming and state.coming[name].manifest.digest == manifest.digest:
        return state, []
    window = first_window(manifest.size, len(state.selected))
    state = replace(state, coming={**state.coming, name: Coming(manifest, 0, window, now)})
    if manifest.evaluation is not None:
        state = judged(state, event.worker, manifest.evaluation)
    return state, [io.Unstage(name), io.Stage(manifest)]


def _untimely(state: Leader, event: io.Offered) -> Step | None:
    """The leader and what it does if an update is none of this round's, or no new one; None if it is."""
    manifest, name = event.manifest, event.manifest.dataset
    if state.phase != "round" or (manifest.run, manifest.round) != (state.run, state.round) or state.base is None:
        return state, [io.Drop(event.worker, "stale", f"an update of run {manifest.run} round {manifest.round}")]
    if manifest.base != state.base.digest or name not in state.selected:
        return state, [io.Drop(event.worker, "stale", "an update of another model, or of nobody who was selected")]
    if manifest.deltas:
        return state, [io.Drop(event.worker, "malformed", "a difference from a version where weights belong")]
    if name not in state.counted:
        return None
    if state.counted[name].digest == manifest.digest:
        return state, []
    return state, [io.Drop(event.worker, "conflict", f"a second update of dataset {name!r} with another digest")]


def _unsound(state: Leader, manifest: UpdateManifest, size: int) -> tuple[str, str] | None:
    """Why an update of this round can't be counted as it is announced, as a reason and a sentence."""
    if manifest.size != size:
        return "wrong_shape", f"an update of {manifest.size} bytes where {size} belong"
    if state.buffered and (why := buffered.unsound(manifest, state.total)):
        return "malformed", why
    if not manifest.participants:
        return None
    if (total := sum(manifest.participants.values())) != manifest.samples:
        return "malformed", f"a partial sum of {manifest.samples} samples whose participants have {total}"
    if state.buffered:
        return None
    others = {n for name, u in state.counted.items() if name != manifest.dataset for n in u.participants}
    if twice := sorted(others & manifest.participants.keys()):
        return "conflict", f"dataset {twice[0]!r} is in two partial sums; the second is that of {manifest.dataset!r}"
    return None


def came(state: Leader, dataset: str, confirmed: int, *, whole: bool, now: float) -> Step:
    """Move windows on; a whole update is to be counted."""
    known = state.coming.get(dataset)
    if known is None:
        return state, []
    coming = grant({**state.coming, dataset: replace(known, confirmed=confirmed, at=now)}, now)
    # Whoever has sent all that it may waits for a beat: one comes at each half window, and when slots move.
    moved = known.confirmed // ACK_CHUNKS != confirmed // ACK_CHUNKS or any(
        c.upto != state.coming[name].upto for name, c in coming.items()
    )
    state = replace(state, coming=coming)
    if whole and (why := _unsound(state, known.manifest, known.manifest.size)):
        worker = state.members.present[dataset].worker
        return without_coming(state, dataset), [io.Unstage(dataset), io.Drop(worker, *why)]
    if whole and not state.buffered:
        return state, [io.Count(known.manifest, max(1, len(known.manifest.participants)), state.total)]
    return (replace(state, due=min(state.due, now + SOON_S / 5)) if moved else state), []


def counted(state: Leader, dataset: str, now: float) -> Step:
    """Note that an update is in the sum."""
    if state.buffered:
        return buffered.counted(state, dataset, now)
    manifest = state.coming[dataset].manifest
    participants = manifest.participants or {dataset: manifest.samples}
    state = without_coming(state, dataset)
    state = replace(
        state,
        counted={**state.counted, dataset: Update(manifest.digest, manifest.samples, participants)},
        coming=grant(state.coming, now),
        due=soon(state, now),
    )
    told = events.UpdateCounted(
        run=state.run, round=state.round, dataset=dataset, samples=manifest.samples, digest=manifest.digest
    )
    return state, [io.Tell(told)]


def without_coming(state: Leader, dataset: str) -> Leader:
    """The leader without an update that was under way."""
    return replace(state, coming={name: c for name, c in state.coming.items() if name != dataset})


def lost(state: Leader, datasets: frozenset[str], now: float) -> Leader:
    """Decide anew without these updates; a round that was closed once waits for no deadline any more."""
    counted = {name: update for name, update in state.counted.items() if name not in datasets}
    return replace(state, counted=counted, making=False, closed=state.closed or state.making, due=now)


def judged(state: Leader, worker: str, evaluation: Evaluation) -> Leader:
    """Note a trainer's evaluation of the base."""
    name = evaluation.dataset
    fits = state.base is not None and evaluation.model == state.base.digest and name in state.selected
    if state.members.dataset_of(worker) != name:
        return state
    if not fits:
        return replace(state, buffer=state.buffer.judged(evaluation))
    return replace(state, evaluations={**state.evaluations, name: evaluation})
