"""A leader of three trainers, with a clock of the test's own."""

from tag.settings import RunSettings
from worker import events
from worker.protocol import leader as rounds
from worker.protocol import leader_io
from worker.protocol.leader_state import Leader
from worker.protocol.members import Members
from worker.protocol.messages import Held, Here, Term, UpdateManifest

TERM: Term = (1, "aggregator-all-0")
BASE = Held(0, 0, "a" * 64, 1000)
NAMES = ("one", "three", "two")


def here(name: str, **changes: object) -> Here:
    known = Here("x", name, ready=True, term=TERM, samples=10, initial=BASE, structure="s")
    return Here(**{f: getattr(known, f) for f in known.__struct_fields__} | changes)  # type: ignore[arg-type]


def told(actions: list[leader_io.Action]) -> list[events.Event]:
    return [a.event for a in actions if isinstance(a, leader_io.Tell)]


def begun(settings: RunSettings | None = None) -> tuple[Leader, list[leader_io.Action]]:
    """A leader of three trainers that are here, with the model that it asked for."""
    state = Leader(TERM, settings or RunSettings(rounds=2), Members({"g": NAMES}, {}))
    actions: list[leader_io.Action] = []
    for name in NAMES:
        state, actions = rounds.step(state, leader_io.HereHeard(f"trainer-{name}", "g", here(name)), 1.0)
    assert any(isinstance(a, leader_io.AskModel) for a in actions), "it asks for the initial model once all are here"
    return rounds.step(state, leader_io.Holding(BASE), 1.1)


def update(name: str, state: Leader, digest: str = "") -> UpdateManifest:
    base = state.base.digest if state.base else ""
    return UpdateManifest(state.run, state.round, TERM, base, name, 10, digest or (name[0] * 64), 1000)


def send(state: Leader, name: str, now: float, digest: str = "") -> tuple[Leader, list[leader_io.Action]]:
    """An update comes whole, and is counted."""
    manifest = update(name, state, digest)
    state, actions = rounds.step(state, leader_io.Offered(f"trainer-{name}", manifest, 1000), now)
    if not any(isinstance(a, leader_io.Stage) for a in actions):
        return state, actions
    state, more = rounds.step(state, leader_io.Came(name, 1, whole=True), now)
    assert any(isinstance(a, leader_io.Count) for a in more)
    state, last = rounds.step(state, leader_io.Counted(name), now)
    return state, actions + more + last
