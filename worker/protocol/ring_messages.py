"""What members of a ring say to each other besides what all say: attempts, where they stand, their offers."""

from hashlib import sha256

from msgspec.structs import asdict

from worker.protocol.messages import Digest, Message, Name, State, Term, UpdateManifest, Whole, encode


class RingMember(Message, frozen=True, array_like=True):
    """A member of an attempt.

    Attributes:
        dataset: logical name.
        worker: its id.
        samples: weight of its update.
        digest: of its update.
    """

    dataset: Name
    worker: Name
    samples: Whole
    digest: Digest


class Attempt(Message, frozen=True):
    """A ring's attempt to add up a round's updates.

    Attributes:
        term: of the leader that named it; its claimant takes the members' reports.
        run: of the round.
        round: whose updates are added.
        number: counts a round's attempts under this term.
        members: in the ring's order, that of their names; none means that the last attempt ended without another.
    """

    term: Term
    run: Whole
    round: Whole
    number: Whole
    members: tuple[RingMember, ...] = ()

    @property
    def order(self) -> tuple[Term, int, int, int]:
        """By which later attempts are known."""
        return self.term, self.run, self.round, self.number

    @property
    def key(self) -> str:
        """Under which its chunks travel: SHA-256 of all that it is."""
        return sha256(encode(self)).hexdigest()

    @property
    def samples(self) -> int:
        """Weight of all updates."""
        return sum(member.samples for member in self.members)


class Stand(Message, frozen=True):
    """Where a member stands in an attempt.

    Attributes:
        key: of the attempt.
        have: chunks that came from the member before, without a gap.
        model: digest of the model that the whole sum makes; empty until it is made.
    """

    key: Digest
    have: Whole = 0
    model: str = ""


class RingState(State, frozen=True):
    """A leader's state in a ring.

    Attributes:
        attempt: the last that was named.
    """

    attempt: Attempt | None = None

    @staticmethod
    def of(state: State, attempt: Attempt | None) -> "RingState":
        """A state with an attempt."""
        return RingState(**asdict(state), attempt=attempt)


class RingOffer(UpdateManifest, frozen=True):
    """An update that a member keeps; its bytes go around in an attempt.

    Attributes:
        integers: digest of its integer tensors, which must be equal in all updates; empty if there are none.
    """

    integers: str = ""

    @staticmethod
    def of(manifest: UpdateManifest, integers: str) -> "RingOffer":
        """The offer of an update."""
        return RingOffer(**asdict(manifest), integers=integers)
