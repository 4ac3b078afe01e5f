"""The trainer's program: presence, models in, evaluations and updates out."""

import secrets
import time
from typing import Any

from tag.plan import WorkerSpec
from worker.channel import Letter, read
from worker.download import Download
from worker.journal import Journal
from worker.protocol import trainer as machine
from worker.protocol import trainer_io as io
from worker.protocol.messages import NO_TERM, Held, Here, ModelManifest, State, UpdateManifest, Want
from worker.protocol.trainer_state import Trainer
from worker.roles.base import Broken, Quit, Role
from worker.roles.compute import Advanced, Computer, Halted, Judged, Learned, Loaded
from worker.roles.telling import PHASES, Telling, Traffic
from worker.tensors import digest
from worker.transport import Address
from worker.wire import WireError, decode


class TrainerRole(Role):
    """A worker with data on a star's channel."""

    def __init__(self, spec: WorkerSpec, address: Address, journal: Journal) -> None:
        super().__init__(spec, address, journal)
        if spec.dataset is None:
            raise ValueError(f"worker {spec.worker!r} has no dataset")
        self._name = spec.dataset.name
        self._incarnation = secrets.token_hex(4)
        self._state = Trainer(self._name)
        self._loaded: Loaded | None = None
        self._fault = ""
        self._files: dict[str, bytearray] = {}
        self._download = Download()
        self._telling = Telling(spec, self.tell, lambda: Traffic(self.link.sent, self.taken))
        self._computer = Computer(spec, self.link.put, self._batch)
        self._computer.start()

    def _batch(self) -> None:
        self.alive_at = time.monotonic()

    # --- what comes

    def connected(self, now: float) -> None:
        """Say that it is here."""
        self._step(io.Up(), now)
        if self.failure is not None:
            self._leave()

    def tick(self, now: float) -> None:
        """Ask again for what does not come."""
        self._step(io.Tick(), now)

    def letter(self, letter: Letter, now: float) -> None:
        """A state, a model's chunk, or a want."""
        if letter.kind == "state" and (state := read(State, letter.payload)) is not None:
            self._open_round(state, now)
            self._step(io.StateHeard(letter.sender, state), now)
        elif letter.kind == "model":
            self._chunk(letter, now)
        elif letter.kind == "want" and (want := read(Want, letter.payload)) is not None:
            self._step(io.Wanted(letter.sender, want), now)
        else:
            self.drops.add(letter.sender, "malformed", f"no {letter.kind} that a trainer can read")

    def _open_round(self, state: State, now: float) -> None:
        at = (state.run, state.round + (state.phase == "evaluation"))
        if at != self._telling.at and state.phase in ("round", "evaluation"):
            self.journal.round = state.round
            self._telling.opened(*at, now)
        elif state.phase == "finished" and self._state.state is not None and self._state.state.phase != "finished":
            self._telling.phase("waiting")

    def _chunk(self, letter: Letter, now: float) -> None:
        try:
            chunk = decode(letter.payload)
            if chunk.manifest and (manifest := read(ModelManifest, chunk.manifest)) is not None:
                self._step(io.Offered(manifest), now)
            if not self._download.put(chunk):
                return
        except WireError as error:
            self.drops.add(letter.sender, "malformed", str(error))
            return
        digest, whole = self._download.digest, self._download.finish()
        if whole is None:
            self._step(io.Came(digest, self._download.have(digest)), now)
        elif whole.file is None:
            self.drops.add(letter.sender, "corrupted", f"model {digest[:12]} has another SHA-256")
            self._step(io.Spoiled(digest), now)
        else:
            self._files[digest] = whole.file
            self._telling.received(now)
            self._step(io.Holding(whole.held), now)

    def result(self, item: Any, now: float) -> None:
        """Something of the computing thread."""
        match item:
            case Loaded():
                self._load(item, now)
            case Advanced(task, done, loss):
                self._telling.phase(PHASES[task.kind], done, loss)
            case Judged(_, evaluation, seconds):
                self._telling.evaluated(seconds)
                self._step(io.Evaluated(evaluation), now)
            case Learned():
                self._learned(item, now)
            case Halted():
                self._step(io.Stopped(), now)
            case Broken():
                self._broken(item)

    def _load(self, loaded: Loaded, now: float) -> None:
        self._loaded = loaded
        name = digest(loaded.initial)
        self._files[name] = loaded.initial
        self._telling.ready(loaded.learner)
        self._step(io.Prepared(Held(0, 0, name, len(loaded.initial))), now)

    def _learned(self, item: Learned, now: float) -> None:
        name = digest(item.file)
        self._files[name] = item.file
        self._telling.trained(item.task, samples=item.samples, loss=item.loss, seconds=item.seconds, now=now)
        manifest = UpdateManifest(
            run=item.task.run,
            round=item.task.round,
            term=NO_TERM,
            base=item.task.digest,
            dataset=self._name,
            samples=item.samples,
            digest=name,
            size=len(item.file),
            loss=item.loss,
        )
        self._step(io.Trained(manifest), now)

    def _broken(self, broken: Broken) -> None:
        """Say why, and end: of bad input the leader learns by presence, once the link is up, and the run fails."""
        self.journal.write("error", broken.message, trace=broken.trace)
        self._fault = broken.message if broken.bad_input else ""
        self.status = 2 if broken.bad_input else 1
        self.failure = broken
        if self.link.connected or not broken.bad_input:
            self._leave()

    def _leave(self) -> None:
        self._say_here(io.SayHere(self._state.term, None))
        self.link.put(Quit())

    # --- what it does

    def _step(self, event: io.Event, now: float) -> None:
        before = self._state.leader, self._state.term
        self._state, actions = machine.step(self._state, event, now)
        if before != (self._state.leader, self._state.term):
            self.journal.write("info", f"follows {self._state.leader!r} in term {self._state.term}")
        for action in actions:
            self._do(action, now)

    def _do(self, action: io.Action, now: float) -> None:
        match action:
            case io.SayHere():
                self._say_here(action)
            case io.Fetch(manifest):
                self._download.begin(manifest)
            case io.SendWant(to, want):
                self.channel.say("want", want, to=to)
            case io.Compute(task):
                self._telling.phase(PHASES[task.kind])
                self._computer.begin(task, self._files[task.digest])
            case io.Stop():
                self._computer.halt()
            case io.SendEvaluation(to, evaluation):
                self.channel.say("evaluation", evaluation, to=to)
            case io.SendUpdate(to, manifest, first, last):
                self._send("update", manifest, range(first, last), to)
            case io.SendModel(to, held, first, last):
                manifest = ModelManifest(held.run, held.round, self._state.term, held.digest, held.size)
                self._send("model", manifest, range(first, last), to)
            case io.Forget(digests):
                upload = self._state.upload
                kept = digests | ({upload.manifest.digest} if upload is not None else set())
                self._files = {name: file for name, file in self._files.items() if name in kept}
            case io.Confirmed(run, number):
                self._telling.confirmed(run, number, now)

    def _send(self, kind: str, manifest: ModelManifest | UpdateManifest, chunks: range, to: str) -> None:
        file = self._files.get(manifest.digest)
        if file is not None:
            self.channel.send_chunks(kind, memoryview(file), manifest, chunks, to=to)

    def _say_here(self, action: io.SayHere) -> None:
        self.channel.say("here", self._here(action), retain=True)

    def _here(self, action: io.SayHere) -> Here:
        loaded, held = self._loaded, self._state.held
        return Here(
            incarnation=self._incarnation,
            dataset=self._name,
            ready=loaded is not None,
            term=action.term,
            samples=loaded.learner.samples if loaded else 0,
            data=loaded.learner.data_digest if loaded else "",
            initial=held[0] if held else None,
            structure=loaded.learner.structure if loaded else "",
            holds=action.holds,
            fault=self._fault,
        )

    def farewell(self) -> Here:
        """Presence that says that it has left, with all that it knew."""
        action = io.SayHere(self._state.term, None)
        here = self._here(action)
        return Here(here.incarnation, here.dataset, here.ready, gone=not self._fault, term=here.term, fault=here.fault)

    def stop(self) -> None:
        """End the computing thread."""
        super().stop()
        self._computer.close()

    def metrics(self) -> dict[str, float]:
        """The present round, beside the link's numbers."""
        return super().metrics() | {"round": self._telling.at[1]}
