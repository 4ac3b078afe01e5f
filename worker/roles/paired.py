"""The part of whoever a coordinator pairs, or asks for its round: a trainer, a middle aggregator, a root."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from tag.limits import STATE_S
from tag.spec import Membership
from worker import events
from worker.channel import Letter, read
from worker.protocol import follower_io as above
from worker.protocol.leader_state import Leader
from worker.protocol.messages import Evaluation, Held, Here, Pairing, State
from worker.roles.base import Part, Worker
from worker.roles.follow import Follow, Source
from worker.roles.lead import Lead
from worker.roles.middle import Middle

WAITING_S = 1.0
"""Seconds without pairs after which it is told that a round waits for them."""


class Paired(Part, ABC):
    """Says to a coordinator that this worker is here, and takes its pairs."""

    _said: Here | None = None

    @abstractmethod
    def about(self) -> Here:
        """What presence says to the coordinator, but for what is the same for all."""

    @abstractmethod
    def take(self, pairing: Pairing, now: float) -> None:
        """Take the pairs of a round in this worker's group."""

    def _here(self) -> Here:
        spec = self.worker.spec
        return replace(self.about(), incarnation=self.worker.incarnation, group=spec.pairing_group)

    def connected(self, now: float) -> None:
        """Say that it is here."""
        self._said = None
        self.tick(now)

    def tick(self, now: float) -> None:  # noqa: ARG002  as Part's
        """Say what has changed."""
        here = self._here()
        if here != self._said and self.channel.connected:
            self._said = here
            self.channel.say("here", here, retain=True)

    def letter(self, letter: Letter, now: float) -> None:
        """The pairs of a round."""
        if letter.kind == "pairing" and (pairing := read(Pairing, letter.payload)) is not None:
            self.take(pairing, now)
        else:
            self.worker.drops.add(letter.sender, "malformed", f"no {letter.kind} that can be read here")

    def presence(self) -> Here:
        """Presence that says that it has left, with all that is known of it."""
        return replace(self._here(), gone=True)


class PairedTrainer(Paired):
    """A trainer that follows whom a coordinator names.

    Args:
        worker: whose part it is.
        place: its place on the channel.
        follow: the part that follows.
        source: of its updates.
    """

    def __init__(self, worker: Worker, place: Membership, follow: Follow, source: Source) -> None:
        super().__init__(worker, place)
        self._follow, self._source = follow, source

    def about(self) -> Here:
        """Its dataset, once that is here."""
        here = self._source.about()
        return Here(incarnation="", dataset=self._follow.name, ready=here.ready, samples=here.samples)

    def take(self, pairing: Pairing, now: float) -> None:
        """Follow whoever has this dataset."""
        for leader, names in pairing.followers.items():
            if self._follow.name in names:
                self._follow.turn(leader, pairing.run, pairing.round, now)


class Announcing(Part):
    """Tells a coordinator which round this root has open."""

    def __init__(self, worker: Worker, place: Membership, lead: Lead) -> None:
        super().__init__(worker, place)
        self._said: State | None = None
        self._said_at = 0.0
        lead.leading.watch = self._watch

    def _watch(self, leader: Leader, now: float) -> None:
        rounds = State(leader.term, leader.run, leader.round, leader.rounds, leader.phase)
        if rounds != self._said or now - self._said_at >= STATE_S:
            self._said, self._said_at = rounds, now
            self.channel.say("state", rounds, retain=True)

    def connected(self, now: float) -> None:  # noqa: ARG002  as Part's
        """Say it again: the broker may have forgotten."""
        self._said = None


@dataclass(frozen=True)
class _Wanted:
    """What who is above wants, until the pairs of its round are here."""

    task: above.Task
    held: Held
    file: bytearray
    state: State
    since: float


