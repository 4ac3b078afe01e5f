"""An asynchronous federation in memory: a leader with its bytes, and trainers whose updates the test makes up."""

import numpy as np
from msgspec.structs import replace

from tag.options import Optimizer
from tag.settings import RunSettings
from worker import events
from worker.protocol import leader as rounds
from worker.protocol import leader_io as io
from worker.protocol.leader_state import Leader
from worker.protocol.members import Members
from worker.protocol.messages import Held, Here, State, Term, UpdateManifest
from worker.roles.store import Store
from worker.tensors import digest, pack, unpack
from worker.wire import decode, encode

TERM: Term = (1, "aggregator-all-0")
NAMES = ("five", "four", "one", "three", "two")


class Federation:
    """A leader with its bytes, and trainers whose updates the test makes up."""

    def __init__(self, *, rounds_: int = 100, trainers: int = 1, name: str = "", **kwargs: float) -> None:
        self.trainers = trainers
        optimizer = Optimizer(sort="fedbuff", kwargs=kwargs)
        self.store = Store(optimizer)
        self.told: list[events.Event] = []
        self.states: dict[str, State] = {}
        self.dropped: list[io.Drop] = []
        file = pack({"w": np.zeros(4, np.float32), "n": np.zeros(1, np.int64)})
        self.first = Held(0, 0, digest(file), len(file))
        self.store.take_model(self.first, (), file)
        settings = RunSettings(rounds=rounds_, optimizer=optimizer)
        self.leader = Leader(TERM, settings, Members({"g": NAMES}, {}), name)
        self.now = 1.0
        for follower in NAMES:
            self.here(follower)
        self.step(io.Holding(self.first))

    def here(self, name: str, *, gone: bool = False) -> None:
        said = Here("x", name, ready=True, gone=gone, term=TERM, samples=10, initial=self.first, structure="s")
        said = replace(said, trainers=self.trainers)
        self.step(io.HereHeard(f"trainer-{name}", "g", said))

    def step(self, event: io.Event) -> None:
        self.leader, actions = rounds.step(self.leader, event, self.now)
        for action in actions:
            self._do(action)

    def _do(self, action: io.Action) -> None:
        match action:
            case io.SayState(group, state):
                self.states[group] = state
            case io.Stage(manifest):
                self.store.stage(manifest)
            case io.Unstage(dataset, only_sum):
                self.store.unstage(dataset, only_sum=only_sum)
            case io.Count(manifest, share, trainers, units):
                why = self.store.count(manifest, share=share, trainers=trainers, weight=units)
                self.step(io.Counted(manifest.dataset) if why is None else io.Refused(manifest.dataset))
            case io.MakeModel(run, number, participants, scale):
                held = self.store.make_model(run, number, participants, scale)
                self.step(io.Holding(held, participants))
            case io.Drop():
                self.dropped.append(action)
            case io.Tell(event):
                self.told.append(event)
            case _:
                pass

    @property
    def base(self) -> Held:
        assert self.leader.base is not None
        return self.leader.base

    @property
    def version(self) -> int:
        return self.leader.round

    @property
    def model(self) -> np.ndarray:
        assert self.store.model is not None
        return np.array(unpack(self.store.model)["w"])

    def training(self) -> set[str]:
        return set(self.leader.buffer.turns)

    def send(self, name: str, delta: float, version: int | None = None, base: str | None = None) -> None:
        """An update comes whole."""
        file = pack({"w": np.full(4, delta, np.float32), "n": np.zeros(1, np.int64)})
        version = self.version if version is None else version
        base = self.leader.buffer.bases.get(version, "0" * 64) if base is None else base
        manifest = UpdateManifest(1, version, TERM, base, name, 10, digest(file), len(file), deltas=1)
        self.step(io.Offered(f"trainer-{name}", manifest, self.store.size_of(manifest)))
        for chunk in [decode(encode(memoryview(file), manifest.digest, 0, b""))]:
            if (received := self.store.put(name, chunk)) is not None:
                self.step(io.Came(name, received.confirmed, received.whole))

    def counted(self) -> list[events.UpdateCounted]:
        return [e for e in self.told if isinstance(e, events.UpdateCounted)]
