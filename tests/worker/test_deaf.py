"""A replica that the broker grants subscriptions but gives nothing: its access rules are on their way."""

from collections.abc import Iterator
from typing import Any

import pytest

from tag.settings import RunSettings
from tag.spec import Membership, WorkerSpec
from tag.topics import Topic, parse
from worker.address import Address
from worker.journal import Journal
from worker.links import Connected, Inbound
from worker.roles.base import Worker
from worker.roles.compose import compose
from worker.roles.lead import LISTEN_S


class Deaf:
    """A link that sends everything and gives nothing.

    Attributes:
        said: topics of what was published.
        subscribed: how often it was subscribed again.
    """

    connected = True
    sent = received = 0

    def __init__(self) -> None:
        self.said: list[Topic] = []
        self.subscribed = 0

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:  # noqa: ARG002  as Link's
        found = parse(topic)
        assert found is not None
        self.said.append(found)
        return len(payload)

    def subscribe(self) -> None:
        self.subscribed += 1

    def kinds(self) -> set[str]:
        return {topic.kind for topic in self.said}


@pytest.fixture
def replica() -> Iterator[tuple[Worker, Deaf]]:
    place = Membership(channel="param-channel", group="*", peer="trainer", functions=("distribute", "aggregate"))
    spec = WorkerSpec(
        federation="f",
        worker="aggregator-all-1",
        role="aggregator",
        memberships=(place,),
        index=1,
        run=RunSettings(),
    )
    journal = Journal(role="aggregator", worker=spec.worker, level="error")
    worker, link = Worker(spec, {"": Address("127.0.0.1", 1)}, journal), Deaf()
    end: Any = link
    real, worker.links[""] = worker.links[""], end
    compose(worker)
    yield worker, link
    real.close()


def _pass(worker: Worker, start: float, seconds: float) -> float:
    now = start
    while now < start + seconds:
        now += 0.1
        worker.parts["param-channel"].tick(now)
    return now


def test_it_claims_nothing_and_listens_again_and_again(replica: tuple[Worker, Deaf]) -> None:
    worker, link = replica
    worker._take(Connected(again=False), 0.0)

    _pass(worker, 0.0, 60.0)

    assert link.kinds() == {"here"}, "a claim would end a leader that it can't hear"
    assert 60 / LISTEN_S - 3 <= link.subscribed <= 60 / LISTEN_S


def test_it_stands_for_election_once_it_hears_itself(replica: tuple[Worker, Deaf]) -> None:
    worker, link = replica
    worker._take(Connected(again=False), 0.0)
    now = _pass(worker, 0.0, 60.0)

    worker._take(Inbound(str(link.said[0]), b"{}", retained=True), now)
    before = link.subscribed
    _pass(worker, now, 5.0)

    assert "claim" in link.kinds()
    assert link.subscribed == before, "who hears needs no second subscription"
