"""Links to several real brokers, moved by one loop: what happens at one is nothing to the channels of another."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from local.broker import EmbeddedBroker
from tag.settings import RunSettings
from tag.spec import Membership, WorkerSpec
from tag.topics import ROOT, Topic, parse
from worker.address import Address
from worker.channel import Letter
from worker.journal import Journal
from worker.links import Connected, Disconnected, Inbound, Links
from worker.roles.base import Part, Quit, Worker
from worker.transport import Link

LIMIT_S = 20.0
MESSAGES = 400
BROKERS = ("", "near-eu")
LOW = Membership(channel="low", group="eu", peer="trainer", functions=("distribute", "aggregate"), broker="near-eu")
HIGH = Membership(channel="high", group="all", peer="top", functions=("fetch", "upload"))
MIDDLE = WorkerSpec(
    federation="f", worker="middle-eu-0", role="middle", memberships=(HIGH, LOW), index=0, run=RunSettings()
)


def until(come: Callable[[], Any]) -> Any:
    """What comes, once it is something."""
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        if found := come():
            return found
        time.sleep(0.02)
    raise AssertionError("what was waited for did not come")


def take(links: Links | Link, kind: type[Any]) -> Any:
    """The next item of a kind."""

    def come() -> Any:
        item = links.next(0.2)
        return item if isinstance(item, kind) else None

    return until(come)


@pytest.fixture
def brokers() -> Iterator[Mapping[str, EmbeddedBroker]]:
    """The federation's broker and a region's."""
    with contextlib.ExitStack() as started:
        yield {name: started.enter_context(EmbeddedBroker(2)) for name in BROKERS}


def addresses(brokers: Mapping[str, EmbeddedBroker]) -> dict[str, Address]:
    return {name: Address.parse(broker.url) for name, broker in brokers.items()}


def command(folder: Path, spec: WorkerSpec) -> list[str]:
    """The command of a worker, without its brokers."""
    (folder / "spec.json").write_text(spec.model_dump_json(by_alias=True))
    return [sys.executable, "-m", "worker", "--spec", str(folder / "spec.json"), "--log-level", "error"]


def kill(broker: EmbeddedBroker) -> None:
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGKILL)


class Heard(Part):
    """Keeps what it hears."""

    def __init__(self, worker: Worker, place: Membership) -> None:
        super().__init__(worker, place)
        self.ups = 0
        self.letters: list[Letter] = []

    def connected(self, now: float) -> None:  # noqa: ARG002  as Part's
        self.ups += 1

    def letter(self, letter: Letter, now: float) -> None:  # noqa: ARG002  likewise
        self.letters.append(letter)


@contextlib.contextmanager
def running(spec: WorkerSpec, at: Mapping[str, Address]) -> Iterator[dict[str, Heard]]:
    """A worker whose parts only listen, in a thread of its own; gives the parts by channel, once all are connected."""
    worker = Worker(spec, at, Journal(role=spec.role, worker=spec.worker, level="error"))
    parts = {place.channel: Heard(worker, place) for place in spec.memberships}
    loop = threading.Thread(target=worker.run)
    loop.start()
    try:
        until(lambda: all(part.ups for part in parts.values()))
        yield parts
    finally:
        worker.put(Quit())
        loop.join(LIMIT_S)
        assert not loop.is_alive(), "the worker ends, whichever broker is away"


@contextlib.contextmanager
def observing(address: Address, name: str, wanted: str) -> Iterator[Link]:
    """A connected link of somebody else."""
    link = Link(name, address, [wanted])
    link.open()
    take(link, Connected)
    yield link
    link.close()


def test_a_broker_killed_in_mid_stream_costs_the_other_no_message(brokers: Mapping[str, EmbeddedBroker]) -> None:
    links = Links()
    both = {n: Link("one", a, ["t/#"], links=links, broker=n) for n, a in addresses(brokers).items()}
    for link in both.values():
        link.open()
    assert {take(links, Connected).broker for _ in both} == set(BROKERS)

    heard: list[bytes] = []
    lost: list[Disconnected] = []

    def come() -> bool:
        item = links.next(0.2)
        if isinstance(item, Inbound) and item.payload != b"away":
            heard.append(item.payload)
        lost.extend([item] if isinstance(item, Disconnected) else [])
        return len(heard) == MESSAGES and bool(lost)

    for number in range(MESSAGES):
        if number == MESSAGES // 2:
            kill(brokers["near-eu"])
        both[""].publish("t/stays", b"%d" % number)
        both["near-eu"].publish("t/goes", b"away")
        come()
    until(come)
    for link in both.values():
        link.close()

    assert heard == [b"%d" % number for number in range(MESSAGES)], "all, and in order"
    assert {item.broker for item in lost} == {"near-eu"}


def test_parts_hear_of_their_own_broker_only(brokers: Mapping[str, EmbeddedBroker]) -> None:
    at = addresses(brokers)
    with running(MIDDLE, at) as parts, observing(at[""], "top-all-0", "none") as top:
        kill(brokers["near-eu"])
        topic = str(Topic("f", "high", "all", "state", "top-all-0"))
        until(lambda: not parts["low"].channel.connected)
        top.publish(topic, b"open")
        until(lambda: parts["high"].letters or top.next(0.05))
        assert [(letter.kind, letter.payload) for letter in parts["high"].letters] == [("state", b"open")]
        assert parts["high"].channel.connected
        assert (parts["high"].ups, parts["low"].ups) == (1, 1), "the loss of one was no new beginning for the other"


def test_a_channel_is_not_heard_through_another_ones_broker(brokers: Mapping[str, EmbeddedBroker]) -> None:
    at = addresses(brokers)
    with running(MIDDLE, at) as parts, observing(at["near-eu"], "top-all-0", "none") as stray:
        stray.publish(str(Topic("f", "high", "all", "state", "top-all-0")), b"astray")
        stray.publish(str(Topic("f", "low", "eu", "here", "trainer-eu-a")), b"right")
        until(lambda: parts["low"].letters or stray.next(0.05))

        assert [letter.payload for letter in parts["low"].letters] == [b"right"]
        assert not parts["high"].letters


@pytest.mark.parametrize("apart", [True, False])
def test_a_killed_workers_will_is_on_the_channel_that_matters_most_at_each_broker(
    brokers: Mapping[str, EmbeddedBroker], tmp_path: Path, *, apart: bool
) -> None:
    low = LOW if apart else LOW.model_copy(update={"broker": ""})
    spec = MIDDLE.model_copy(update={"memberships": (low, HIGH)})
    given = [f"{name}={broker.url}" if name else broker.url for name, broker in brokers.items()]
    start = [*command(tmp_path, spec), *(part for url in given for part in ("--broker", url))]
    at = addresses(brokers)
    here = f"{ROOT}/f/+/+/here/+"
    with observing(at[""], "above", here) as above, observing(at["near-eu"], "below", here) as below:
        worker = subprocess.Popen(start)
        try:
            found = [parse(take(link, Inbound).topic) for link in ([above, below] if apart else [above])]
            assert all(topic is not None and topic.sender == spec.worker for topic in found), "it has said that it came"
        finally:
            worker.kill()
            worker.wait(LIMIT_S)
        gone = [_gone(above), *([_gone(below)] if apart else [])]

    assert gone == (["high", "low"] if apart else ["high"])


def _gone(link: Link) -> str:
    """The channel on which somebody's will came."""

    def come() -> str:
        item = link.next(0.2)
        if not isinstance(item, Inbound) or b'"gone":true' not in item.payload:
            return ""
        topic = parse(item.topic)
        return topic.channel if topic else ""

    found: str = until(come)
    return found


def test_a_worker_without_the_address_of_a_broker_says_which(tmp_path: Path) -> None:
    done = subprocess.run(
        [*command(tmp_path, MIDDLE), "--broker", "mqtt://127.0.0.1:1"],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr == (
        "error: worker 'middle-eu-0' has no address of broker 'near-eu'; give it by --broker NAME=URL\n"
    )
