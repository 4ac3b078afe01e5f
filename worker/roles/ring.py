"""The part of a member of a ring: it trains, stands for election, leads while it is elected, and adds up."""

from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tag.settings import RunSettings
from tag.spec import Membership
from worker.channel import Channel, Letter, read
from worker.checkpoints import Volume
from worker.protocol import leader_io as io
from worker.protocol import replica as election
from worker.protocol.messages import Here, Message, ModelManifest, Want, encode
from worker.protocol.ring_messages import RingState, Stand
from worker.roles.adding import Adding
from worker.roles.base import Part, Worker
from worker.roles.follow import Source
from worker.roles.lead import Lead
from worker.roles.leading import Leading, Upper
from worker.roles.ring_follow import RingFollow
from worker.roles.ring_leading import RingLeading

_FOR_ALL = frozenset({"here", "state", "model"})


class RingChannel(Channel):
    """A channel on which a member hears itself, without the broker.

    Attributes:
        letters: what it has said to itself and not heard yet.
    """

    def __init__(self, worker: Worker, place: Membership) -> None:
        super().__init__(worker.spec, place, worker.links[place.broker])
        self._me = worker.spec.worker
        self.letters: deque[Letter] = deque()

    def say(
        self, kind: str, body: Message | bytes, *, group: str | None = None, to: str = "", retain: bool = False
    ) -> None:
        """Say something to the others, to itself, or to both."""
        payload = body if isinstance(body, bytes) else encode(body)
        if to != self._me:
            super().say(kind, payload, group=group, to=to, retain=retain)
        self._hear(kind, payload, group, to)

    def send(
        self, kind: str, what: str | bytes, index: int, payload: bytes, *, group: str | None = None, to: str = ""
    ) -> None:
        """Send a chunk to the others, to itself, or to both."""
        if to != self._me:
            super().send(kind, what, index, payload, group=group, to=to)
        self._hear(kind, payload, group, to)

    def _hear(self, kind: str, payload: bytes, group: str | None, to: str) -> None:
        if to == self._me or (not to and kind in _FOR_ALL):
            self.letters.append(Letter(group or self.home, kind, self._me, to, payload))


class RingLead(Lead):
    """A replica who is a follower, too: presence is the follower's, and so is the model that it begins to lead with.

    Args:
        worker: whose part it is.
        place: its place on the ring's channel.
        roster: file with the members that are expected.
        channel: the ring's.
        follow: the part that trains.
        adding: the part that adds up.
        upper: who is told of rounds, if the ring's sum is passed on.
    """

    leading: RingLeading

    def __init__(
        self,
        worker: Worker,
        place: Membership,
        *,
        roster: Path | None,
        channel: Channel,
        follow: RingFollow,
        adding: Adding,
        upper: Upper | None = None,
    ) -> None:
        self._follow, self._adding = follow, adding
        super().__init__(worker, place, roster=roster, channel=channel, upper=upper)

    def _hands(self, settings: RunSettings, volume: Volume, upper: Upper | None) -> Leading:
        self.leading = RingLeading(self, settings, volume, upper)
        self.leading.follow, self.leading.adding = self._follow, self._adding
        return self.leading

    def heard(self, want: Want, now: float) -> None:
        """A member named the highest term that it has heard."""
        self._elect(election.TermHeard(want.term, "hearsay"), now)

    def presence(self) -> Here | None:
        """None: the follower says it."""
        return None

    def _say_here(self) -> None:
        self._follow.say_here()

    def _here(self, letter: Letter, here: Here, now: float) -> None:
        self._elect(election.TermHeard(here.term, "hearsay"), now)
        if here.gone:
            self.gone(letter.sender, now)
        self.leading.members = self.leading.members.heard(letter.sender, letter.group, here)
        self.leading.step(io.HereHeard(letter.sender, letter.group, here), now)

    def _needs(self, kind: str, manifest: ModelManifest) -> bool:
        if kind == "model" and manifest.digest == self.leading.awaited != self.leading.download.digest:
            return True
        return super()._needs(kind, manifest)

    def _read_roster(self, now: float) -> None:
        super()._read_roster(now)
        names = sorted(self.leading.members.expected)
        if self._follow.name in names:
            self._replica = replace(self._replica, index=names.index(self._follow.name))


