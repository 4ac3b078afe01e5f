"""A leader's hands: what the state machine of rounds decides is done here, and what comes of it is told to it."""

import time

from tag.plan import RunSettings
from worker import events
from worker.channel import Letter, read
from worker.checkpoints import Volume
from worker.download import Download
from worker.protocol import leader as rounds
from worker.protocol import leader_io as io
from worker.protocol.leader_state import Leader, beat, manifest_of
from worker.protocol.members import Members
from worker.protocol.messages import Alive, Held, ModelManifest, Term, UpdateManifest, Want
from worker.roles.base import Role
from worker.roles.store import Outbox, Store
from worker.wire import WireError, decode


class Leading:
    """The rounds of a replica, while it leads.

    Args:
        role: whose link, journal and counts of drops are used.
        settings: of the run.
        volume: where checkpoints are kept.

    Attributes:
        leader: its run; None while another replica leads.
        members: whom it knows, also while another leads.
        replicas: ids of the other replicas that are here.
        store: its bytes.
        download: the model that is coming in.
    """

    def __init__(self, role: Role, settings: RunSettings, volume: Volume) -> None:
        self.leader: Leader | None = None
        self.members = Members({}, {})
        self.replicas: set[str] = set()
        self.store = Store()
        self.download = Download()
        self._role = role
        self._settings = settings
        self._volume = volume
        self._outbox = Outbox(role.channel, self.store)

    def begin(self, term: Term, now: float) -> None:
        """Lead from now on."""
        self._role.journal.write("info", f"leads in term {term}")
        self.leader = Leader(term, self._settings, self.members, since=now, due=now)
        self._role.tell(events.Leading(term=term[0]))
        self.step(io.Tick() if self.store.base is None else io.Holding(*self.store.base), now)

    def end(self) -> None:
        """Lead no more; what is half done is discarded."""
        self.leader = None
        self.store.unstage("")
        self._outbox.clear()

    def step(self, event: io.Event, now: float) -> None:
        """Tell the state machine, and do what it decides."""
        if self.leader is None:
            return
        self.leader, actions = rounds.step(self.leader, event, now)
        self._role.journal.round = self.leader.round
        for action in actions:
            self._do(action, now)

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
            self._volume.keep(*self.store.base, self.store.model, now)

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
                    self._role.drops.add(letter.sender, "malformed", "the update's manifest can't be read")
                    return
                self.step(io.Offered(letter.sender, manifest), now)
            received = self.store.put(dataset, chunk)
        except WireError as error:
            self._role.drops.add(letter.sender, "malformed", str(error))
            return
        if received is not None:
            self.step(io.Came(dataset, received.confirmed, received.whole), now)

    def _do(self, action: io.Action, now: float) -> None:
        match action:
            case io.SayState(group, state):
                self._role.channel.say("state", state, group=group, retain=True)
            case io.SayAlive(term):
                self._role.channel.say("alive", Alive(term))
            case io.PublishModel(groups, manifest):
                for group in groups:
                    self._outbox.publish("model", group, manifest, self._readers(group), now)
            case io.AskModel(dataset, held):
                self._ask(dataset, held)
            case io.Stage(manifest):
                self.store.stage(manifest)
            case io.Unstage(dataset):
                self.store.unstage(dataset)
            case io.Count(manifest, trainers):
                self._count(manifest, trainers, now)
            case io.MakeModel(run, number, participants):
                self._make(run, number, participants)
            case io.Drop(sender, reason, detail):
                self._role.drops.add(sender, reason, detail)
            case io.Tell(event):
                self._role.tell(event)

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
            self._role.channel.say("want", want, group=member.group, to=member.worker)

    def _count(self, manifest: UpdateManifest, trainers: int, now: float) -> None:
        why = self.store.count(manifest, trainers)
        if why is None:
            self.step(io.Counted(manifest.dataset), now)
            return
        self._role.drops.add(self.members.present[manifest.dataset].worker, *why)
        self.step(io.Refused(manifest.dataset), now)

    def _make(self, run: int, number: int, participants: tuple[str, ...]) -> None:
        """Make the new model; replicas get it before the trainers, the volume at the next tick, while they train."""
        if self.leader is None:
            return
        self._volume.settle()
        held = self.store.make_model(run, number, participants)
        manifest = ModelManifest(held.run, held.round, self.leader.term, held.digest, held.size, participants)
        if self.replicas:
            group = self._role.channel.home
            self._outbox.publish("checkpoint", group, manifest, sorted(self.replicas), time.monotonic())
        self.step(io.Holding(held, participants), time.monotonic())

    def stop(self) -> None:
        """Keep the last model."""
        if self.store.base is not None and self.store.model is not None:
            self._volume.keep(*self.store.base, self.store.model)
        self._volume.settle()
