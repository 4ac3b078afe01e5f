"""The part of who follows: presence, models in, evaluations and updates out. What goes out comes from a source."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from tag.spec import Membership
from worker.channel import Channel, Letter, read
from worker.download import Download
from worker.protocol import follower as machine
from worker.protocol import follower_io as io
from worker.protocol.follower_state import Follower
from worker.protocol.messages import Held, Here, ModelManifest, State, UpdateManifest, Want
from worker.roles.base import Part, Worker
from worker.tensors import digest
from worker.wire import WireError, decode


class Source(ABC):
    """Where the updates of a follower come from: its own training, or those who follow it.

    Attributes:
        passes: whether it passes on what others train.
    """

    passes = False

    @abstractmethod
    def about(self) -> Here:
        """What presence says of it: ready, samples, data, structure, fault, trainers."""

    @abstractmethod
    def begin(self, task: io.Task, held: Held, file: bytearray, state: State, now: float) -> None:
        """Begin a task on a model; its end is an event of the follower."""

    @abstractmethod
    def halt(self, now: float) -> None:
        """Stop the present task soon; `Stopped` tells when."""

    def connected(self, now: float) -> None:
        """The link is up, and presence was said."""

    def result(self, item: Any, now: float) -> None:
        """A computation's result came."""

    def heard(self, state: State, now: float) -> None:
        """A state of the leader is about to be taken."""

    def received(self, now: float) -> None:
        """A model is here."""

    def confirmed(self, run: int, number: int, now: float) -> None:
        """The update of a round was counted."""

    def stop(self) -> None:
        """End what was begun."""

    def metrics(self) -> Mapping[str, float]:
        """Its own numbers for the metrics endpoint, by name."""
        return {}


