"""The trainer's program: presence, models in, evaluations and updates out."""

import secrets
import time
from dataclasses import dataclass
from typing import Any

from tag.plan import WorkerSpec
from worker import events
from worker.channel import Letter, read
from worker.journal import Journal
from worker.protocol import trainer as machine
from worker.protocol import trainer_io as io
from worker.protocol.messages import NO_TERM, Held, Here, ModelManifest, State, UpdateManifest, Want
from worker.protocol.trainer_state import Trainer
from worker.roles.base import Broken, Quit, Role
from worker.roles.compute import Advanced, Computer, Halted, Judged, Learned, Loaded
from worker.staging import Staged
from worker.tensors import digest
from worker.transport import Address
from worker.wire import Received, WireError, decode, key_of

_PHASES = {"evaluate": "evaluating", "train": "training"}


@dataclass
class Clock:
    """When the parts of a round began, and the link's counters then."""

    opened: float = 0.0
    receiving: float = 0.0
    evaluating: float = 0.0
    trained: float = 0.0
    sent: int = 0
    received: int = 0


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
        self._fetch: tuple[ModelManifest, Staged] | None = None
        self._clocks = {(0, 0): Clock()}
        self._round = (0, 0)
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
        if at != self._round and state.phase in ("round", "evaluation"):
            self._round = at
            self.journal.round = state.round
            clock = Clock(opened=now, sent=self.link.sent, received=self.taken)
            self._clocks = {**dict(list(self._clocks.items())[-1:]), at: clock}
            self._progress("receiving", 0.0)
        elif state.phase == "finished" and self._state.state is not None and self._state.state.phase != "finished":
            self._progress("waiting", 0.0)

    def _chunk(self, letter: Letter, now: float) -> None:
        try:
            chunk = decode(letter.payload)
            if chunk.manifest and (manifest := read(ModelManifest, chunk.manifest)) is not None:
                self._step(io.Offered(manifest), now)
            if self._fetch is None or key_of(self._fetch[0].digest) != chunk.key:
                return
            manifest, staged = self._fetch
            if not staged.put(chunk):
                return
        except WireError as error:
            self.drops.add(letter.sender, "malformed", str(error))
            return
        if not staged.received.whole:
            self._step(io.Came(manifest.digest, staged.received.confirmed), now)
            return
        self._fetch = None
        if staged.intact():
            self._files[manifest.digest] = staged.take()
            self._clock.receiving = now - self._clock.opened
            held = Held(manifest.run, manifest.round, manifest.digest, manifest.size)
            self._step(io.Holding(held), now)
        else:
            staged.release()
            self.drops.add(letter.sender, "corrupted", f"model {manifest.digest[:12]} has another SHA-256")
            self._step(io.Spoiled(manifest.digest), now)

    def result(self, item: Any, now: float) -> None:
        """Something of the computing thread."""
        match item:
            case Loaded():
                self._load(item, now)
            case Advanced(task, done, loss):
                self._progress(_PHASES[task.kind], done, loss)
            case Judged(_, evaluation, seconds):
                self._clock.evaluating = seconds
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
        self._tell_ready(loaded)
        self._step(io.Prepared(Held(0, 0, name, len(loaded.initial))), now)

    def _tell_ready(self, loaded: Loaded) -> None:
        learner = loaded.learner
        self.tell(
            events.Ready(
                group=self._group,
                dataset=self._name,
                samples=learner.samples,
                validation=learner.validation_count,
                test=learner.test_count,
                digest=learner.data_digest,
            )
        )

    def _learned(self, item: Learned, now: float) -> None:
        name = digest(item.file)
        self._files[name] = item.file
        self._clock.trained = now
        self.tell(
            events.Trained(
                group=self._group,
                dataset=self._name,
                run=item.task.run,
                round=item.task.round,
                receiving=round(self._clock.receiving, 6),
                evaluating=round(self._clock.evaluating, 6),
                training=round(item.seconds, 6),
                loss=item.loss,
                samples=item.samples,
            )
        )
        self._progress("uploading", 0.0)
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
                if self._fetch is not None:
                    self._fetch[1].release()
                self._fetch = (manifest, Staged(manifest.digest, Received(manifest.size)))
            case io.SendWant(to, want):
                self.channel.say("want", want, to=to)
            case io.Compute(task):
                self._progress(_PHASES[task.kind], 0.0)
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
                self._confirmed(run, number, now)

    def _send(self, kind: str, manifest: ModelManifest | UpdateManifest, chunks: range, to: str) -> None:
        file = self._files.get(manifest.digest)
        if file is not None:
            self.channel.send_chunks(kind, memoryview(file), manifest, chunks, to=to)

    @property
    def _clock(self) -> Clock:
        return self._clocks[self._round]

    def _confirmed(self, run: int, number: int, now: float) -> None:
        clock = self._clocks.get((run, number), self._clock)
        self.tell(
            events.Uploaded(
                group=self._group,
                dataset=self._name,
                run=run,
                round=number,
                uploading=round(now - clock.trained, 6),
                sent=self.link.sent - clock.sent,
                received=self.taken - clock.received,
            )
        )
        if (run, number) == self._round:
            self._progress("waiting", 0.0)

    @property
    def _group(self) -> str:
        return self.spec.memberships[0].group

    def _progress(self, phase: str, done: float, loss: float | None = None) -> None:
        self.tell(
            events.Progress(
                group=self._group,
                dataset=self._name,
                run=max(1, self._round[0]),
                round=self._round[1],
                phase=phase,
                done=round(done, 4),
                loss=loss,
                sent=self.link.sent,
                received=self.taken,
            )
        )

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
        return super().metrics() | {"round": self._round[1]}
