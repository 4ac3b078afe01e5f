"""The broker's rules against a real mosquitto, judged by delivery: it acknowledges what it drops."""

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from components import access
from components.pki import Authority, Identity, read_secret, worker_trust
from tag.load import load_stack
from tag.plan import Plan
from tag.topics import OPERATOR, Topic
from tests.components.mosquitto import OBSERVER, SECRET, WAIT_S, Server, needs_mosquitto, servers

KINDS = (
    *("here", "state", "want", "model", "update", "evaluation", "checkpoint", "claim", "alive", "pairing", "event"),
    "other",
)


@pytest.fixture
def plan() -> Plan:
    return load_stack("eu-us-asia").plan


@pytest.fixture
def start(tmp_path: Path, plan: Plan) -> Iterator[Callable[..., Server]]:
    """Starts a mosquitto with the rules of the plan."""
    with servers(tmp_path, plan) as start:
        yield start


def _topics(plan: Plan) -> list[Topic]:
    """Every kind, in every group and in a foreign federation, from everyone, to all and to everyone."""
    names = [w.spec.worker for w in plan.workers] + [OPERATOR]
    groups = [*plan.rosters[plan.model_channel], "nowhere"]
    own = [
        Topic(plan.federation, plan.model_channel, group, kind, sender, to)
        for group in groups
        for kind in KINDS
        for sender in names
        for to in ("", *names)
    ]
    foreign = [Topic("foreign", plan.model_channel, "eu", kind, sender) for kind in KINDS for sender in names]
    return own + foreign


def _may_read(plan: Plan, name: str, topic: Topic) -> bool:
    """The protocol's table, said again in other words."""
    if topic.federation != plan.federation:
        return False
    to_all, to_me = topic.to == "", topic.to == name
    if name == OPERATOR:
        news = topic.kind in ("here", "state", "alive", "event") and to_all
        # nobody speaks under the operator's name but the operator, who has nothing to tell itself
        return topic.sender != OPERATOR and (news or (topic.kind == "model" and (to_all or to_me)))
    worker = next(w for w in plan.workers if w.spec.worker == name)
    if worker.spec.dataset is None:
        for_leaders = topic.kind in ("here", "state", "claim", "alive", "checkpoint") and to_all
        return for_leaders or (topic.kind in ("want", "update", "evaluation", "model") and to_me)
    if topic.group != worker.region:
        return False
    return (topic.kind in ("state", "model") and to_all) or (topic.kind in ("want", "model") and to_me)


def _may_write(plan: Plan, name: str, topic: Topic) -> bool:
    own = topic.sender == name and topic.federation == plan.federation
    return own and (name != OPERATOR or topic.kind in ("want", "other"))


def _heard(server: Server, names: Iterable[str], topics: Iterable[Topic]) -> dict[str, list[str]]:
    """What each of some readers of everything gets of what is said under these topics, sorted."""
    readers = {name: server.join(name) for name in names}
    observer = server.join(OBSERVER, subscribe="nothing")
    for topic in topics:
        observer.client.publish(str(topic), b"x", qos=1)
    for name in readers:
        observer.say(f"test/end/{name}")
    for reader in readers.values():
        assert reader.ended.wait(WAIT_S)
    for listener in (*readers.values(), observer):
        listener.stop()
    return {name: sorted(reader.got) for name, reader in readers.items()}


@needs_mosquitto
def test_everyone_reads_what_the_protocol_says_and_nothing_else(start: Callable[..., Server], plan: Plan) -> None:
    topics = _topics(plan)
    names = [*(w.spec.worker for w in plan.workers), OPERATOR]

    for name, got in _heard(start(), names, topics).items():
        expected = sorted(str(topic) for topic in topics if _may_read(plan, name, topic))
        assert expected, "a reader of nothing would pass any rules"
        assert got == expected, name


