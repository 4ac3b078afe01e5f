"""The part of who leads: presence, election, and the rounds while it leads. Needs neither Keras nor Pulumi."""

from collections.abc import Mapping
from pathlib import Path

from tag.limits import BEAT_S, WINDOW_CHUNKS, model_window
from tag.settings import RunSettings
from tag.spec import Membership
from worker.channel import Channel, Letter, read
from worker.checkpoints import Volume
from worker.protocol import leader_io as io
from worker.protocol import replica as election
from worker.protocol.messages import Alive, Claim, Evaluation, Here, ModelManifest, State, Want
from worker.roles.base import TICK_S, Part, Worker
from worker.roles.leading import Leading, Upper
from worker.roles.roster import Roster, RosterFile
from worker.wire import WireError, decode

LISTEN_S = 2.0
"""Seconds after which a replica that does not hear itself subscribes again."""


class Lead(Part):
    """One replica of an aggregating role on a channel.

    Args:
        worker: whose part it is.
        place: its place on the channel.
        roster: file with the logical senders that are expected.
        state: folder for checkpoints.
        upper: who is told of rounds, if somebody above leads this leader.
        paired: whether a coordinator says who follows: then it stands for no election, and leads whom it is given.
        channel: its end of the channel, if it shares one.

    Attributes:
        leading: its rounds, while it leads.
        roster: the logical senders that are expected, by group.
    """

    def __init__(
        self,
        worker: Worker,
        place: Membership,
        *,
        roster: Path | None = None,
        state: Path | None = None,
        upper: Upper | None = None,
        paired: bool = False,
        channel: Channel | None = None,
    ) -> None:
        super().__init__(worker, place, channel)
        spec = worker.spec
        if spec.run is None:
            raise ValueError(f"worker {spec.worker!r} has no run settings")
        self.roster: Roster = {}
        self._given: frozenset[str] | None = frozenset() if paired else None
        self._roster = RosterFile(roster, place, worker.journal)
        self._deaf, self._up_at, self._listened_at = True, 0.0, 0.0
        self._over = 0
        self._replica = election.Replica(spec.worker, 0 if paired else spec.index or 0)
        volume = Volume(state, worker.journal)
        self.leading = self._hands(spec.run, volume, upper)
        if (found := volume.read()) is not None:
            self.leading.take(*found)

    def _hands(self, settings: RunSettings, volume: Volume, upper: Upper | None) -> Leading:
        return Leading(self, settings, volume, upper, paired=self._given is not None)

    # --- what comes

    def connected(self, now: float) -> None:
        """Say that it is here, and look who leads once that is heard."""
        self._deaf, self._up_at, self._listened_at = True, now, now
        self._say_here()
        self.leading.say_again(now)

    def _listen(self, now: float) -> None:
        """Stand for election once it hears what it says itself; until then, subscribe again.

        A new worker can be here before the broker has its access rules, which grants its subscriptions and gives
        nothing. Claiming then would end a leader that it can't hear.
        """
        if self._deaf and self.echoed_at >= self._up_at:
            self._deaf = False
            self._elect(election.Up(), now)
        elif self._deaf and self.channel.connected and now - self._listened_at >= LISTEN_S:
            self._listened_at = now
            self.channel.subscribe()
            self._say_here()

    def tick(self, now: float) -> None:
        """Beat, close rounds, claim."""
        self._read_roster(now)
        self._listen(now)
        if not self._deaf:
            self._elect(election.Tick(), now)
        self.leading.advance(now)

    def patience(self, now: float) -> float:
        """Until the next beat, or the next tick."""
        leader = self.leading.leader
        due = leader.due if leader is not None else now + BEAT_S
        return min(TICK_S, max(0.001, due - now))

    def letter(self, letter: Letter, now: float) -> None:
        """A letter of a trainer, of another replica, or of the operator."""
        match letter.kind:
            case "here" if (here := read(Here, letter.payload)) is not None:
                self._here(letter, here, now)
            case "state" if (state := read(State, letter.payload)) is not None:
                self._elect(election.TermHeard(state.term, "beat"), now)
                self._count(state)
            case "alive" if (alive := read(Alive, letter.payload)) is not None:
                self._elect(election.TermHeard(alive.term, "beat"), now)
            case "claim" if (claim := read(Claim, letter.payload)) is not None:
                self._elect(election.TermHeard(claim.term, "claim"), now)
            case "evaluation" if (evaluation := read(Evaluation, letter.payload)) is not None:
                self.leading.step(io.Judged(letter.sender, evaluation), now)
            case "want" if (want := read(Want, letter.payload)) is not None:
                self._elect(election.TermHeard(want.term, "hearsay"), now)
                self.leading.want(letter, want, now)
            case "update":
                self.leading.update(letter, now)
            case "model" | "checkpoint":
                if letter.sender == self._replica.term[1]:
                    self.moved(now)
                self._model(letter, now)
            case _:
                self.worker.drops.add(letter.sender, "malformed", f"no {letter.kind} that a leader can read")

    def moved(self, now: float) -> None:
        """Bytes of the leader's came, or such as it has asked for: its beats may wait behind them on a slow link."""
        if self.leading.leader is None:
            self._elect(election.TermHeard(self._replica.term, "beat"), now)

    def _here(self, letter: Letter, here: Here, now: float) -> None:
        self._elect(election.TermHeard(here.term, "hearsay"), now)
        if letter.sender.startswith(f"{self.worker.spec.role}-"):
            if self._given is not None:
                return
            self.leading.replica(letter.sender, now, here=not here.gone)
            if here.gone:
                self.gone(letter.sender, now)
            return
        self.leading.members = self.leading.members.heard(letter.sender, letter.group, here)
        self.leading.step(io.HereHeard(letter.sender, letter.group, here), now)

    def _count(self, state: State) -> None:
        """What a standby moves counts, too: it is told with each checkpoint, and when the run is over."""
        if self.leading.leader is not None:
            return
        if state.phase == "round":
            self.worker.meter.begin()
        elif state.phase == "finished" and self._over < state.run:
            self._over = state.run
            self.worker.tell(self.worker.meter.take(state.run, state.rounds + 1))

    def gone(self, replica: str, now: float) -> None:
        """Look sooner whether somebody leads."""
        self._elect(election.Gone(replica), now)

    def _model(self, letter: Letter, now: float) -> None:
        """A model that was asked for, or a leader's checkpoint."""
        download = self.leading.download
        try:
            chunk = decode(letter.payload)
            manifest = read(ModelManifest, chunk.manifest) if chunk.manifest else None
            if manifest is not None and self._needs(letter.kind, manifest):
                download.begin(manifest)
            if not download.put(chunk):
                return
        except WireError as error:
            self.worker.drops.add(letter.sender, "malformed", str(error))
            return
        digest, whole = download.digest, download.finish()
        if whole is None:
            self._want_more(letter, digest)
            self.leading.step(io.Coming(), now)
        elif whole.file is None:
            self.worker.drops.add(letter.sender, "corrupted", f"model {digest[:12]} has another SHA-256")
        else:
            participants = whole.manifest.participants
            self.leading.take(whole.held, participants, *whole.split())
            self.leading.step(io.Holding(whole.held, participants), now)
            if letter.kind == "checkpoint" and self.leading.leader is None:
                self.worker.tell(self.worker.meter.take(whole.held.run, whole.held.round - 1))

    def _want_more(self, letter: Letter, digest: str) -> None:
        """Confirm a checkpoint's chunks twice a window; ask a member for the next window of a model."""
        asks, have = letter.kind == "model", self.leading.download.have(digest)
        step = WINDOW_CHUNKS if asks else model_window(len(self.leading.replicas)) // 2
        if have and have % step == 0:
            want = Want(self._replica.term, digest, have, ask=asks)
            self.channel.say("want", want, group=letter.group, to=letter.sender)

    def _needs(self, kind: str, manifest: ModelManifest) -> bool:
        leader = self.leading.leader
        if self.leading.download.digest == manifest.digest:
            return False
        if kind == "checkpoint":
            known = manifest.state and manifest.model == self.leading.store.digest
            return leader is None and manifest.term >= self._replica.term and not known
        return leader is not None and leader.phase == "waiting" and manifest.digest != self.leading.store.digest

    def _read_roster(self, now: float) -> None:
        if (roster := self._roster.changed(now)) is not None:
            self.roster = roster
            self._expect(now)

    def give(self, names: frozenset[str], now: float) -> None:
        """Lead these from now on, as a coordinator says."""
        if names != self._given:
            self._given = names
            self._expect(now)

    def _expect(self, now: float) -> None:
        roster = self.roster
        if self._given is not None:
            listed = {group: tuple(n for n in names if n in self._given) for group, names in roster.items()}
            roster = listed or {self.place.group: tuple(sorted(self._given))}
        self.leading.members = self.leading.members.with_roster(roster)
        self.leading.step(io.RosterRead(roster), now)

    # --- what it does

    def _elect(self, event: election.Event, now: float) -> None:
        if (
            self._given is not None
            and isinstance(event, election.TermHeard)
            and event.term[1] != self.worker.spec.worker
        ):
            return  # of another leader of the group, who is no rival
        self._replica, actions = election.step(self._replica, event, now)
        for action in actions:
            match action:
                case election.SendClaim(term):
                    self.channel.say("claim", Claim(term))
                case election.Lead(term):
                    self._read_roster(now)
                    self.leading.begin(term, now)
                case election.StepDown(term):
                    self.worker.journal.write("warning", f"term {term} is higher: this replica leads no more")
                    self.leading.end()

    def stop(self) -> None:
        """Keep the last model."""
        self.leading.stop()

    def _say_here(self) -> None:
        self.channel.say("here", self._presence(gone=False), retain=True)

    def _presence(self, *, gone: bool) -> Here:
        return Here(self.worker.incarnation, ready=not gone, gone=gone, term=self._replica.term)

    def presence(self) -> Here | None:
        """Presence that says that it has left."""
        return self._presence(gone=True)

    def metrics(self) -> Mapping[str, float]:
        """The present round and whether this replica leads."""
        leader = self.leading.leader
        return {"round": leader.round if leader else 0, "leader": float(leader is not None)}
