"""A follower's update on its way out: what goes now, what goes again, when it is done. Pure, as `follower.step`."""

from msgspec.structs import replace

from tag.limits import WINDOW_CHUNKS
from worker.protocol import follower_io as io
from worker.protocol import unhurried
from worker.protocol.follower_state import Follower, Upload
from worker.protocol.messages import State, members
from worker.protocol.slots import first_window
from worker.wire import chunk_count

Step = tuple[Follower, list[io.Action]]


def heard(follower: Follower, state: State, now: float) -> Upload | None:
    """The update after a leader's state: a new leader gets it from the start."""
    upload, before = follower.upload, follower.state
    if upload is None:
        return None
    if before is None or state.term != before.term:
        return replace(upload, sent=0, confirmed=0, done=False, at=now)
    if (state.slots, state.received) != (before.slots, before.received):
        # The leader takes something, maybe of others: the way to it is in use.
        return replace(upload, at=now)
    return upload


def reconnected(follower: Follower) -> Upload | None:
    """The update after the link was down: all that was under way may be lost."""
    return replace(follower.upload, again=WINDOW_CHUNKS) if follower.upload is not None else None


def turned(follower: Follower, run: int, number: int) -> Step:
    """Be done with the update of a round that is over: the former leader has counted it, though it may say so late."""
    upload = follower.upload
    if upload is None or upload.done or (run, number) <= (upload.manifest.run, upload.manifest.round):
        return follower, []
    return _done(follower, upload) if _out(upload) else (replace(follower, upload=replace(upload, done=True)), [])


def fits(follower: Follower) -> bool:
    """Whether the last update could be counted: it is of the current round and of its base, or of a version of late."""
    state, upload = follower.state, follower.upload
    if state is None or upload is None or state.phase != "round":
        return False
    manifest = upload.manifest
    if unhurried.unhurried(state):
        return unhurried.fits(state, follower.dataset, manifest)
    return (manifest.run, manifest.round, manifest.base) == (state.run, state.round, state.model)


def advance(follower: Follower, now: float) -> Step:
    """Send as much of the update as the leader's windows allow, and again what it lacks."""
    upload, state = follower.upload, follower.state
    if upload is None or state is None:
        return follower, []
    if upload.done:
        return _send_again(follower, upload, state, now)
    if unhurried.unhurried(state) and unhurried.is_settled(state, follower.dataset, upload.manifest):
        return _done(follower, upload)
    if not fits(follower):
        manifest = upload.manifest
        newer = (state.run, state.round) > (manifest.run, manifest.round) or state.phase != "round"
        return _done(follower, upload) if newer and _out(upload) else (follower, [])
    if follower.dataset in members(state.selected, state.received):
        return _done(follower, upload)
    if follower.dataset not in state.selected:
        return follower, []
    return _send(follower, upload, state, now)


def _out(upload: Upload) -> bool:
    """Whether all of it has been sent."""
    return upload.sent == chunk_count(upload.manifest.size)


def _done(follower: Follower, upload: Upload) -> Step:
    done = replace(upload, done=True)
    return replace(follower, upload=done), [io.Confirmed(upload.manifest.run, upload.manifest.round)]


def _send_again(follower: Follower, upload: Upload, state: State, now: float) -> Step:
    """Begin to send what was counted, once more: whoever counted it began the same round anew."""
    if not fits(follower) or follower.dataset in members(state.selected, state.received):
        return follower, []
    again = replace(upload, sent=0, confirmed=0, done=False, at=now)
    return _send(replace(follower, upload=again), again, state, now)


def _send(follower: Follower, upload: Upload, state: State, now: float) -> Step:
    count = chunk_count(upload.manifest.size)
    slot = state.slots.get(follower.dataset)
    confirmed = slot.confirmed if slot is not None else 0
    upto = slot.upto if slot is not None else first_window(upload.manifest.size, state.trainers)
    if confirmed > upload.confirmed:
        follower = replace(follower, patience=follower.patience.moved(now - upload.at))
        upload = replace(upload, confirmed=confirmed, at=now)
    goes: list[tuple[int, int]] = []
    if upload.sent > confirmed and now - upload.at >= follower.patience.seconds:
        follower = replace(follower, patience=follower.patience.in_vain())
        goes = [(confirmed, min(upload.sent, confirmed + upload.again))]
        upload = replace(upload, again=min(WINDOW_CHUNKS, 2 * upload.again))
    if (last := min(count, upto, confirmed + WINDOW_CHUNKS)) > upload.sent:
        goes.append((upload.sent, last))
        upload = replace(upload, sent=last)
    upload = replace(upload, at=now) if goes else upload
    return replace(follower, upload=upload), [io.SendUpdate(follower.leader, upload.manifest, *some) for some in goes]
