"""A ring's attempts, as its leader sees them. Pure: `step(state, event, now)` gives the state and what to do.

The leader's rounds are those of any leader (`leader.step`): it counts offers, and closes a round when there are enough.
Then an attempt is named here; each member reports the model that it has made of the sum. The model counts when all
members of the attempt have reported the same one. Whoever leaves, comes back as another process, or is silent, ends
the attempt, and the leader decides anew.
"""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from tag.limits import KEEPALIVE_S
from worker.protocol.messages import Term
from worker.protocol.ring_messages import Attempt, RingMember, RingOffer, Stand

SILENT_S = 1.5 * KEEPALIVE_S
"""Seconds of silence after which a member is lost: a broker gives one up that is gone; words may wait behind chunks."""
DISAGREEMENTS = 3
"""Attempts in a row whose members make different models, after which the run fails."""


class Offer(msgspec.Struct, frozen=True):
    """An update that a member keeps.

    Attributes:
        worker: its id.
        incarnation: of its process.
        manifest: of the update.
    """

    worker: str
    incarnation: str
    manifest: RingOffer


class Offered(msgspec.Struct, frozen=True):
    """A member keeps an update."""

    offer: Offer


class Close(msgspec.Struct, frozen=True):
    """The round closes with the updates of these datasets."""

    run: int
    round: int
    participants: tuple[str, ...]


class Looked(msgspec.Struct, frozen=True):
    """Who is here: the incarnation of each dataset that is able, and whose updates are counted."""

    present: Mapping[str, str]
    counted: frozenset[str]


class Reported(msgspec.Struct, frozen=True):
    """A member's word on where it stands."""

    worker: str
    stand: Stand


class Opened(msgspec.Struct, frozen=True):
    """A round has begun; what was of the last is over."""


Event = Offered | Close | Looked | Reported | Opened


class Lose(msgspec.Struct, frozen=True):
    """The updates of these datasets are not there any more."""

    datasets: frozenset[str]


class Commit(msgspec.Struct, frozen=True):
    """All members of the attempt have made this model."""

    attempt: Attempt
    model: str


class Disagree(msgspec.Struct, frozen=True):
    """Members of an attempt made different models, by dataset; `last` if there is no other attempt."""

    models: Mapping[str, str]
    last: bool


Action = Lose | Commit | Disagree


class Attempts(msgspec.Struct, frozen=True):
    """The attempts of a term.

    Attributes:
        term: of the leader.
        attempt: the last one; one without members says that none is under way.
        key: of it.
        offers: of the round, by dataset.
        heard: when each member was last heard in the attempt.
        models: what members have made, by dataset.
        disagreed: attempts in a row that ended in different models.
    """

    term: Term
    attempt: Attempt | None = None
    key: str = ""
    offers: Mapping[str, Offer] = msgspec.field(default_factory=dict)
    heard: Mapping[str, float] = msgspec.field(default_factory=dict)
    models: Mapping[str, str] = msgspec.field(default_factory=dict)
    disagreed: int = 0

    @property
    def running(self) -> bool:
        """Whether an attempt is under way."""
        return self.attempt is not None and bool(self.attempt.members)


Step = tuple[Attempts, list[Action]]


def step(state: Attempts, event: Event, now: float) -> Step:
    """The attempts after an event, and what is to be done."""
    match event:
        case Offered(offer):
            return replace(state, offers={**state.offers, offer.manifest.dataset: offer}), []
        case Close(run, number, participants):
            members = tuple(_member(state.offers[name]) for name in sorted(participants))
            return _name(state, run, number, members, now), []
        case Looked():
            return _looked(state, event, now)
        case Reported():
            return _reported(state, event, now)
        case Opened():
            return replace(state, offers={}, attempt=_ended(state), key="", heard={}, models={}, disagreed=0), []


def _member(offer: Offer) -> RingMember:
    manifest = offer.manifest
    return RingMember(manifest.dataset, offer.worker, manifest.samples, manifest.digest)


def _name(state: Attempts, run: int, number: int, members: tuple[RingMember, ...], now: float) -> Attempts:
    """The state with another attempt, whose number is one more than the last one's."""
    last = state.attempt
    follows = last is not None and (last.run, last.round) == (run, number)
    attempt = Attempt(state.term, run, number, last.number + 1 if last is not None and follows else 1, members)
    return replace(state, attempt=attempt, key=attempt.key, heard={m.dataset: now for m in members}, models={})


def _ended(state: Attempts) -> Attempt | None:
    last = state.attempt
    return None if last is None else replace(last, number=last.number + 1, members=())


def _looked(state: Attempts, event: Looked, now: float) -> Step:
    """Who has left, is another process than the one that offered, or has been silent for long in an attempt."""
    lost = {
        name
        for name in event.counted
        if name not in state.offers or event.present.get(name) != state.offers[name].incarnation
    }
    if state.running:
        lost |= {n for n, at in state.heard.items() if n not in state.models and now - at >= SILENT_S}
    if not lost:
        return state, []
    offers = {name: offer for name, offer in state.offers.items() if name not in lost}
    state = replace(state, offers=offers)
    if state.attempt is not None and lost & {m.dataset for m in state.attempt.members}:
        state = replace(state, attempt=_ended(state), key="", heard={}, models={})
    return state, [Lose(frozenset(lost))]


def _reported(state: Attempts, event: Reported, now: float) -> Step:
    attempt = state.attempt
    if attempt is None or not state.running or event.stand.key != state.key:
        return state, []
    name = next((m.dataset for m in attempt.members if m.worker == event.worker), None)
    if name is None:
        return state, []
    state = replace(state, heard={**state.heard, name: now})
    if event.stand.model:
        state = replace(state, models={**state.models, name: event.stand.model})
    if len(state.models) < len(attempt.members):
        return state, []
    if len(set(state.models.values())) == 1:
        return state, [Commit(attempt, event.stand.model)]
    models, disagreed = state.models, state.disagreed + 1
    state = _name(replace(state, disagreed=disagreed), attempt.run, attempt.round, attempt.members, now)
    return state, [Disagree(models, last=disagreed >= DISAGREEMENTS)]
