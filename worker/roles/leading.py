"""A leader's hands: what the state machine of rounds decides is done here, and what comes of it is told to it."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

from tag.settings import RunSettings
from worker import events
from worker.channel import Letter, read
from worker.checkpoints import Volume
from worker.download import Download
from worker.protocol import leader as rounds
from worker.protocol import leader_io as io
from worker.protocol.leader_state import Leader, beat, manifest_of
from worker.protocol.members import Members
from worker.protocol.messages import Alive, Evaluation, Held, Term, UpdateManifest, Want
from worker.roles.base import Part
from worker.roles.store import Outbox, Store
from worker.wire import WireError, decode


class Upper(ABC):
    """Who is above a leader that is led: it assigns rounds, and takes their sums."""

    name: str

    @abstractmethod
    def began(self, leading: "Leading", now: float) -> None:
        """This replica leads from now on."""

    @abstractmethod
    def ended(self) -> None:
        """This replica leads no more."""

    @abstractmethod
    def gathered(self, held: Held, file: bytearray, now: float) -> None:
        """All who are expected are here, and a model to begin with."""

    @abstractmethod
    def summed(
        self, file: bytearray, participants: Mapping[str, int], evaluation: Evaluation | None, now: float, deltas: int
    ) -> None:
        """The sum of the round that was assigned is here."""

    @abstractmethod
    def judged(self, evaluation: Evaluation, now: float) -> None:
        """The evaluation that was assigned is here."""

    @abstractmethod
    def blamed(self, message: str) -> None:
        """The run can't go on, as somebody below says."""