class Follow(Part):
    """Follows the leader of a channel.

    Args:
        worker: whose part it is.
        place: its place on the channel.
        source: of its updates; gives it to itself as `follow` before anything happens.
        active: whether it takes part from the start; a replica does only while it leads.
        paired: whether a coordinator says whom to follow.
        channel: its end of the channel, if it shares one.

    Attributes:
        name: its logical sender.
        state: the state machine's.
        files: models and updates by digest.
    """

    def __init__(
        self,
        worker: Worker,
        place: Membership,
        source: Source,
        *,
        active: bool = True,
        paired: bool = False,
        channel: Channel | None = None,
    ) -> None:
        super().__init__(worker, place, channel)
        self.name = worker.spec.name_on(place)
        self.state = Follower(self.name, passes=source.passes, paired=paired)
        self.files: dict[str, bytearray] = {}
        self._source = source
        self._active = active
        self._download = Download()
        self._leader: str | None = "" if paired else None
        self._said: dict[str, State] = {}

    def turn(self, leader: str, run: int, number: int, now: float) -> None:
        """Follow this leader, as a coordinator says, from a round on; what it has said is known already."""
        if leader == self._leader:
            return
        self._leader = leader
        self._download.drop()
        self.step(io.Turned(run, number), now)
        if (state := self._said.get(leader)) is not None:
            self._hear(leader, state, now)

    def activate(self, now: float) -> None:
        """Take part from now on, as if just come."""
        self._active = True
        self.state = Follower(self.name, passes=self._source.passes, term=self.state.term)
        self.files.clear()
        self.step(io.Up(), now)

    def deactivate(self) -> None:
        """Take part no more, and say nothing: another replica does."""
        self._active = False
        self._download.drop()

    # --- what comes

    def connected(self, now: float) -> None:
        """Say that it is here."""
        self.step(io.Up(), now)
        self._source.connected(now)

    def tick(self, now: float) -> None:
        """Ask again for what does not come."""
        self.step(io.Tick(), now)

    def letter(self, letter: Letter, now: float) -> None:
        """A state, a model's chunk, or a want; of replicas, that one has left."""
        if letter.kind == "here":
            self._here_of(letter, now)
        if letter.kind == "here" or not self._active:
            return
        if letter.kind == "state" and (state := read(State, letter.payload)) is not None:
            if self._leader is not None:
                self._said[letter.sender] = state
            if self._leader in (None, letter.sender):
                self._hear(letter.sender, state, now)
        elif letter.kind == "model":
            if self._leader in (None, letter.sender):
                self._chunk(letter, now)
        elif letter.kind == "want" and (want := read(Want, letter.payload)) is not None:
            self.step(io.Wanted(letter.sender, want), now)
        else:
            self.worker.drops.add(letter.sender, "malformed", f"no {letter.kind} that a follower can read")

    def _hear(self, leader: str, state: State, now: float) -> None:
        self._source.heard(state, now)
        self.step(io.StateHeard(leader, state), now)

    def _here_of(self, letter: Letter, now: float) -> None:
        here = read(Here, letter.payload)
        if here is not None and here.gone and letter.sender.startswith(f"{self.worker.spec.role}-"):
            for part in self.worker.parts.values():
                part.gone(letter.sender, now)

    def _chunk(self, letter: Letter, now: float) -> None:
        try:
            chunk = decode(letter.payload)
            if chunk.manifest and (manifest := read(ModelManifest, chunk.manifest)) is not None:
                self.step(io.Offered(manifest), now)
            if not self._download.put(chunk):
                return
        except WireError as error:
            self.worker.drops.add(letter.sender, "malformed", str(error))
            return
        name, whole = self._download.digest, self._download.finish()
        if whole is None:
            self.step(io.Came(name, self._download.have(name)), now)
        elif whole.file is None:
            self.worker.drops.add(letter.sender, "corrupted", f"model {name[:12]} has another SHA-256")
            self.step(io.Spoiled(name), now)
        else:
            self.files[name] = whole.file
            self._source.received(now)
            self.step(io.Holding(whole.held), now)

    def result(self, item: Any, now: float) -> None:
        """A computation's result came."""
        self._source.result(item, now)

    # --- what the source gives

    def prepared(self, held: Held, file: bytearray, now: float) -> None:
        """The source is ready, with this model to begin with."""
        self.files[held.digest] = file
        self.step(io.Prepared(held), now)

    def trained(self, task: io.Task, file: bytearray, now: float, **about: Any) -> None:
        """The source has an update of a round; `about` are further fields of its manifest."""
        name = digest(file)
        self.files[name] = file
        manifest = UpdateManifest(
            run=task.run,
            round=task.round,
            term=self.state.term,
            base=task.digest,
            dataset=self.name,
            digest=name,
            size=len(file),
            **about,
        )
        self.step(io.Trained(manifest), now)

    def say_here(self) -> None:
        """Tell the leader what has changed in what the source says of itself."""
        newest = self.state.held[-1] if self.state.held and self.state.held[-1].run else None
        self._do(io.SayHere(self.state.term, newest), 0.0)

    def step(self, event: io.Event, now: float) -> None:
        """Tell the state machine, and do what it decides."""
        if not self._active:
            return
        before = self.state.leader, self.state.term
        self.state, actions = machine.step(self.state, event, now)
        if before != (self.state.leader, self.state.term):
            self.worker.journal.write("info", f"follows {self.state.leader!r} in term {self.state.term}")
        for action in actions:
            self._do(action, now)

    # --- what it does

    def _do(self, action: io.Action, now: float) -> None:
        match action:
            case io.SayHere():
                self.channel.say("here", self._here(action), retain=True)
            case io.Fetch(manifest):
                self._download.begin(manifest)
            case io.SendWant(to, want):
                self.channel.say("want", want, to=to)
            case io.Compute(task):
                self._begin(task, now)
            case io.Stop():
                self._source.halt(now)
            case io.SendEvaluation(to, evaluation):
                self.channel.say("evaluation", evaluation, to=to)
            case io.SendUpdate(to, manifest, first, last):
                self._send("update", manifest, range(first, last), to)
            case io.SendModel(to, held, first, last):
                manifest = ModelManifest(held.run, held.round, self.state.term, held.digest, held.size)
                self._send("model", manifest, range(first, last), to)
            case io.Forget(digests):
                upload = self.state.upload
                kept = digests | ({upload.manifest.digest} if upload is not None else set())
                self.files = {name: file for name, file in self.files.items() if name in kept}
            case io.Confirmed(run, number):
                self._source.confirmed(run, number, now)

    def _begin(self, task: io.Task, now: float) -> None:
        state = self.state.state
        held = next(held for held in self.state.held if held.digest == task.digest)
        if state is not None:
            self._source.begin(task, held, self.files[task.digest], state, now)

    def _send(self, kind: str, manifest: ModelManifest | UpdateManifest, chunks: range, to: str) -> None:
        file = self.files.get(manifest.digest)
        if file is not None:
            self.channel.send_chunks(kind, memoryview(file), manifest, chunks, to=to)

    def _here(self, action: io.SayHere) -> Here:
        first = self.state.held[0] if self.state.held else None
        return replace(
            self._source.about(),
            incarnation=self.worker.incarnation,
            dataset=self.name,
            term=action.term,
            initial=first if first is not None and not first.run else None,
            holds=action.holds,
        )

    def presence(self) -> Here | None:
        """Presence that says that it has left, with all that it knew."""
        if not self._active:
            return None
        here = self._source.about()
        return Here(
            self.worker.incarnation, self.name, here.ready, gone=not here.fault, term=self.state.term, fault=here.fault
        )

    def stop(self) -> None:
        """End the source."""
        self._source.stop()

    def metrics(self) -> Mapping[str, float]:
        """The source's numbers."""
        return self._source.metrics()
