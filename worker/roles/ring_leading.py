"""The hands of a ring's leader: it counts offers, and instead of adding up it names attempts."""

from tag.settings import RunSettings
from worker import events
from worker.channel import Letter, read
from worker.checkpoints import Volume
from worker.protocol import attempts as machine
from worker.protocol import leader_io as io
from worker.protocol.messages import Evaluation, Term, Want
from worker.protocol.ring_messages import RingOffer, RingState, Stand
from worker.roles.adding import Adding, Result
from worker.roles.base import Part
from worker.roles.follow import Follow
from worker.roles.leading import Leading, Upper
from worker.wire import WireError, decode

ASK_AGAIN_S = 2.0


class RingLeading(Leading):
    """The rounds of a member, while it leads.

    Attributes:
        follow: the part of this member that trains.
        adding: the part of this member that adds up.
    """

    follow: Follow
    adding: Adding

    def __init__(self, part: Part, settings: RunSettings, volume: Volume, upper: Upper | None = None) -> None:
        super().__init__(part, settings, volume, upper)
        self._attempts: machine.Attempts | None = None
        self._round = (0, 0, "")
        self._commit: machine.Commit | None = None
        self._asked = 0.0
        self._judged: Evaluation | None = None

    @property
    def awaited(self) -> str:
        """Digest of the model that all members of the attempt but not this one have made; empty if there is none."""
        return self._commit.model if self._commit is not None else ""

    def begin(self, term: Term, now: float) -> None:
        """Lead from now on, from the newest model that this member holds."""
        self._attempts, self._commit = machine.Attempts(term), None
        newest = self.follow.state.held[-1] if self.follow.state.held else None
        if newest is not None and newest.run and self._upper is None:
            self.store.take_model(newest, (), self.follow.files[newest.digest])
        super().begin(term, now)

    def end(self) -> None:
        """Lead no more."""
        self._attempts = self._commit = None
        super().end()

    def step(self, event: io.Event, now: float) -> None:
        """Tell the state machine, and do what it decides."""
        super().step(event, now)
        if isinstance(event, io.Coming):
            self._asked = now
        leader = self.leader
        if leader is None or self._round == (leader.run, leader.round, leader.phase):
            return
        self._round = (leader.run, leader.round, leader.phase)
        self._commit = None
        self._try(machine.Opened(), now)

    def look(self, now: float) -> None:
        """See whether those whose updates are counted are still here."""
        leader = self.leader
        if leader is None or leader.phase != "round":
            return
        present = {n: leader.members.present[n].here.incarnation for n in leader.members.able}
        self._try(machine.Looked(present, frozenset(leader.counted)), now)
        if self._commit is not None and now - self._asked >= ASK_AGAIN_S:
            self._ask_result(self._commit, now)

    def reported(self, worker: str, stand: Stand, now: float) -> None:
        """A member's word on where it stands."""
        self._try(machine.Reported(worker, stand), now)

    def update(self, letter: Letter, now: float) -> None:
        """An offer."""
        leader, attempts = self.leader, self._attempts
        if leader is None or attempts is None:
            return
        try:
            manifest = read(RingOffer, decode(letter.payload).manifest)
        except WireError:
            manifest = None
        sound = manifest is not None and leader.members.dataset_of(letter.sender) == manifest.dataset
        if manifest is not None and sound and (manifest.run, manifest.round) == (leader.run, leader.round):
            incarnation = leader.members.present[manifest.dataset].here.incarnation
            known = attempts.offers.get(manifest.dataset)
            if manifest.dataset not in leader.counted or known is None or known.incarnation != incarnation:
                self._try(machine.Offered(machine.Offer(letter.sender, incarnation, manifest)), now)
        super().update(letter, now)

    # --- what it does

    def _do(self, action: io.Action, now: float) -> None:
        match action:
            case io.SayState(group, state):
                attempt = self._attempts.attempt if self._attempts is not None else None
                super()._do(io.SayState(group, RingState.of(state, attempt)), now)
            case io.PublishModel() if self._upper is None:
                pass  # whoever took part has made it itself; who lacks it asks
            case io.Stage(manifest):
                self.step(io.Came(manifest.dataset, 1, whole=True), now)
            case io.Count(manifest):
                self._count_offer(manifest.dataset, now)
            case io.PassOn(run, number, participants, evaluation):
                self._judged = evaluation
                self._try(machine.Close(run, number, tuple(participants)), now)
            case io.MakeModel(run, number, participants):
                self._try(machine.Close(run, number, participants), now)
            case _:
                super()._do(action, now)

    def _count_offer(self, dataset: str, now: float) -> None:
        """Count an update whose integer tensors are those of the others."""
        leader, attempts = self.leader, self._attempts
        if leader is None or attempts is None or dataset not in attempts.offers:
            self.step(io.Refused(dataset), now)
            return
        offer = attempts.offers[dataset]
        others = {attempts.offers[name].manifest.integers for name in leader.counted if name in attempts.offers}
        if others - {offer.manifest.integers}:
            self._worker.drops.add(offer.worker, "wrong_shape", "integer tensors differ from the other updates'")
            self.step(io.Refused(dataset), now)
            return
        self.step(io.Counted(dataset), now)

    def _try(self, event: machine.Event, now: float) -> None:
        if self._attempts is None:
            return
        before = self._attempts.attempt
        self._attempts, actions = machine.step(self._attempts, event, now)
        for action in actions:
            match action:
                case machine.Lose(datasets):
                    self._commit = None
                    self._worker.journal.write("warning", f"the updates of {sorted(datasets)} are lost")
                    self.step(io.Lost(datasets), now)
                case machine.Commit():
                    self._close(action, now)
                case machine.Disagree(models, last):
                    self._disagree(models, last=last, now=now)
        if self._attempts is not None and self._attempts.attempt is not before and self._attempts.running:
            self._say_attempt(now)

    def _say_attempt(self, now: float) -> None:
        attempts = self._attempts
        if attempts is not None and attempts.attempt is not None:
            names = ", ".join(member.dataset for member in attempts.attempt.members)
            about = f"round {attempts.attempt.round}, attempt {attempts.attempt.number}"
            self._worker.journal.write("info", f"{about}: {names} add up")
        self.say_again(now)

    def _close(self, commit: machine.Commit, now: float) -> None:
        """Close the round with the model that all have made; without it here, ask a member for it first."""
        result = self.adding.result
        if result is not None and result.held.digest == commit.model:
            self._hold(result, now)
            return
        self._commit = commit
        self._ask_result(commit, now)

    def _hold(self, result: Result, now: float) -> None:
        if self._upper is not None:
            samples = {member.dataset: member.samples for member in result.attempt.members}
            self._upper.summed(result.file, samples, self._judged, now, 0)
            return
        names = tuple(member.dataset for member in result.attempt.members)
        self.store.take_model(result.held, names, result.file)
        self.step(io.Holding(result.held, names), now)

    def _ask_result(self, commit: machine.Commit, now: float) -> None:
        self._asked = now
        want = Want(commit.attempt.term, commit.model, self.download.have(commit.model), ask=True)
        self._channel.say("want", want, to=commit.attempt.members[0].worker)

    def _disagree(self, models: object, *, last: bool, now: float) -> None:
        self._worker.journal.write("warning", f"members made different models of one sum: {models}")
        leader = self.leader
        if not last or leader is None:
            return
        message = (
            f"round {leader.round}: members of the ring made different models of one sum, {machine.DISAGREEMENTS} "
            f"times: {models}; run them on the same kind of machine, with the same version of fedtag"
        )
        self._worker.tell(events.Failed(run=leader.run, round=leader.round, message=message))
        self.step(io.Over("failed", message), now)
