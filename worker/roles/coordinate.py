"""A coordinator: hears who is here and which round is open, and says who follows whom. Needs no model."""

from collections.abc import Mapping
from pathlib import Path

from tag.settings import RunSettings
from tag.spec import Membership
from worker.channel import Letter, read
from worker.protocol import coordinator as machine
from worker.protocol.coordinator import Coordinator
from worker.protocol.messages import Here, State
from worker.roles.base import Part, Worker
from worker.roles.roster import Roster, RosterFile

LISTEN_S = 2.0
"""Seconds after which a coordinator that does not hear itself subscribes again."""


class Pairs:
    """What the parts of a coordinator share: its machine, and what that decides is said on all its channels.

    Args:
        worker: whose parts they are.
        roster: file with who is expected.
    """

    def __init__(self, worker: Worker, roster: Path | None) -> None:
        self.roster_file = roster
        self._worker = worker
        self._parts: list[Coordinate] = []
        self._rosters: dict[str, Roster] = {}
        self._state = Coordinator(worker.spec.seed or 0, worker.spec.run or RunSettings())

    def add(self, part: "Coordinate") -> None:
        """One more part."""
        self._parts.append(part)

    def expect(self, channel: str, roster: Roster, now: float) -> None:
        """Who is expected on a channel."""
        self._rosters[channel] = roster
        joined = {f"{name}/{group}": names for name, groups in self._rosters.items() for group, names in groups.items()}
        self.step(machine.RosterRead(joined), now)

    def step(self, event: machine.Event, now: float) -> None:
        """Tell the state machine, and do what it decides."""
        self._state, actions = machine.step(self._state, event, now)
        for action in actions:
            match action:
                case machine.SayPairs(group, pairing):
                    for part in self._parts:
                        if part.pairs_some:
                            part.channel.say("pairing", pairing, to=group, retain=True)
                case machine.Tell(told):
                    self._worker.tell(told)

    def metrics(self) -> Mapping[str, float]:
        """The round whose pairs were said last."""
        return {"round": max((p.round for p in self._state.pairs.values()), default=0)}


class Coordinate(Part):
    """A coordinator's end of one channel.

    Args:
        worker: whose part it is.
        place: its place on the channel.
        pairs: shared by all its parts.

    Attributes:
        pairs_some: whether somebody is there who is to be paired, and not only a root.
    """

    def __init__(self, worker: Worker, place: Membership, pairs: Pairs) -> None:
        super().__init__(worker, place)
        self.pairs_some = False
        self._pairs = pairs
        self._roster = RosterFile(pairs.roster_file, place, worker.journal)
        self._up_at = self._listened_at = float("inf")
        pairs.add(self)

    def connected(self, now: float) -> None:
        """Say that it is here, to hear itself, and all pairs again."""
        self._up_at = self._listened_at = now
        self._say_here()
        self._pairs.step(machine.Up(), now)

    def letter(self, letter: Letter, now: float) -> None:
        """Somebody's presence, or the root's word on its round."""
        if letter.kind == "here" and (here := read(Here, letter.payload)) is not None:
            self.pairs_some = True
            self._pairs.step(machine.HereHeard(letter.sender, here), now)
        elif letter.kind == "state" and (state := read(State, letter.payload)) is not None:
            self._pairs.step(machine.StateHeard(state), now)
        else:
            self.worker.drops.add(letter.sender, "malformed", f"no {letter.kind} that a coordinator can read")

    def tick(self, now: float) -> None:
        """Look at the roster, pair, say pairs again; subscribe again as long as the broker gives nothing."""
        if (roster := self._roster.changed(now)) is not None:
            self._pairs.expect(self.place.channel, roster, now)
        if self.echoed_at < self._up_at and now - self._listened_at >= LISTEN_S and self.channel.connected:
            self._listened_at = now
            self.channel.subscribe()
            self._say_here()
        self._pairs.step(machine.Tick(), now)

    def _say_here(self) -> None:
        self.channel.say("here", Here(self.worker.incarnation), retain=True)

    def presence(self) -> Here:
        """Presence that says that it has left."""
        return Here(self.worker.incarnation, gone=True)

    def metrics(self) -> Mapping[str, float]:
        """Those of all parts."""
        return self._pairs.metrics()
