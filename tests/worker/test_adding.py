"""Two members' hands in an attempt, on channels that only keep what is said."""

from typing import Any

import numpy as np
import pytest

from tag.spec import Membership, WorkerSpec
from tag.topics import parse
from worker import events
from worker.bulk import ChunkName
from worker.channel import Channel, Drops, Letter
from worker.protocol.messages import UpdateManifest, Want
from worker.protocol.ring_messages import Attempt, RingMember
from worker.roles.adding import Adding, Kept
from worker.tensors import digest, pack

TERM = (1, "trainer-g-a")
BASE = pack({"w": np.zeros(7, np.float32)})


class Wire:
    """A link that keeps what is published, by topic."""

    connected = True

    def __init__(self) -> None:
        self.said: list[Letter] = []

    def publish(self, text: str, payload: bytes, *, retain: bool = False) -> int:  # noqa: ARG002  as Link's
        topic = parse(text)
        assert topic is not None
        self.said.append(Letter(topic.group, topic.kind, topic.sender, topic.to, payload))
        return len(payload)

    def send(self, name: ChunkName, payload: bytes) -> int:
        return self.publish(name.topic, payload)


class Hands:
    """A member."""

    def __init__(self, name: str, value: float) -> None:
        place = Membership(channel="c", group="g", peer="trainer", functions=("ring_allreduce",))
        spec = WorkerSpec(federation="f", worker=f"trainer-g-{name}", role="trainer", memberships=(place,))
        self.wire: Any = Wire()
        self.dropped: list[events.Event] = []
        self.adding = Adding(name, Channel(spec, place, self.wire), Drops(self.dropped.append))
        update = pack({"w": np.full(7, value, np.float32)})
        manifest = UpdateManifest(1, 1, TERM, digest(BASE), name, 10, digest(update), len(update))
        self.kept = Kept(manifest, update, BASE)
        self.member = RingMember(name, spec.worker, 10, manifest.digest)

    def said(self, kind: str) -> list[Letter]:
        """What it has said since it was asked last."""
        found = [letter for letter in self.wire.said if letter.kind == kind]
        self.wire.said = [letter for letter in self.wire.said if letter.kind != kind]
        return found


@pytest.fixture
def pair() -> tuple[Hands, Hands]:
    return Hands("a", 1.0), Hands("b", 3.0)


def attempt(pair: tuple[Hands, Hands], number: int = 1) -> Attempt:
    return Attempt(TERM, 1, 1, number, tuple(one.member for one in pair))


def exchange(first: Hands, second: Hands, now: float) -> None:
    """Give each what the other says, until nothing is said."""
    while letters := [(second, x) for x in first.said("part")] + [(first, x) for x in second.said("part")]:
        for to, letter in letters:
            to.adding.part(letter, now)


def test_parts_that_come_before_the_attempt_is_heard_of_are_not_lost(pair: tuple[Hands, Hands]) -> None:
    first, second = pair
    first.adding.named(attempt(pair), first.kept, 0.0)
    for letter in first.said("part"):
        second.adding.part(letter, 0.0)
    second.adding.named(attempt(pair), second.kept, 0.1)
    exchange(first, second, 0.1)

    results = [one.adding.result for one in pair]

    mean = digest(pack({"w": np.full(7, 2.0, np.float32)}))
    assert [result.held.digest for result in results if result] == [mean, mean]
    assert not first.dropped + second.dropped


def test_an_attempt_that_is_named_again_or_late_begins_nothing(pair: tuple[Hands, Hands]) -> None:
    first, second = pair
    for number in (2, 2, 1):
        first.adding.named(attempt(pair, number), first.kept, 0.0)

    parts = first.said("part")
    second.adding.named(attempt(pair, 2), second.kept, 0.0)
    for letter in parts:
        second.adding.part(letter, 0.0)

    second.adding.named(attempt(pair, 3), second.kept, 0.2)
    for letter in parts:
        second.adding.part(letter, 0.2)
    second.adding.named(attempt(pair, 4), second.kept, 0.3)

    assert len(parts) == 1
    assert second.adding.member.have == 0, "it is of the second attempt"
    assert [e.reason for e in second.dropped if isinstance(e, events.Dropped)] == ["stale"]


def test_who_did_not_take_part_gets_the_result_by_its_digest(pair: tuple[Hands, Hands]) -> None:
    first, second = pair
    for one in pair:
        one.adding.named(attempt(pair), one.kept, 0.0)
    exchange(first, second, 0.0)
    result = first.adding.result
    assert result is not None

    known = first.adding.want("trainer-g-c", Want(TERM, result.held.digest, ask=True), 1.0)
    unknown = first.adding.want("trainer-g-c", Want(TERM, "e" * 64, ask=True), 1.0)
    first.adding.over(2.0)

    assert (known, unknown) == (True, False)
    assert [letter.to for letter in first.said("model")] == ["trainer-g-c"]
    assert not first.adding.want("trainer-g-c", Want(TERM, result.held.digest, ask=True), 3.0), "the round is over"


def test_a_damaged_part_is_dropped_and_asked_for_again(pair: tuple[Hands, Hands]) -> None:
    first, second = pair
    for one in pair:
        one.adding.named(attempt(pair), one.kept, 0.0)
    (part,) = first.said("part")
    spoiled = Letter(part.group, part.kind, part.sender, part.to, part.payload[:-1] + b"x")
    second.adding.part(spoiled, 0.1)
    second.adding.tick(2.5)

    assert [e.reason for e in second.dropped if isinstance(e, events.Dropped)] == ["malformed"]
    assert [letter.to for letter in second.said("want")] == ["trainer-g-a"]