class PairedMiddle(Paired):
    """A middle aggregator whose followers are those that a coordinator gives it, round by round."""

    def join(self, follow: Membership, lead: Membership, *, roster: Path | None, state: Path | None) -> None:
        """Give the worker the parts between which it stands.

        Args:
            follow: its place above.
            lead: its place below.
            roster: file with who is expected.
            state: folder for checkpoints.
        """
        self._source = GivenMiddle(self.worker, self.worker.spec.name_on(follow))
        self._source.follow = Follow(self.worker, follow, self._source, active=False)
        self._source.lead = Lead(self.worker, lead, roster=roster, state=state, upper=self._source, paired=True)

    def about(self) -> Here:
        """Its id, by which trainers know it."""
        return Here(incarnation="", dataset=self.worker.spec.worker, ready=True, leads=True)

    def take(self, pairing: Pairing, now: float) -> None:
        """Lead whom it was given."""
        self._source.take(pairing, now)

    def tick(self, now: float) -> None:
        """Say what has changed, and begin what can begin."""
        super().tick(now)
        self._source.tend(now)


class GivenMiddle(Middle):
    """Begins rounds when their pairs are here.

    Args:
        worker: whose part it is.
        name: logical sender above.

    Attributes:
        lead: the part below.
    """

    lead: Lead

    def __init__(self, worker: Worker, name: str) -> None:
        super().__init__(worker, name)
        self._pairing: Pairing | None = None
        self._wanted: _Wanted | None = None
        self._told = False

    def about(self) -> Here:
        """Presence for who is above.

        Pairs change, and the trainers behind all aggregators of a group must stay as many as there are: the first
        replica tells of all of them. Where a round may do without one, each does, as bounds may be too narrow, but
        never too wide.
        """
        spec = self._worker.spec
        every = sum(map(len, self.lead.roster.values()))
        alone = spec.index and (spec.run is None or spec.run.quorum is None)
        return replace(super().about(), trainers=0 if alone else every) if every else super().about()

    def begin(self, task: above.Task, held: Held, file: bytearray, state: State, now: float) -> None:
        """Let those below train, or evaluate, once it is known who they are."""
        self._wanted, self._told = _Wanted(task, held, file, state, now), False
        self.tend(now)

    def take(self, pairing: Pairing, now: float) -> None:
        """Take the pairs of a round."""
        self._pairing = pairing
        self.tend(now)

    def halt(self, now: float) -> None:
        """Nobody wants the round any more."""
        if self._wanted is not None:
            self._wanted = None
            self.follow.step(above.Stopped(), now)
        super().halt(now)

    def ended(self) -> None:
        """Begin anew."""
        self._wanted = None
        super().ended()

    def tend(self, now: float) -> None:
        """Take up the pairs when the round before them is done, and the round when they are here."""
        pairing, wanted = self._pairing, self._wanted
        if pairing is not None and self._task is None:
            self.lead.give(frozenset(pairing.followers.get(self._worker.spec.worker, ())), now)
        if wanted is None:
            return
        if pairing is not None and (pairing.run, pairing.round) == (wanted.task.run, wanted.task.round):
            members = self.lead.leading.members
            if members.expected <= members.present.keys():
                self._wanted = None
                super().begin(wanted.task, wanted.held, wanted.file, wanted.state, now)
        elif now - wanted.since >= WAITING_S and not self._told:
            self._told = True
            reason = f"{self._worker.spec.worker} waits for its coordinator"
            self._worker.tell(events.Waiting(run=wanted.task.run, round=wanted.task.round, reason=reason))

    def summed(
        self, file: bytearray, participants: Mapping[str, int], evaluation: Evaluation | None, now: float, deltas: int
    ) -> None:
        """Give the sum of those who followed in this round."""
        super().summed(file, participants, evaluation, now, deltas)
        self.tend(now)

    def judged(self, evaluation: Evaluation, now: float) -> None:
        """Give the evaluation of those who followed in the last round."""
        super().judged(evaluation, now)
        self.tend(now)
