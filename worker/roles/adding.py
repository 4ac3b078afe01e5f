"""A member's hands in a ring's attempts: the bytes of the sum, and what the state machine of a member decides."""

from collections import deque
from dataclasses import dataclass

from tag.limits import WINDOW_CHUNKS
from worker.channel import Channel, Drops, Letter
from worker.protocol import ring as machine
from worker.protocol import ring_io as io
from worker.protocol.messages import Held, ModelManifest, UpdateManifest, Want
from worker.protocol.ring_messages import Attempt
from worker.ring_sums import RingSum
from worker.tensors import digest, read_table
from worker.wire import Chunk, WireError, chunk_count, decode, seal


@dataclass(frozen=True)
class Kept:
    """The update that a member keeps for a round's attempts, and the model that was trained."""

    manifest: UpdateManifest
    update: bytearray
    base: bytearray


@dataclass(frozen=True)
class Result:
    """The model that an attempt makes, or the sum that it passes on, before the leader's word that it counts."""

    attempt: Attempt
    held: Held
    file: bytearray


class Adding:
    """One member's attempts.

    Args:
        name: its dataset.
        channel: of the ring.
        drops: counts what is dropped.
        passes: whether the ring passes its sum on, instead of making a model of it.

    Attributes:
        member: the state machine's.
        result: of the present attempt, once it is made.
    """

    def __init__(self, name: str, channel: Channel, drops: Drops, *, passes: bool = False) -> None:
        self._passes = passes
        self.member = machine.Ring(name)
        self.result: Result | None = None
        self._channel = channel
        self._drops = drops
        self._kept: Kept | None = None
        self._sum: RingSum | None = None
        self._chunk: Chunk | None = None
        self._early: deque[tuple[str, Chunk]] = deque(maxlen=WINDOW_CHUNKS)

    def named(self, attempt: Attempt, kept: Kept | None, now: float) -> None:
        """The leader's last word on attempts."""
        if not machine.newer(self.member, attempt):
            return
        self._kept = kept
        held = kept.manifest.digest if kept is not None else ""
        values = read_table(kept.base).parameters if kept is not None else 0
        self.step(io.Named(attempt, held, values), now)
        early, self._early = self._early, deque(maxlen=WINDOW_CHUNKS)
        for sender, chunk in early:
            self._take(sender, chunk, now)

    def over(self, now: float) -> None:
        """The round is over."""
        self.step(io.Over(), now)

    def tick(self, now: float) -> None:
        """Ask again for what does not come."""
        self.step(io.Tick(), now)

    def part(self, letter: Letter, now: float) -> bool:
        """A part of a sum; whether it is one of the present attempt's."""
        try:
            chunk = decode(letter.payload)
        except WireError as error:
            self._drops.add(letter.sender, "malformed", str(error))
            return False
        if machine.current(self.member, chunk.key):
            self._take(letter.sender, chunk, now)
            return True
        # The one before may have heard of the attempt sooner; what is older is dropped when the next one begins.
        self._early.append((letter.sender, chunk))
        return False

    def _take(self, sender: str, chunk: Chunk, now: float) -> None:
        self._chunk = chunk
        self.step(io.Came(sender, chunk.key, chunk.index, len(chunk.data)), now)
        self._chunk = None

    def want(self, sender: str, want: Want, now: float) -> bool:
        """Take the next member's word on its place, or give the result to who lacks it; whether it was one of these."""
        result = self.result
        if want.digest == self.member.key:
            self.step(io.Wanted(sender, want), now)
        elif result is not None and want.digest == result.held.digest:
            held, names = result.held, tuple(m.dataset for m in result.attempt.members)
            manifest = ModelManifest(held.run, held.round, result.attempt.term, held.digest, held.size, names)
            chunks = range(want.have, min(chunk_count(held.size), want.have + WINDOW_CHUNKS))
            self._channel.send_chunks("model", memoryview(result.file), manifest, chunks, to=sender)
        else:
            return False
        return True

    def step(self, event: io.Event, now: float) -> None:
        """Tell the state machine, and do what it decides."""
        self.member, actions = machine.step(self.member, event, now)
        for action in actions:
            self._do(action, now)

    def _do(self, action: io.Action, now: float) -> None:
        match action:
            case io.Begin(_, legs) if self._kept is not None:
                kept, self.result = self._kept, None
                self._sum = RingSum(kept.update, kept.manifest.samples, kept.base, self._sum)
                self._sum.begin(legs)
            case io.End():
                self.result = self._kept = None
            case io.Take(span) if self._sum is not None and self._chunk is not None:
                self._sum.take(span, self._chunk.data)
            case io.SendPart(to, first, last):
                self._send(to, range(first, last))
            case io.SendWant(to, want):
                self._channel.say("want", want, to=to)
            case io.SendStand(to, stand):
                self._channel.say("stand", stand, to=to)
            case io.Finish(attempt):
                self._finish(attempt, now)
            case io.Drop(sender, reason, detail):
                self._drops.add(sender, reason, detail)

    def _send(self, to: str, chunks: range) -> None:
        member = self.member
        if self._sum is None or member.legs is None:
            return
        for index in chunks:
            data = self._sum.give(member.legs.going[index])
            self._channel.send("part", member.key, index, seal(data, member.key, index), to=to)

    def _finish(self, attempt: Attempt, now: float) -> None:
        if self._sum is None:
            return
        file = self._sum.sums() if self._passes else self._sum.mean(attempt.samples)
        held = Held(attempt.run, attempt.round + 1, digest(file), len(file))
        self.result = Result(attempt, held, file)
        self.step(io.Made(self.member.key, held.digest), now)
