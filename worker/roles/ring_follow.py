"""The part of a ring's member that trains: it offers its update, keeps it, and takes the model that all made."""

from tag.spec import Membership
from worker.channel import Channel, Letter
from worker.protocol import follower_io as io
from worker.protocol.messages import ModelManifest, UpdateManifest, encode
from worker.protocol.ring_messages import RingOffer, RingState
from worker.ring_sums import integers_digest
from worker.roles.adding import Kept, Result
from worker.roles.base import Worker
from worker.roles.follow import Follow, Source
from worker.sums import fault
from worker.tensors import read_table
from worker.wire import seal


class RingFollow(Follow):
    """A follower who keeps what it offers.

    Args:
        worker: whose part it is.
        place: its place on the ring's channel.
        source: of its updates.
        channel: the ring's.
    """

    def __init__(self, worker: Worker, place: Membership, source: Source, channel: Channel) -> None:
        super().__init__(worker, place, source, channel=channel)
        self._checked: tuple[str, RingOffer | None] = ("", None)
        self._confirmed: tuple[int, int] | None = None

    @property
    def kept(self) -> Kept | None:
        """The last update, with the model that was trained."""
        upload = self.state.upload
        if upload is None or upload.manifest.digest not in self.files or upload.manifest.base not in self.files:
            return None
        return Kept(upload.manifest, self.files[upload.manifest.digest], self.files[upload.manifest.base])

    def hear(self, state: RingState, letter: Letter, result: Result | None, now: float) -> bool:
        """Take a state; the model that it names may be the result of an attempt, which counts thereby.

        Returns:
            whether this is now the state that is followed.
        """
        if self._confirmed is not None and ((state.run, state.round) > self._confirmed or state.phase != "round"):
            self._source.confirmed(*self._confirmed, now)
            self._confirmed = None
        mine = result if result is not None and result.held.digest == state.model else None
        if mine is not None:
            self.files[state.model] = mine.file
        self.letter(letter, now)
        if mine is not None and not self.state.holds(state.model):
            self._source.received(now)
            self.step(io.Holding(mine.held), now)
        followed = self.state.state
        return followed is not None and (followed.term, followed.run, followed.round, followed.phase) == (
            state.term,
            state.run,
            state.round,
            state.phase,
        )

    def _do(self, action: io.Action, now: float) -> None:
        if isinstance(action, io.Confirmed):
            # Told when the round is over: only then all of its bytes are out.
            self._confirmed = (action.run, action.round)
        else:
            super()._do(action, now)

    def _send(self, kind: str, manifest: ModelManifest | UpdateManifest, chunks: range, to: str) -> None:
        if not isinstance(manifest, UpdateManifest):
            super()._send(kind, manifest, chunks, to)
        elif chunks.start == 0 and (offer := self._offer(manifest)) is not None:
            self.channel.say("update", seal(memoryview(b""), offer.digest, 0, encode(offer)), to=to)

    def _offer(self, manifest: UpdateManifest) -> RingOffer | None:
        """The offer of an update; None if it can't be added up, which is counted."""
        digest, offer = self._checked
        kept, state = self.kept, self.state.state
        if digest == manifest.digest or kept is None or state is None:
            return offer
        trainers = max(1, state.total or state.trainers)
        why = fault(kept.update, read_table(kept.base), samples=manifest.samples, trainers=trainers)
        if why is not None:
            self.worker.drops.add(self.worker.spec.worker, *why)
        offer = RingOffer.of(manifest, integers_digest(kept.update)) if why is None else None
        self._checked = (manifest.digest, offer)
        return offer
