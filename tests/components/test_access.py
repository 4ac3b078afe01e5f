"""The broker's rules against a real mosquitto, judged by delivery: it acknowledges what it drops."""

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from components import access
from components.pki import Authority, Identity, broker_trust, read_secret, worker_trust
from tag import limits
from tag.load import load_stack
from tag.plan import Plan
from tag.topics import OPERATOR, Topic

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
SECRET = "9f1c5a3e7b2d4860a1c3e5f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b"  # noqa: S105  of tests only
OBSERVER = "observer-of-tests"
# in tests one more user sees and says everything, and everyone is told when all has been said
OPENING = f"\npattern readwrite test/end/%u\n\nuser {OBSERVER}\ntopic readwrite #\n"
KINDS = ("here", "state", "want", "model", "update", "evaluation", "checkpoint", "claim", "event", "other")
WAIT_S = 20

needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")


@dataclass
class Listener:
    """A connected user and what reached it."""

    client: mqtt.Client
    got: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    lost: threading.Event = field(default_factory=threading.Event)

    def say(self, topic: str) -> None:
        self.client.publish(topic, b"x", qos=1).wait_for_publish(WAIT_S)

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@dataclass
class Server:
    """A mosquitto with the rules of a plan."""

    folder: Path
    authority: Authority
    port: int
    process: subprocess.Popen[bytes]

    def context(self, identity: Identity | None) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=worker_trust(self.authority))
        if identity is not None:
            (self.folder / "client.pem").write_text(identity.certificate + identity.key)
            context.load_cert_chain(self.folder / "client.pem")
        return context

    def join(self, name: str, *, subscribe: str = "#", client_id: str = "") -> Listener:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id or name, protocol=mqtt.MQTTv311)
        client.tls_set_context(self.context(self.authority.client(name)))
        listener, ready = Listener(client), threading.Event()

        def on_message(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
            if message.topic.startswith("test/end/"):
                listener.ended.set()
            else:
                listener.got.append(message.topic)

        client.on_message = on_message
        client.on_subscribe = lambda *_: ready.set()
        client.on_disconnect = lambda *_: listener.lost.set()
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        client.subscribe(subscribe, qos=1)
        assert ready.wait(WAIT_S), f"{name} could not subscribe"
        return listener

    def refuses(self, identity: Identity | None) -> bool:
        """Whether the broker ends the connection of somebody with this identity before it says a word."""
        try:
            with (
                socket.create_connection(("127.0.0.1", self.port), WAIT_S) as plain,
                self.context(identity).wrap_socket(plain, server_hostname="127.0.0.1") as wrapped,
            ):
                wrapped.sendall(bytes.fromhex("101000044d5154540402003c000474657374"))
                return wrapped.recv(4)[:1] != b"\x20"
        except (ssl.SSLError, ConnectionError):
            return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _write(folder: Path, authority: Authority, rules: str) -> None:
    identity = authority.server(("127.0.0.1",))
    files = {"ca.crt": broker_trust(authority), "tls.crt": identity.certificate, "tls.key": identity.key, "acl": rules}
    for name, text in files.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def plan() -> Plan:
    return load_stack("eu-us-asia").plan


@pytest.fixture
def start(tmp_path: Path, plan: Plan) -> Iterator[Callable[..., Server]]:
    """Starts a mosquitto with the configuration and the rules that a pod would have."""
    processes: list[subprocess.Popen[bytes]] = []

    def _start(rotation: int = 1, rules: str | None = None) -> Server:
        authority = Authority(read_secret(SECRET, stack="test"), plan.federation, rotation)
        port = _free_port()
        _write(tmp_path, authority, (access.access_list(plan) if rules is None else rules) + OPENING)
        text = access.configuration(encrypted=True).replace(access.FOLDER, str(tmp_path))
        text = text.replace(f"listener {access.PORT}", f"listener {port} 127.0.0.1")
        # without a bound, mosquitto 2.0 disconnects who publishes what is denied: right, but not for many in a row
        text = text.replace("max_queued_messages 0", "max_queued_messages 100000")
        user = "user root\n" if os.geteuid() == 0 else ""  # else it would become a user that can't read the files
        (tmp_path / "mosquitto.conf").write_text(user + text)
        log = (tmp_path / "log").open("wb")
        process = subprocess.Popen([str(MOSQUITTO), "-c", str(tmp_path / "mosquitto.conf")], stderr=log)
        log.close()
        processes.append(process)
        deadline = time.monotonic() + WAIT_S
        while not _listens(port):
            assert process.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline, "mosquitto does not listen"
            time.sleep(0.02)
        return Server(tmp_path, authority, port, process)

    yield _start
    for process in processes:
        process.terminate()
        process.wait(WAIT_S)


def _topics(plan: Plan) -> list[Topic]:
    """Every kind, in every group and in a foreign federation, from everyone, to all and to everyone."""
    names = [w.spec.worker for w in plan.workers] + [OPERATOR]
    groups = [*plan.roster, "nowhere"]
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
        news = topic.kind in ("here", "state", "event") and to_all
        # nobody speaks under the operator's name but the operator, who has nothing to tell itself
        return topic.sender != OPERATOR and (news or (topic.kind == "model" and (to_all or to_me)))
    worker = next(w for w in plan.workers if w.spec.worker == name)
    if worker.spec.dataset is None:
        for_leaders = topic.kind in ("here", "state", "claim", "checkpoint") and to_all
        return for_leaders or (topic.kind in ("want", "update", "evaluation", "model") and to_me)
    if topic.group != worker.region:
        return False
    return (topic.kind in ("state", "model") and to_all) or (topic.kind in ("want", "model") and to_me)


def _may_write(plan: Plan, name: str, topic: Topic) -> bool:
    own = topic.sender == name and topic.federation == plan.federation
    return own and (name != OPERATOR or topic.kind in ("want", "other"))


@needs_mosquitto
def test_everyone_reads_what_the_protocol_says_and_nothing_else(start: Callable[..., Server], plan: Plan) -> None:
    server, topics = start(), _topics(plan)
    readers = {name: server.join(name) for name in [*(w.spec.worker for w in plan.workers), OPERATOR]}
    observer = server.join(OBSERVER, subscribe="nothing")

    for topic in topics:
        observer.client.publish(str(topic), b"x", qos=1)
    for name in readers:
        observer.say(f"test/end/{name}")

    for name, reader in readers.items():
        assert reader.ended.wait(WAIT_S)
        expected = sorted(str(topic) for topic in topics if _may_read(plan, name, topic))
        assert expected, "a reader of nothing would pass any rules"
        assert sorted(reader.got) == expected, name
    for listener in (*readers.values(), observer):
        listener.stop()


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

    _write(server.folder, server.authority, full + OPENING)
    server.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + WAIT_S
    while not here[newcomer].got and time.monotonic() < deadline:
        observer.say(topic)
        time.sleep(0.05)

    assert topic in here[newcomer].got
    assert not any(listener.lost.is_set() for listener in here.values())
    for listener in (*here.values(), observer):
        listener.stop()


def test_a_thousand_trainers_have_rules_that_fit_a_secret(plan: Plan) -> None:
    """A Secret holds 1 MiB; the broker reads the rules again at each change."""
    worker = plan.trainers[0]
    many = tuple(
        worker.model_copy(update={"spec": worker.spec.model_copy(update={"worker": f"trainer-eu-hospital-{n:04}"})})
        for n in range(1000)
    )

    rules = access.access_list(plan.model_copy(update={"workers": plan.aggregators + many}))

    assert rules.count("\nuser ") == 1000 + len(plan.aggregators) + 1
    assert len(rules) < 512 * 1024


def test_packets_stay_under_what_mosquitto_2_1_lets_through() -> None:
    """It drops packets over 2 MB by default; ours are bounded anyway, by the protocol and in the configuration."""
    lines = access.configuration(encrypted=True).splitlines()

    assert f"max_packet_size {limits.MAX_PACKET_BYTES}" in lines
    assert limits.MAX_PACKET_BYTES < 2_000_000


def test_an_open_broker_has_no_identities_and_no_secrets() -> None:
    text = access.configuration(encrypted=False)

    assert "allow_anonymous true" in text
    assert "acl_file" not in text
    assert "8883" not in text