PARTS = {
    ("coordinator", "trainer-coord-channel"): "coordinator",
    ("coordinator", "middle-coord-channel"): "coordinator",
    ("coordinator", "top-coord-channel"): "coordinator",
    ("trainer", "trainer-coord-channel"): "paired",
    ("trainer", "param-channel"): "follower",
    ("middle-aggregator", "middle-coord-channel"): "paired",
    ("middle-aggregator", "param-channel"): "leader",
    ("middle-aggregator", "global-channel"): "replicated follower",
    ("top-aggregator", "global-channel"): "leader",
}
"""What each role of the stack `coordinated` does where it hears something."""
ALL, ME = "to all", "to me"
HEARS = {
    "coordinator": {("here", ALL), ("state", ALL)},
    "paired": {("pairing", "its group")},
    "follower": {("state", ALL), ("model", ALL), ("model", ME), ("want", ME)},
    "replicated follower": {("here", ALL), ("state", ALL), ("model", ALL), ("model", ME), ("want", ME)},
    "leader": {(kind, ALL) for kind in ("here", "state", "claim", "alive", "checkpoint")}
    | {(kind, ME) for kind in ("want", "update", "evaluation", "model")},
}


@needs_mosquitto
def test_who_is_coordinated_reads_the_pairs_of_its_own_group_and_the_coordinator_no_model(tmp_path: Path) -> None:
    plan = load_stack("coordinated").plan
    roles = {worker.spec.worker: worker.spec.role for worker in plan.workers}
    homes = {name: next((g for g in ("eu", "us") if f"-{g}-" in name), "default") for name in roles}
    channels = sorted({place.channel for worker in plan.workers for place in worker.spec.memberships})
    speakers = ["coordinator-default-0", "middle-aggregator-eu-0", "trainer-us-mnist-4", "top-aggregator-default-0"]
    listeners = [*speakers, "trainer-eu-mnist-1", "middle-aggregator-us-1"]
    topics = [
        Topic(plan.federation, channel, group, kind, sender, to)
        for channel in channels
        for group in (("eu", "us") if channel == "param-channel" else ("default",))
        for kind in KINDS
        for sender in speakers
        for to in ("", "eu", "us", *listeners)
    ]

    def hears(name: str, topic: Topic) -> bool:
        does = PARTS.get((roles[name], topic.channel))
        if does is None or (topic.channel == "param-channel" and topic.group != homes[name]):
            return False
        mine = (topic.to == "", ALL), (topic.to == name, ME), (topic.to == homes[name], "its group")
        return any(is_so and (topic.kind, to) in HEARS[does] for is_so, to in mine)

    with servers(tmp_path, plan) as start:
        for name, got in _heard(start(), listeners, topics).items():
            assert got == sorted(str(topic) for topic in topics if hears(name, topic)), name


@needs_mosquitto
def test_everyone_writes_under_the_own_name_only(start: Callable[..., Server], plan: Plan) -> None:
    server, topics = start(), _topics(plan)
    observer = server.join(OBSERVER)
    for name in [*(w.spec.worker for w in plan.workers), OPERATOR]:
        observer.got.clear()
        observer.ended.clear()
        writer = server.join(name, subscribe="nothing")

        for topic in topics:
            writer.client.publish(str(topic), b"x", qos=1)
        writer.say(f"test/end/{name}")

        assert observer.ended.wait(WAIT_S)
        assert sorted(observer.got) == sorted(str(topic) for topic in topics if _may_write(plan, name, topic)), name
        writer.stop()
    observer.stop()


@needs_mosquitto
def test_someone_elses_client_id_neither_throws_him_out_nor_gives_his_rights(
    start: Callable[..., Server], plan: Plan
) -> None:
    server = start()
    victim = server.join("trainer-eu-mnist-eu")
    thief = server.join("trainer-us-mnist-us", client_id="trainer-eu-mnist-eu")
    observer = server.join(OBSERVER)

    stolen = Topic(plan.federation, plan.model_channel, "eu", "update", "trainer-eu-mnist-eu", "aggregator-all-0")
    thief.say(str(stolen))
    thief.say("test/end/trainer-us-mnist-us")

    assert observer.ended.wait(WAIT_S)
    assert observer.got == []
    assert not victim.lost.is_set(), "the victim's session was taken"
    for listener in (victim, thief, observer):
        listener.stop()


@needs_mosquitto
def test_who_comes_without_a_certificate_of_this_or_the_last_rotation_stays_out(start: Callable[..., Server]) -> None:
    server = start(rotation=3)
    own = server.authority
    other = Authority(read_secret(SECRET[::-1], stack="test"), own.federation, 3)
    foreign = Authority(own.secret, "foreign", 3)

    def of(rotation: int) -> Identity:
        return Authority(own.secret, own.federation, rotation).client("trainer-eu-mnist-eu")

    assert not server.refuses(of(3))
    assert not server.refuses(of(2)), "a rotation must not lose a round"
    assert server.refuses(of(1)), "two rotations end what was stolen"
    assert server.refuses(of(4)), "nobody has a certificate of the next rotation yet"
    assert server.refuses(None)
    assert server.refuses(other.client("trainer-eu-mnist-eu"))
    assert server.refuses(foreign.client("trainer-eu-mnist-eu"))
    assert server.refuses(own.server(("127.0.0.1",))), "the broker's own certificate is no worker's"


