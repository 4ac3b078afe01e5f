"""Who leads: the election among the replicas of an aggregating role. Pure: `step(state, event, now)`.

A term is (number, claimant). Nobody acts on a term below the highest that it has heard. A replica that hears no beat
claims a higher term, waits, and yields to a higher pair; a leader that hears a higher term stops.
"""

from typing import Literal

import msgspec
from msgspec.structs import replace

from tag.limits import CLAIM_STAGGER_S, CLAIM_WAIT_S, SILENCE_S
from worker.protocol.messages import NO_TERM, Term

FRESH_S = 0.3
"""Seconds for a retained beat to arrive after subscribing; without one the federation is new and nobody leads."""


class Replica(msgspec.Struct, frozen=True):
    """One replica's view of the leadership.

    Attributes:
        me: worker id.
        index: replica index; the lowest claims first.
        post: standby, claimant or leader.
        term: highest heard, or one's own claim.
        heard: when a leader was last heard, or the link came up; None while the link was never up.
        led: whether a leader or a claimant was ever heard.
        since: when the present claim was made.
    """

    me: str
    index: int
    post: Literal["standby", "claimant", "leader"] = "standby"
    term: Term = NO_TERM
    heard: float | None = None
    led: bool = False
    since: float = 0.0


class Up(msgspec.Struct, frozen=True):
    """The link is up."""


class TermHeard(msgspec.Struct, frozen=True):
    """Somebody named a term: a leader's beat, a claim, or the highest that a member has heard."""

    term: Term
    kind: Literal["beat", "claim", "hearsay"]


class Gone(msgspec.Struct, frozen=True):
    """The last will of the present leader, a hint to look sooner."""

    worker: str


class Tick(msgspec.Struct, frozen=True):
    """Time has passed."""


class SendClaim(msgspec.Struct, frozen=True):
    """Tell the other replicas of a claim."""

    term: Term


class Lead(msgspec.Struct, frozen=True):
    """Begin to lead under this term."""

    term: Term


class StepDown(msgspec.Struct, frozen=True):
    """Stop leading at once and discard what was being done."""

    term: Term


Event = Up | TermHeard | Gone | Tick
Action = SendClaim | Lead | StepDown


def step(state: Replica, event: Event, now: float) -> tuple[Replica, list[Action]]:
    """The replica after an event, and what it does."""
    match event:
        case Up():
            return replace(state, heard=now), []
        case TermHeard(term, kind):
            return _hear(state, term, kind, now)
        case Gone(worker):
            if state.post == "standby" and worker == state.term[1] and state.heard is not None:
                sooner = now - SILENCE_S + CLAIM_STAGGER_S
                return replace(state, heard=min(state.heard, sooner)), []
            return state, []
        case Tick():
            return _tick(state, now)


def _hear(state: Replica, term: Term, kind: str, now: float) -> tuple[Replica, list[Action]]:
    if kind == "beat" and term >= state.term:
        state = replace(state, heard=now, led=True)
    if term <= state.term:
        return state, []
    if state.post == "leader":
        return replace(state, post="standby", term=term, heard=now), [StepDown(term)]
    if state.post == "claimant" and kind == "hearsay":
        return _claim(replace(state, term=term), now)
    if kind == "hearsay":
        return replace(state, post="standby", term=term), []
    # A claimant is about to lead: it gets as much patience as a leader, or replicas would claim against each other.
    return replace(state, post="standby", term=term, heard=now, led=True), []


def _tick(state: Replica, now: float) -> tuple[Replica, list[Action]]:
    if state.post == "claimant" and now - state.since >= CLAIM_WAIT_S:
        return replace(state, post="leader", led=True), [Lead(state.term)]
    if state.post == "standby" and state.heard is not None:
        patience = (SILENCE_S if state.led else FRESH_S) + CLAIM_STAGGER_S * state.index
        if now - state.heard >= patience:
            return _claim(state, now)
    return state, []


def _claim(state: Replica, now: float) -> tuple[Replica, list[Action]]:
    term = (state.term[0] + 1, state.me)
    return replace(state, post="claimant", term=term, since=now), [SendClaim(term)]