class Ring(Part):
    """A member of a ring.

    Args:
        worker: whose part it is.
        place: its place on the ring's channel.
        source: of its updates.
        roster: file with the members that are expected.
        upper: who is told of rounds, if the ring's sum is passed on.

    Attributes:
        follow: the part that trains.
    """

    def __init__(
        self,
        worker: Worker,
        place: Membership,
        source: Source,
        *,
        roster: Path | None = None,
        upper: Upper | None = None,
    ) -> None:
        self._local = RingChannel(worker, place)
        self.follow = RingFollow(worker, place, source, self._local)
        self._adding = Adding(self.follow.name, self._local, worker.drops, passes=upper is not None)
        self._lead = RingLead(
            worker, place, roster=roster, channel=self._local, follow=self.follow, adding=self._adding, upper=upper
        )
        super().__init__(worker, place, self._local)

    def connected(self, now: float) -> None:
        """Say that it is here."""
        self._lead.connected(now)
        self.follow.connected(now)
        self._hear_itself(now)

    def tick(self, now: float) -> None:
        """Beat, claim, ask again for what does not come."""
        self._lead.echoed_at = self.echoed_at
        self._lead.tick(now)
        self.follow.tick(now)
        self._adding.tick(now)
        self._lead.leading.look(now)
        self._hear_itself(now)

    def result(self, item: Any, now: float) -> None:
        """A computation's result came."""
        self.follow.result(item, now)
        self._hear_itself(now)

    def letter(self, letter: Letter, now: float) -> None:
        """A letter of another member, or of the operator."""
        self._take(letter, now)
        self._hear_itself(now)

    def _hear_itself(self, now: float) -> None:
        while self._local.letters:
            self._take(self._local.letters.popleft(), now)

    def _take(self, letter: Letter, now: float) -> None:
        match letter.kind:
            case "state":
                self._state(letter, now)
            case "part":
                if self._adding.part(letter, now):
                    self._lead.moved(now)
            case "stand" if (stand := read(Stand, letter.payload)) is not None:
                self._lead.leading.reported(letter.sender, stand, now)
            case "want" if (want := read(Want, letter.payload)) is not None:
                self._want(letter, want, now)
            case "model":
                self.follow.letter(letter, now)
                self._lead.letter(letter, now)
            case "here":
                self._lead.letter(letter, now)
                self._lead.leading.look(now)
            case _:
                self._lead.letter(letter, now)

    def _want(self, letter: Letter, want: Want, now: float) -> None:
        """Each answers for what is its own: the attempt's parts, the leader's model, the models that are kept."""
        self._lead.heard(want, now)
        if self._adding.want(letter.sender, want, now):
            return
        leading = self._lead.leading
        if leading.leader is not None and leading.store.digest == want.digest:
            leading.want(letter, want, now)
        else:
            self.follow.letter(letter, now)

    def _state(self, letter: Letter, now: float) -> None:
        state = read(RingState, letter.payload)
        if state is None:
            self.worker.drops.add(letter.sender, "malformed", "no state that a member can read")
            return
        if letter.sender != self.worker.spec.worker:
            self._lead.letter(letter, now)
        if not self.follow.hear(state, letter, self._adding.result, now):
            return
        at, attempt = (state.run, state.round), state.attempt
        under_way = self._adding.member.attempt
        if under_way is not None and (state.phase != "round" or (under_way.run, under_way.round) != at):
            self._adding.over(now)
        if attempt is not None and state.phase == "round" and (attempt.run, attempt.round) == at:
            self._adding.named(attempt, self.follow.kept, now)

    def gone(self, replica: str, now: float) -> None:
        """Another member has left, as another part heard."""
        self._lead.gone(replica, now)

    def patience(self, now: float) -> float:
        """Until the next beat, or the next tick."""
        return self._lead.patience(now)

    def stop(self) -> None:
        """End what was begun."""
        self._lead.stop()
        self.follow.stop()

    def presence(self) -> Here | None:
        """Presence that says that it has left, with all that it knew."""
        return self.follow.presence()

    def metrics(self) -> Mapping[str, float]:
        """The present round, and whether this member leads."""
        return {**self._lead.metrics(), **self.follow.metrics()}