@needs_mosquitto
def test_a_worker_that_still_has_the_last_rotation_believes_the_rotated_broker(start: Callable[..., Server]) -> None:
    server = start(rotation=2)
    last = Authority(server.authority.secret, server.authority.federation, 1)
    context = ssl.create_default_context(cadata=worker_trust(last))

    with (
        socket.create_connection(("127.0.0.1", server.port), WAIT_S) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped,
    ):
        assert wrapped.version() == "TLSv1.3"


@needs_mosquitto
def test_new_rules_and_a_signal_let_a_region_in_and_disconnect_nobody(start: Callable[..., Server], plan: Plan) -> None:
    newcomer = "trainer-eu-mnist-eu"
    full = access.access_list(plan)
    without = re.sub(rf"user {newcomer}\n(topic .*\n)+", "", full)
    assert without != full
    server = start(rules=without)
    here = {name: server.join(name) for name in ("aggregator-all-0", newcomer)}
    topic = str(Topic(plan.federation, plan.model_channel, "eu", "state", "aggregator-all-0"))
    observer = server.join(OBSERVER, subscribe="nothing")

    observer.say(topic)
    observer.say(f"test/end/{newcomer}")
    assert here[newcomer].ended.wait(WAIT_S)
    assert here[newcomer].got == [], "the newcomer is not let in yet"

    server.take(full)
    deadline = time.monotonic() + WAIT_S
    while not here[newcomer].got and time.monotonic() < deadline:
        observer.say(topic)
        time.sleep(0.05)

    assert topic in here[newcomer].got
    assert not any(listener.lost.is_set() for listener in here.values())
    for listener in (*here.values(), observer):
        listener.stop()


@needs_mosquitto
def test_a_regions_broker_tells_its_own_workers_of_their_group_and_strangers_nothing(tmp_path: Path) -> None:
    tree = load_stack("hierarchical").plan
    names = {worker.spec.worker for worker in tree.workers}
    own = {"middle-aggregator-eu-0", "middle-aggregator-eu-1", "trainer-eu-mnist-1", "trainer-eu-mnist-2"}
    topics = [
        Topic(tree.federation, channel, group, kind, sender, to)
        for channel, group in (("param-channel", "eu"), ("param-channel", "us"), ("global-channel", "default"))
        for kind in KINDS
        for sender in ("middle-aggregator-eu-0", "trainer-eu-mnist-1", "top-aggregator-default-0")
        for to in ("", *names)
    ]
    with servers(tmp_path, tree, "broker-eu") as start:
        got = _heard(start(), sorted(names), topics)

    assert {name for name, heard in got.items() if heard} == own, "the others' rules are at other brokers"
    for name in own:
        assert all("/param-channel/eu/" in topic for topic in got[name]), name
    assert any("/update/" in topic for topic in got["middle-aggregator-eu-0"])
    assert any("/model/" in topic for topic in got["trainer-eu-mnist-1"])
    assert not any("/update/" in topic for topic in got["trainer-eu-mnist-1"])


@needs_mosquitto
def test_members_of_a_ring_hear_each_other_and_what_is_for_one_goes_to_one(tmp_path: Path) -> None:
    ring = load_stack("ring").plan
    names = [worker.spec.worker for worker in ring.workers]
    topics = [
        Topic(ring.federation, ring.model_channel, "default", kind, names[0], to)
        for kind in (*KINDS, "part", "stand")
        for to in ("", *names)
    ]
    to_all = {"here", "state", "claim", "alive", "model"}
    to_one = {"want", "update", "evaluation", "model", "part", "stand"}

    with servers(tmp_path, ring) as start:
        got = _heard(start(), names, topics)

    for name in names:
        expected = [t for t in topics if (t.to == "" and t.kind in to_all) or (t.to == name and t.kind in to_one)]
        assert got[name] == sorted(map(str, expected)), name
