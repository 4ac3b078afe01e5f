"""Flow control of updates: the receiver says how far each sender may go, so that no broker must queue more."""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from tag.limits import CHUNK_BYTES, FIRST_WINDOW_BYTES, IDLE_SLOT_S, STAGING_BYTES, WINDOW_CHUNKS
from worker.protocol.messages import Slot, UpdateManifest
from worker.wire import chunk_count


class Coming(msgspec.Struct, frozen=True):
    """An update that is under way.

    Attributes:
        manifest: what it will be.
        confirmed: chunks that arrived without a gap.
        upto: chunks that may be sent.
        at: when its last chunk arrived; its place in the queue for slots, too.
    """

    manifest: UpdateManifest
    confirmed: int
    upto: int
    at: float


def first_window(size: int, trainers: int) -> int:
    """Chunks of an update that may be sent before it has a slot."""
    return min(chunk_count(size), max(1, FIRST_WINDOW_BYTES // CHUNK_BYTES // max(1, trainers)))


def slot_count(size: int) -> int:
    """Large updates that may be under way at once: as many as fit the staging memory, but two to keep the link busy."""
    return max(2, STAGING_BYTES // max(1, size))


def grant(coming: Mapping[str, Coming], now: float) -> dict[str, Coming]:
    """The same updates with their slots: the first in the queue may go on, an idle one goes behind the others."""
    waiting = sorted(
        (name for name, c in coming.items() if c.confirmed < chunk_count(c.manifest.size)),
        key=lambda name: (now - coming[name].at > IDLE_SLOT_S, coming[name].upto <= coming[name].confirmed, name),
    )
    if not waiting:
        return dict(coming)
    slots = slot_count(coming[waiting[0]].manifest.size)
    granted = dict(coming)
    for name in waiting[:slots]:
        c = coming[name]
        upto = min(chunk_count(c.manifest.size), c.confirmed + WINDOW_CHUNKS)
        granted[name] = replace(c, upto=max(c.upto, upto))
    return granted


def slots_of(coming: Mapping[str, Coming], names: tuple[str, ...]) -> dict[str, Slot]:
    """What the beat says of the updates under way of some datasets."""
    return {name: Slot(coming[name].confirmed, coming[name].upto) for name in names if name in coming}
