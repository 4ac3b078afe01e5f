"""A member of a ring in its attempts to add up. Pure: `step(state, event, now)` gives the state and what to do.

The leader names attempts; each has a greater (term, run, round, number) than the one before and begins anew from the
update that each member keeps. Chunks go to the next member as they become ready, at most a window ahead of what it has
confirmed; it asks again for what does not come.
"""

import msgspec
from msgspec.structs import replace

from tag.limits import WINDOW_CHUNKS
from worker.protocol import ring_io as io
from worker.protocol.messages import Want
from worker.protocol.ring_legs import Legs, legs
from worker.protocol.ring_messages import Attempt, Stand
from worker.protocol.streams import confirms
from worker.wire import key_of

STALLED_S = 2.0
"""Seconds without a chunk after which it is asked for again."""
AGAIN_S = 1.5
"""Seconds without anything sent after which such a question is answered: else what is asked for is on its way."""
STAND_S = 2.0
"""Seconds after which a member says again where it stands."""


class Ring(msgspec.Struct, frozen=True):
    """A member's view of the present attempt.

    Attributes:
        dataset: its logical name.
        attempt: the last that the leader named; None before the first, and after the round.
        order: of that attempt; lower ones are old.
        key: of that attempt, if this member has a part in it; else empty.
        before: worker that sends to this one.
        after: worker that this one sends to.
        legs: its way; None if it has no part in the attempt.
        got: bits of the chunks that came, low first.
        have: chunks that came without a gap.
        sent: chunks sent.
        confirmed: chunks that the next member has without a gap.
        at: when the last chunk came, or was asked for.
        moved: when something was last sent.
        told: when the leader was last told.
        model: digest of the result; empty until it is made.
    """

    dataset: str
    attempt: Attempt | None = None
    order: tuple[object, ...] = ()
    key: str = ""
    before: str = ""
    after: str = ""
    legs: Legs | None = None
    got: int = 0
    have: int = 0
    sent: int = 0
    confirmed: int = 0
    at: float = 0.0
    moved: float = float("-inf")
    told: float = float("-inf")
    model: str = ""


Step = tuple[Ring, list[io.Action]]


def step(ring: Ring, event: io.Event, now: float) -> Step:
    """The member after an event, and what it does."""
    actions: list[io.Action] = []
    match event:
        case io.Named():
            ring, actions = _named(ring, event, now)
        case io.Over():
            actions = [io.End()] if ring.attempt is not None else []
            ring = Ring(ring.dataset, order=ring.order)
        case io.Came():
            ring, actions = _came(ring, event, now)
        case io.Wanted():
            ring = _wanted(ring, event, now)
        case io.Made(key, model):
            ring = replace(ring, model=model, told=float("-inf")) if key == ring.key else ring
        case io.Tick():
            pass
    ring, more = _advance(ring, now)
    return ring, actions + more


def newer(ring: Ring, attempt: Attempt) -> bool:
    """Whether an attempt is later than all that were heard of; a delayed word of an old one changes nothing."""
    return not ring.order or attempt.order > ring.order


def current(ring: Ring, key: bytes) -> bool:
    """Whether a chunk is one of the present attempt's."""
    return bool(ring.key) and key_of(ring.key) == key


def _named(ring: Ring, event: io.Named, now: float) -> Step:
    attempt = event.attempt
    if not newer(ring, attempt):
        return ring, []
    ring = Ring(ring.dataset, attempt, attempt.order, at=now)
    place = next(
        (i for i, m in enumerate(attempt.members) if (m.dataset, m.digest) == (ring.dataset, event.held)), None
    )
    if place is None:
        return ring, [io.End()]
    members = attempt.members
    way = legs(len(members), place, event.values)
    actions: list[io.Action] = [io.Begin(attempt, way)]
    if not way.coming:
        actions.append(io.Finish(attempt))
    before, after = members[place - 1].worker, members[(place + 1) % len(members)].worker
    return replace(ring, key=attempt.key, before=before, after=after, legs=way, told=now), actions


def _came(ring: Ring, event: io.Came, now: float) -> Step:
    if not current(ring, event.key) or ring.attempt is None or ring.legs is None:
        return ring, [io.Drop(event.sender, "stale", "a part of another attempt")]
    if event.sender != ring.before:
        return ring, [io.Drop(event.sender, "foreign", "a part of the sum from a member that is not the one before")]
    way = ring.legs
    if event.index >= len(way.coming) or event.size != way.coming[event.index].size:
        detail = f"part {event.index} of {event.size} bytes, where {len(way.coming)} parts belong"
        return ring, [io.Drop(event.sender, "malformed", detail)]
    if ring.got >> event.index & 1:
        return ring, []
    got, have = ring.got | 1 << event.index, ring.have
    while got >> have & 1:
        have += 1
    actions: list[io.Action] = [io.Take(way.coming[event.index])]
    if confirms(ring.have, have, count=len(way.coming), window=WINDOW_CHUNKS):
        actions.append(io.SendWant(ring.before, Want(ring.attempt.term, ring.key, have)))
    if have == len(way.coming) > ring.have:
        actions.append(io.Finish(ring.attempt))
    return replace(ring, got=got, have=have, at=now), actions


def _wanted(ring: Ring, event: io.Wanted, now: float) -> Ring:
    want = event.want
    if ring.legs is None or want.digest != ring.key or event.sender != ring.after:
        return ring
    if not ring.confirmed <= want.have <= ring.legs.ready(ring.have):
        return ring
    # What was on its way when it was asked for again may have come meanwhile.
    ring = replace(ring, confirmed=want.have, sent=max(ring.sent, want.have))
    return replace(ring, sent=want.have) if want.ask and now - ring.moved >= AGAIN_S else ring


def _advance(ring: Ring, now: float) -> Step:
    attempt, way = ring.attempt, ring.legs
    if attempt is None or way is None:
        return ring, []
    actions: list[io.Action] = []
    upto = min(way.ready(ring.have), ring.confirmed + WINDOW_CHUNKS)
    if upto > ring.sent:
        actions.append(io.SendPart(ring.after, ring.sent, upto))
        ring = replace(ring, sent=upto, moved=now)
    if ring.have < len(way.coming) and now - ring.at >= STALLED_S:
        want = Want(attempt.term, ring.key, ring.have, ask=True)
        actions.append(io.SendWant(ring.before, want))
        ring = replace(ring, at=now)
    if now - ring.told >= STAND_S:
        stand = Stand(ring.key, ring.have, ring.model)
        actions.append(io.SendStand(attempt.term[1], stand))
        ring = replace(ring, told=now)
    return ring, actions
