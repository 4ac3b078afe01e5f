"""A coordinator: who follows whom, round by round. Pure: `step(state, event, now)` gives the state and what to do.

It sees presence and which round the root has open, and no model. It decides once for each round, as soon as all who are
expected are known; one that forgot everything decides the same again.
"""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from tag.limits import STATE_S
from tag.settings import RunSettings
from worker import events
from worker.protocol.members import Members
from worker.protocol.messages import Here, Pairing, State
from worker.protocol.pairing import pair

WAITING_S = 1.0
"""Least seconds between two words on who is missing."""


class Coordinator(msgspec.Struct, frozen=True):
    """A coordinator's view.

    Attributes:
        seed: of the stack.
        settings: of the run.
        members: trainers and middle aggregators.
        root: the newest state of the root.
        since: when it first told of its present round.
        pairs: of a round, by group.
        said_at: when they were last said.
        waiting: whom it last said that it waits for, and when.
    """

    seed: int
    settings: RunSettings
    members: Members = Members({}, {})
    root: State | None = None
    since: float = 0.0
    pairs: Mapping[str, Pairing] = msgspec.field(default_factory=dict)
    said_at: float = float("-inf")
    waiting: tuple[tuple[str, ...], float] = ((), float("-inf"))


class Up(msgspec.Struct, frozen=True):
    """The link is up: the broker may have forgotten what was said."""


class HereHeard(msgspec.Struct, frozen=True):
    """Presence of a trainer or a middle aggregator."""

    worker: str
    here: Here


class RosterRead(msgspec.Struct, frozen=True):
    """The names that are expected, by channel or group: datasets, and ids of middle aggregators."""

    roster: Mapping[str, tuple[str, ...]]


class StateHeard(msgspec.Struct, frozen=True):
    """The root's word on its round."""

    state: State


class Tick(msgspec.Struct, frozen=True):
    """Time has passed."""


class SayPairs(msgspec.Struct, frozen=True):
    """Publish a group's pairs, retained."""

    group: str
    pairing: Pairing


class Tell(msgspec.Struct, frozen=True):
    """Tell the operator."""

    event: events.Event


Event = Up | HereHeard | RosterRead | StateHeard | Tick
Action = SayPairs | Tell
Step = tuple[Coordinator, list[Action]]


def step(state: Coordinator, event: Event, now: float) -> Step:
    """The coordinator after an event, and what it does."""
    match event:
        case Up():
            state = replace(state, said_at=float("-inf"))
        case HereHeard(worker, here):
            state = replace(state, members=state.members.heard(worker, here.group, here))
        case RosterRead(roster):
            state = replace(state, members=state.members.with_roster(roster))
        case StateHeard(told):
            state = _hear(state, told, now)
        case Tick():
            pass
    return _advance(state, now)


def _hear(state: Coordinator, told: State, now: float) -> Coordinator:
    known = state.root
    if known is not None and told.term < known.term:
        return state
    fresh = known is None or (known.run, known.round) != (told.run, told.round)
    return replace(state, root=told, since=now if fresh else state.since)


def _advance(state: Coordinator, now: float) -> Step:
    """Pair those who are here, if a round lacks its pairs; say again what was decided."""
    root = state.root
    if root is None:
        return state, []
    wanted = (root.run, root.round)
    if state.pairs and all((p.run, p.round) == wanted for p in state.pairs.values()):
        if now - state.said_at < STATE_S:
            return state, []
        return replace(state, said_at=now), [SayPairs(group, p) for group, p in state.pairs.items()]
    if root.phase in ("finished", "failed"):
        return state, []
    names, missing = _taking_part(state, now)
    if missing:
        return _wait(state, missing, now)
    pairs = _pairs(state, names, *wanted)
    told = [
        events.Paired(run=p.run, round=p.round, group=group, followers={m: list(n) for m, n in p.followers.items()})
        for group, p in pairs.items()
    ]
    said: list[Action] = [SayPairs(group, p) for group, p in pairs.items()]
    return replace(state, pairs=pairs, said_at=now), [*said, *map(Tell, told)]


def _taking_part(state: Coordinator, now: float) -> tuple[frozenset[str], tuple[str, ...]]:
    """Who is paired, and who is waited for first: all who are expected, as long as no deadline says otherwise."""
    members, settings = state.members, state.settings
    known = frozenset(name for name, member in members.present.items() if member.here.ready)
    kinds = {members.present[name].here.leads for name in known}
    missing = tuple(sorted(members.expected - known)) or (() if kinds == {True, False} else ("trainers",))
    late = settings.deadline is not None and now - state.since >= settings.deadline
    if settings.quorum is None:
        return (members.expected & known) or known, missing
    if late and kinds == {True, False} and _trainers(members, members.able) >= settings.quorum:
        missing = ()
    return members.able, missing


def _trainers(members: Members, names: frozenset[str]) -> int:
    return sum(not members.present[name].here.leads for name in names)


def _pairs(state: Coordinator, names: frozenset[str], run: int, number: int) -> dict[str, Pairing]:
    heres = {name: state.members.present[name].here for name in names}
    trainers = {name: (here.group, here.samples) for name, here in heres.items() if not here.leads}
    middles = {name: here.group for name, here in heres.items() if here.leads}
    found = pair(state.seed, run, number, trainers, middles)
    return {group: Pairing(run, number, followers) for group, followers in found.items()}


def _wait(state: Coordinator, missing: tuple[str, ...], now: float) -> Step:
    told, at = state.waiting
    if missing == told or now - at < WAITING_S or state.root is None:
        return state, []
    names = ", ".join(map(repr, missing))
    event = events.Waiting(
        run=state.root.run, round=state.root.round, missing=list(missing), reason=f"waits for {names}"
    )
    return replace(state, waiting=(missing, now)), [Tell(event)]
