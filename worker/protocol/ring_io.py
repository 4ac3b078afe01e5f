"""What a member of a ring hears and does: the events and the actions of `ring.step`."""

import msgspec

from worker.protocol.messages import Want
from worker.protocol.ring_legs import Legs, Span
from worker.protocol.ring_messages import Attempt, Stand


class Named(msgspec.Struct, frozen=True):
    """The leader's last word on attempts.

    Attributes:
        attempt: that it named.
        held: digest of the update that is kept here; empty if none is.
        values: of the sum.
    """

    attempt: Attempt
    held: str
    values: int


class Over(msgspec.Struct, frozen=True):
    """The round is over: what was kept for its attempts may go."""


class Came(msgspec.Struct, frozen=True):
    """A chunk of a sum.

    Attributes:
        sender: worker that sent it.
        key: of its attempt.
        index: place in what comes from the member before.
        size: bytes of its values.
    """

    sender: str
    key: bytes
    index: int
    size: int


class Wanted(msgspec.Struct, frozen=True):
    """The next member's word on what it has."""

    sender: str
    want: Want


class Made(msgspec.Struct, frozen=True):
    """The model of the whole sum is made.

    Attributes:
        key: of the attempt.
        model: SHA-256 of the model.
    """

    key: str
    model: str


class Tick(msgspec.Struct, frozen=True):
    """Time has passed."""


Event = Named | Over | Came | Wanted | Made | Tick


class Begin(msgspec.Struct, frozen=True):
    """Begin an attempt from the kept update, which stays as it is."""

    attempt: Attempt
    legs: Legs


class End(msgspec.Struct, frozen=True):
    """Forget the attempt that was under way."""


class Take(msgspec.Struct, frozen=True):
    """Take the values of the chunk that came."""

    span: Span


class SendPart(msgspec.Struct, frozen=True):
    """Send chunks `first` to `last` (exclusive) of what goes to the next member."""

    to: str
    first: int
    last: int


class SendWant(msgspec.Struct, frozen=True):
    """Tell the member before what is here."""

    to: str
    want: Want


class SendStand(msgspec.Struct, frozen=True):
    """Tell the leader where this member stands."""

    to: str
    stand: Stand


class Finish(msgspec.Struct, frozen=True):
    """Make the model of the whole sum."""

    attempt: Attempt


class Drop(msgspec.Struct, frozen=True):
    """Count a dropped message."""

    sender: str
    reason: str
    detail: str


Action = Begin | End | Take | SendPart | SendWant | SendStand | Finish | Drop