class Leading:
    """The rounds of a replica, while it leads.

    Args:
        part: whose channel is used.
        settings: of the run.
        volume: where checkpoints are kept.
        upper: who is above, if somebody is.
        paired: whether a coordinator says who follows.

    Attributes:
        watch: is told the leader's run after each step.
        leader: its run; None while another replica leads.
        members: whom it knows, also while another leads.
        replicas: ids of the other replicas that are here.
        store: its bytes.
        download: the model that is coming in.
    """

    def __init__(
        self, part: Part, settings: RunSettings, volume: Volume, upper: Upper | None = None, *, paired: bool = False
    ) -> None:
        self.leader: Leader | None = None
        self.members = Members({}, {}, paired)
        self.watch: Callable[[Leader, float], None] | None = None
        self.replicas: set[str] = set()
        self.store = Store(settings.optimizer)
        self.download = Download()
        self._channel = part.channel
        self._worker = part.worker
        self._settings = settings
        self._volume = volume
        self._upper = upper
        self._outbox = Outbox(part.channel, self.store)

    def begin(self, term: Term, now: float) -> None:
        """Lead from now on."""
        self._worker.journal.write("info", f"leads in term {term}")
        name = self._upper.name if self._upper is not None else ""
        self.leader = Leader(term, self._settings, self.members, name, since=now, due=now)
        if self._upper is not None:
            self._upper.began(self, now)
        self._worker.tell(events.Leading(term=term[0]))
        if self.replicas and self.store.state is not None:
            self._checkpoint(sorted(self.replicas), now)
        self.step(io.Tick() if self.store.base is None else io.Holding(*self.store.base), now)

    def end(self) -> None:
        """Lead no more; what is half done is discarded."""
        self.leader = None
        self._worker.meter.stop()
        self.store.unstage("")
        self._outbox.clear()
        if self._upper is not None:
            self._upper.ended()

    def step(self, event: io.Event, now: float) -> None:
        """Tell the state machine, and do what it decides."""
        if self.leader is None:
            return
        self.leader, actions = rounds.step(self.leader, event, now)
        self._worker.journal.round = self.leader.round
        if self._upper is None and self.leader.phase == "round":
            self._worker.meter.begin()
        for action in actions:
            self._do(action, now)
        if self.watch is not None and self.leader is not None:
            self.watch(self.leader, now)

    def say_again(self, now: float) -> None:
        """Tell all groups where the run stands: the broker may have forgotten."""
        if self.leader is not None:
            self.leader, actions = beat(self.leader, now, again=True)
            for action in actions:
                self._do(action, now)

    def advance(self, now: float) -> None:
        """Beat, close rounds, send what windows allow, keep the model while trainers train."""
        self.step(io.Tick(), now)
        self._outbox.advance(now)
        if self.store.base is not None and self.store.model is not None:
            self._volume.keep(*self.store.base, self.store.model, now, state=self.store.state)

    def want(self, letter: Letter, want: Want, now: float) -> None:
        """A reader's word on a model's way to it."""
        manifest = manifest_of(self.leader) if self.leader is not None else None
        self._outbox.want(letter.sender, letter.group, want, manifest, now)

    def update(self, letter: Letter, now: float) -> None:
        """A chunk of an update."""
        if self.leader is None:
            return
        try:
            chunk = decode(letter.payload)
            dataset = self.leader.members.dataset_of(letter.sender)
            if chunk.manifest:
                manifest = read(UpdateManifest, chunk.manifest)
                if manifest is None:
                    self._worker.drops.add(letter.sender, "malformed", "the update's manifest can't be read")
                    return
                self.step(io.Offered(letter.sender, manifest, self.store.size_of(manifest)), now)
            received = self.store.put(dataset, chunk)
        except WireError as error:
            self._worker.drops.add(letter.sender, "malformed", str(error))
            return
        if received is not None:
            self.step(io.Came(dataset, received.confirmed, received.whole), now)

    def _do(self, action: io.Action, now: float) -> None:
        match action:
            case io.SayState(group, state):
                self._channel.say("state", state, group=group, retain=True)
            case io.SayAlive(term):
                self._channel.say("alive", Alive(term))
            case io.PublishModel(groups, manifest):
                for group in groups:
                    self._outbox.publish("model", group, manifest, self._readers(group), now, after=self._buffered)
            case io.AskModel(dataset, held):
                self._ask(dataset, held)
            case io.Stage(manifest):
                self.store.stage(manifest)
            case io.Unstage(dataset, only_sum):
                self.store.unstage(dataset, only_sum=only_sum)
            case io.Count():
                self._count(action, now)
            case io.MakeModel():
                self._make(action)
            case io.Gathered() | io.PassOn() | io.PassJudgement() | io.Blame() if self._upper is not None:
                self._pass_on(self._upper, action, now)
            case io.Drop(sender, reason, detail):
                self._worker.drops.add(sender, reason, detail)
            case io.Tell(event):
                self._tell(event)

    def _tell(self, event: events.Event) -> None:
        """Tell an event and, at the end of a round or of the run, what was moved."""
        self._worker.tell(event)
        if isinstance(event, events.RoundClosed):
            self._worker.tell(self._worker.meter.take(event.run, event.round))
        elif isinstance(event, events.Finished):
            self._worker.tell(self._worker.meter.take(event.run, event.rounds + 1))

    def _readers(self, group: str) -> list[str]:
        leader = self.leader
        if leader is None:
            return []
        return [leader.members.present[n].worker for n in leader.members.of_group(group, leader.selected)]

    def _ask(self, dataset: str, held: Held) -> None:
        """Ask a member for a model, or for the rest of it."""
        if self.leader is not None:
            member = self.leader.members.present[dataset]
            want = Want(self.leader.term, held.digest, self.download.have(held.digest), ask=True)
            self._channel.say("want", want, group=member.group, to=member.worker)

    def _pass_on(self, upper: Upper, action: io.Action, now: float) -> None:
        match action:
            case io.Gathered(held) if self.store.model is not None:
                upper.gathered(held, self.store.model, now)
            case io.PassOn(_, _, participants, evaluation, deltas):
                upper.summed(self.store.sums(), participants, evaluation, now, deltas)
            case io.PassJudgement(evaluation):
                upper.judged(evaluation, now)
            case io.Blame(message):
                upper.blamed(message)

    def _count(self, action: io.Count, now: float) -> None:
        manifest = action.manifest
        why = self.store.count(manifest, share=action.share, trainers=action.trainers, weight=action.weight)
        if why is None:
            self.step(io.Counted(manifest.dataset), now)
            return
        self._worker.drops.add(self.members.present[manifest.dataset].worker, *why)
        self.step(io.Refused(manifest.dataset), now)

    def _make(self, made: io.MakeModel) -> None:
        """Make the new model; replicas get it before the trainers, the volume at the next tick, while they train."""
        if self.leader is None:
            return
        self._volume.settle()
        self._keep()
        held = self.store.make_model(made.run, made.round, made.participants, made.scale)
        if self.replicas:
            self._checkpoint(sorted(self.replicas), time.monotonic())
        self.step(io.Holding(held, made.participants), time.monotonic())

    def _checkpoint(self, replicas: list[str], now: float) -> None:
        if self.leader is not None:
            manifest = self.store.checkpoint(self.leader.term)
            self._outbox.publish("checkpoint", self._channel.home, manifest, replicas, now, after=self._buffered)

    def take(self, held: Held, participants: tuple[str, ...], file: bytearray, state: bytearray | None = None) -> None:
        """Hold a model that came from elsewhere, and say so if the optimizer's state did not come with it."""
        self._keep()
        if self.store.take_model(held, participants, file, state):
            return
        sort = self._settings.optimizer.sort
        self._worker.journal.write(
            "warning",
            f"the state of optimizer {sort!r} is lost: no checkpoint with it came along with the model of run "
            f"{held.run} round {held.round}, so it begins anew and the run's model is another than without the loss; "
            "replicas or a volume would have kept it",
        )

    @property
    def _buffered(self) -> bool:
        return self.leader is not None and self.leader.buffered

    def _keep(self) -> None:
        """Where nobody waits, a model is on its way to who is slow while the next ones are made."""
        if self._buffered:
            self.store.keep(self._outbox.under_way(time.monotonic()))

    def replica(self, name: str, now: float, *, here: bool) -> None:
        """Another replica is here, or has left; one that is new needs the optimizer's state, which no trainer has."""
        new = here and name not in self.replicas
        (self.replicas.add if here else self.replicas.discard)(name)
        if new and self.leader is not None and self.store.state is not None and self.store.base is not None:
            self._checkpoint([name], now)

    def stop(self) -> None:
        """Keep the last model."""
        if self.store.base is not None and self.store.model is not None:
            self._volume.keep(*self.store.base, self.store.model, state=self.store.state)
        self._volume.settle()
