"""The aggregator's program: election, rounds, sums, models out. Needs neither Keras nor Pulumi."""

import secrets
import time
from pathlib import Path
from typing import Any

from tag.limits import BEAT_S, WINDOW_CHUNKS
from tag.plan import WorkerSpec
from worker import events
from worker.channel import Letter, read
from worker.checkpoints import Volume
from worker.download import Download
from worker.journal import Journal
from worker.protocol import leader as rounds
from worker.protocol import leader_io as io
from worker.protocol import replica as election
from worker.protocol.leader_state import Leader, beat, manifest_of
from worker.protocol.members import Members
from worker.protocol.messages import Alive, Claim, Evaluation, Held, Here, ModelManifest, State, UpdateManifest, Want
from worker.protocol.streams import model_window
from worker.roles.base import TICK_S, Role
from worker.roles.roster import RosterFile
from worker.roles.store import Outbox, Store
from worker.transport import Address
from worker.wire import WireError, decode

LISTEN_S = 2.0
"""Seconds after which a replica that does not hear itself subscribes again."""


class AggregatorRole(Role):
    """One replica of an aggregating role on a star's channel."""

    def __init__(
        self, spec: WorkerSpec, address: Address, journal: Journal, *, roster: Path | None, state: Path | None
    ) -> None:
        super().__init__(spec, address, journal)
        if spec.run is None:
            raise ValueError(f"worker {spec.worker!r} has no run settings")
        self._settings = spec.run
        self._roster = RosterFile(roster, journal)
        self._members = Members({}, {})
        self._replicas: set[str] = set()
        self._incarnation = secrets.token_hex(4)
        self._deaf, self._up_at, self._listened_at = True, 0.0, 0.0
        self._replica = election.Replica(spec.worker, spec.index or 0)
        self._leader: Leader | None = None
        self._store = Store()
        self._outbox = Outbox(self.channel, self._store)
        self._volume = Volume(state, journal)
        self._base: tuple[Held, tuple[str, ...]] | None = None
        self._download = Download()
        if (found := self._volume.read()) is not None:
            held, participants, file = found
            self._store.take_model(file, held.digest)
            self._base = (held, participants)

    # --- what comes

    def connected(self, now: float) -> None:
        """Say that it is here, and look who leads once that is heard."""
        self._deaf, self._up_at, self._listened_at = True, now, now
        self._say_here()
        if self._leader is not None:
            self._leader, actions = beat(self._leader, now, again=True)
            for action in actions:
                self._do(action, now)

    def _listen(self, now: float) -> None:
        """Stand for election once it hears what it says itself; until then, subscribe again.

        A new worker can be here before the broker has its access rules, which grants its subscriptions and gives
        nothing. Claiming then would end a leader that it can't hear.
        """
        if self._deaf and self.echoed_at >= self._up_at:
            self._deaf = False
            self._elect(election.Up(), now)
        elif self._deaf and self.link.connected and now - self._listened_at >= LISTEN_S:
            self._listened_at = now
            self.link.subscribe()
            self._say_here()

    def tick(self, now: float) -> None:
        """Beat, close rounds, claim."""
        self._read_roster(now)
        self._listen(now)
        if not self._deaf:
            self._elect(election.Tick(), now)
        self._lead(io.Tick(), now)
        self._outbox.advance(now)
        if self._base is not None and self._store.model is not None:
            self._volume.keep(*self._base, self._store.model, now)

    def patience(self, now: float) -> float:
        """Until the next beat, or the next tick."""
        due = self._leader.due if self._leader is not None else now + BEAT_S
        return min(TICK_S, max(0.001, due - now))

    def result(self, item: Any, now: float) -> None:
        """Nothing is computed elsewhere."""

    def letter(self, letter: Letter, now: float) -> None:
        """A letter of a trainer, of another replica, or of the operator."""
        match letter.kind:
            case "here" if (here := read(Here, letter.payload)) is not None:
                self._here(letter, here, now)
            case "state" if (state := read(State, letter.payload)) is not None:
                self._elect(election.TermHeard(state.term, "beat"), now)
            case "alive" if (alive := read(Alive, letter.payload)) is not None:
                self._elect(election.TermHeard(alive.term, "beat"), now)
            case "claim" if (claim := read(Claim, letter.payload)) is not None:
                self._elect(election.TermHeard(claim.term, "claim"), now)
            case "evaluation" if (evaluation := read(Evaluation, letter.payload)) is not None:
                self._lead(io.Judged(letter.sender, evaluation), now)
            case "want" if (want := read(Want, letter.payload)) is not None:
                self._elect(election.TermHeard(want.term, "hearsay"), now)
                manifest = manifest_of(self._leader) if self._leader is not None else None
                self._outbox.want(letter.sender, letter.group, want, manifest, now)
            case "update":
                self._update(letter, now)
            case "model" | "checkpoint":
                self._model(letter, now)
            case _:
                self.drops.add(letter.sender, "malformed", f"no {letter.kind} that an aggregator can read")

    def _here(self, letter: Letter, here: Here, now: float) -> None:
        self._elect(election.TermHeard(here.term, "hearsay"), now)
        if letter.sender.startswith(f"{self.spec.role}-"):
            (self._replicas.discard if here.gone else self._replicas.add)(letter.sender)
            if here.gone:
                self._elect(election.Gone(letter.sender), now)
            return
        self._members = self._members.heard(letter.sender, letter.group, here)
        self._lead(io.HereHeard(letter.sender, letter.group, here), now)

    def _update(self, letter: Letter, now: float) -> None:
        if self._leader is None:
            return
        try:
            chunk = decode(letter.payload)
            dataset = self._leader.members.dataset_of(letter.sender)
            if chunk.manifest:
                manifest = read(UpdateManifest, chunk.manifest)
                if manifest is None:
                    self.drops.add(letter.sender, "malformed", "the update's manifest can't be read")
                    return
                self._lead(io.Offered(letter.sender, manifest), now)
            received = self._store.put(dataset, chunk)
        except WireError as error:
            self.drops.add(letter.sender, "malformed", str(error))
            return
        if received is not None:
            self._lead(io.Came(dataset, received.confirmed, received.whole), now)

    def _model(self, letter: Letter, now: float) -> None:
        """A model that was asked for, or a leader's checkpoint."""
        try:
            chunk = decode(letter.payload)
            manifest = read(ModelManifest, chunk.manifest) if chunk.manifest else None
            if manifest is not None and self._needs(letter.kind, manifest):
                self._download.begin(manifest)
            if not self._download.put(chunk):
                return
        except WireError as error:
            self.drops.add(letter.sender, "malformed", str(error))
            return
        digest, whole = self._download.digest, self._download.finish()
        if whole is None:
            self._want_more(letter, digest)
        elif whole.file is None:
            self.drops.add(letter.sender, "corrupted", f"model {digest[:12]} has another SHA-256")
        else:
            self._store.take_model(whole.file, digest)
            self._base = (whole.held, whole.manifest.participants)
            self._lead(io.Holding(*self._base), now)

    def _want_more(self, letter: Letter, digest: str) -> None:
        """Confirm a checkpoint's chunks twice a window; ask a member for the next window of a model."""
        asks, have = letter.kind == "model", self._download.have(digest)
        step = WINDOW_CHUNKS if asks else model_window(len(self._replicas)) // 2
        if have and have % step == 0:
            want = Want(self._replica.term, digest, have, ask=asks)
            self.channel.say("want", want, group=letter.group, to=letter.sender)

    def _needs(self, kind: str, manifest: ModelManifest) -> bool:
        if self._download.digest == manifest.digest:
            return False
        if kind == "checkpoint":
            return self._leader is None and manifest.term >= self._replica.term
        return self._leader is not None and self._leader.phase == "waiting" and manifest.digest != self._store.digest

    def _read_roster(self, now: float) -> None:
        if (roster := self._roster.changed(now)) is not None:
            self._members = Members(roster, self._members.present)
            self._lead(io.RosterRead(roster), now)

    # --- what it does

    def _elect(self, event: election.Event, now: float) -> None:
        self._replica, actions = election.step(self._replica, event, now)
        for action in actions:
            match action:
                case election.SendClaim(term):
                    self.channel.say("claim", Claim(term))
                case election.Lead(term):
                    self._begin(term, now)
                case election.StepDown(term):
                    self.journal.write("warning", f"term {term} is higher: this replica leads no more")
                    self._leader = None
                    self._store.unstage("")
                    self._outbox.clear()

    def _begin(self, term: tuple[int, str], now: float) -> None:
        self.journal.write("info", f"leads in term {term}")
        self._read_roster(now)
        self._leader = Leader(term, self._settings, self._members, since=now, due=now)
        self.tell(events.Leading(term=term[0]))
        if self._base is not None and self._store.digest == self._base[0].digest:
            self._lead(io.Holding(*self._base), now)
        else:
            self._lead(io.Tick(), now)

    def _lead(self, event: io.Event, now: float) -> None:
        if self._leader is None:
            return
        self._leader, actions = rounds.step(self._leader, event, now)
        self.journal.round = self._leader.round
        for action in actions:
            self._do(action, now)

    def _do(self, action: io.Action, now: float) -> None:
        match action:
            case io.SayState(group, state):
                self.channel.say("state", state, group=group, retain=True)
            case io.SayAlive(term):
                self.channel.say("alive", Alive(term))
            case io.PublishModel(groups, manifest):
                for group in groups:
                    self._outbox.publish("model", group, manifest, self._readers(group), now)
            case io.AskModel(dataset, held):
                self._ask(dataset, held)
            case io.Stage(manifest):
                self._store.stage(manifest)
            case io.Unstage(dataset):
                self._store.unstage(dataset)
            case io.Count(manifest, trainers):
                self._count(manifest, trainers, now)
            case io.MakeModel(run, number, participants):
                self._make(run, number, participants)
            case io.Drop(sender, reason, detail):
                self.drops.add(sender, reason, detail)
            case io.Tell(event):
                self.tell(event)

    def _readers(self, group: str) -> list[str]:
        leader = self._leader
        if leader is None:
            return []
        return [leader.members.present[n].worker for n in leader.members.of_group(group, leader.selected)]

    def _ask(self, dataset: str, held: Held) -> None:
        """Ask a member for a model, or for the rest of it."""
        member = self._members.present[dataset]
        want = Want(self._replica.term, held.digest, self._download.have(held.digest), ask=True)
        self.channel.say("want", want, group=member.group, to=member.worker)

    def _count(self, manifest: UpdateManifest, trainers: int, now: float) -> None:
        why = self._store.count(manifest, trainers)
        if why is None:
            self._lead(io.Counted(manifest.dataset), now)
            return
        worker = self._members.present[manifest.dataset].worker
        self.drops.add(worker, *why)
        self._lead(io.Refused(manifest.dataset), now)

    def _make(self, run: int, number: int, participants: tuple[str, ...]) -> None:
        """Make the new model; replicas get it before the trainers, the volume at the next tick, while they train."""
        self._volume.settle()
        held = self._store.make_model(run, number)
        self._base = (held, participants)
        manifest = ModelManifest(held.run, held.round, self._replica.term, held.digest, held.size, participants)
        if self._replicas:
            self._outbox.publish("checkpoint", self.channel.home, manifest, sorted(self._replicas), time.monotonic())
        self._lead(io.Holding(held, participants), time.monotonic())

    def stop(self) -> None:
        """Keep the last model."""
        super().stop()
        if self._base is not None and self._store.model is not None:
            self._volume.keep(*self._base, self._store.model)
        self._volume.settle()

    def _say_here(self) -> None:
        self.channel.say("here", self._presence(gone=False), retain=True)

    def _presence(self, *, gone: bool) -> Here:
        return Here(self._incarnation, ready=not gone, gone=gone, term=self._replica.term)

    def farewell(self) -> Here:
        """Presence that says that it has left."""
        return self._presence(gone=True)

    def metrics(self) -> dict[str, float]:
        """The present round and whether this replica leads, beside the link's numbers."""
        own = {"round": self._leader.round if self._leader else 0, "leader": float(self._leader is not None)}
        return super().metrics() | own
