"""The embedded broker: free port, bounded logs, nothing left behind."""

import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time

import paho.mqtt.client as mqtt
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion

from local import broker as module
from local.broker import EmbeddedBroker, Log, config, free_port, logs
from tag.limits import CHUNK_BYTES, FIRST_WINDOW_BYTES, MAX_PACKET_BYTES, WINDOW_CHUNKS


@given(size=st.integers(1, 10**10), segment=st.sampled_from([1024, 2**20, 2 * 2**20]))
def test_a_log_keeps_what_it_must_and_little_more(size: int, segment: int) -> None:
    log = Log.holding(size, segment)

    assert log.least >= size, "what is under way may not be dropped"
    assert log.segment * log.segments <= size + 2 * segment, "a larger log is memory for nothing"


@given(trainers=st.integers(1, 2000))
def test_the_update_log_holds_the_windows_of_all_trainers(trainers: int) -> None:
    first = max(FIRST_WINDOW_BYTES, trainers * CHUNK_BYTES)

    assert logs(trainers)["fedtag/1/+/+/+/update/#"].least >= first + 2 * WINDOW_CHUNKS * CHUNK_BYTES


def test_the_log_of_a_rings_parts_holds_a_window_that_is_sent_again() -> None:
    assert logs(3)["fedtag/1/+/+/+/part/#"].least >= 2 * WINDOW_CHUNKS * CHUNK_BYTES


def test_the_settings_listen_on_this_machine_only_and_take_the_largest_packet() -> None:
    text = config(1234, 3)

    assert text.count("listen = ") == 1
    assert 'listen = "127.0.0.1:1234"' in text
    limit = next(line for line in text.splitlines() if line.startswith("max_payload_size"))
    assert int(limit.split("=")[1]) > MAX_PACKET_BYTES


def test_another_port_is_taken_when_somebody_was_quicker(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken: int = other.getsockname()[1]
        ports = iter([taken, free_port()])
        monkeypatch.setattr(module, "free_port", lambda: next(ports))

        with EmbeddedBroker(trainers=1) as broker:
            assert broker.alive
            assert broker.url != f"mqtt://127.0.0.1:{taken}"


def test_the_broker_is_gone_when_it_is_left() -> None:
    with EmbeddedBroker(trainers=1) as broker:
        pid = broker.pid
        assert pid is not None
        assert psutil.pid_exists(pid)

    assert not psutil.pid_exists(pid)
    assert not broker.alive


def test_the_broker_ends_when_its_parent_is_killed() -> None:
    code = """if True:
        import os, signal
        from local.broker import EmbeddedBroker

        with EmbeddedBroker(trainers=1) as broker:
            print(broker.pid, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30)
    pid = int(done.stdout)

    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not psutil.pid_exists(pid), "an orphan would hold its port and memory for ever"


def test_nothing_is_lost_and_memory_stays_bounded_when_a_slow_reader_lets_windows_fill() -> None:
    """Three senders of 24 MB each, 24 MiB under way at most, against a reader that takes two milliseconds a chunk."""
    senders, each, window = 3, 96, 32
    topic = "fedtag/1/f/c/g/update/{}/agg"
    with EmbeddedBroker(senders) as broker:
        port = int(broker.url.rpartition(":")[2])
        got = [0] * senders
        gaps: list[tuple[int, int]] = []
        whole = threading.Event()
        moved = threading.Condition()

        def on_message(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
            sender, index = struct.unpack_from("<II", message.payload)
            if index != got[sender]:
                gaps.append((sender, index))
            time.sleep(0.002)
            with moved:
                got[sender] += 1
                moved.notify_all()
            if sum(got) == senders * each:
                whole.set()

        reader = _client("agg", port, on_message)
        publishers = [_client(f"t{i}", port, None) for i in range(senders)]
        payload = os.urandom(CHUNK_BYTES)

        def send(sender: int) -> None:
            for index in range(each):
                with moved:
                    moved.wait_for(lambda at=index: at - got[sender] < window, timeout=30)
                publishers[sender].publish(
                    topic.format(f"t{sender}"), struct.pack("<II", sender, index) + payload, qos=1
                )
                if index % 8 == 0:
                    publishers[sender].publish(f"fedtag/1/f/c/g/event/t{sender}", json.dumps([index]).encode(), qos=1)

        threads = [threading.Thread(target=send, args=(i,)) for i in range(senders)]
        for thread in threads:
            thread.start()
        arrived = whole.wait(60)
        for thread in threads:
            thread.join()
        assert broker.pid is not None
        memory = psutil.Process(broker.pid).memory_info().rss
        for client in (reader, *publishers):
            client.disconnect()
            client.loop_stop()

    assert arrived
    assert gaps == []
    assert memory <= 256 * 2**20


def _client(name: str, port: int, on_message: mqtt.CallbackOnMessage | None) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name)
    client.max_inflight_messages = 0
    ready = threading.Event()
    client.on_subscribe = lambda *_: ready.set()
    client.on_message = on_message
    client.on_connect = lambda c, *_: c.subscribe(
        "fedtag/1/f/c/g/update/+/agg" if on_message else f"none/{name}", qos=1
    )
    client.connect("127.0.0.1", port)
    client.loop_start()
    assert ready.wait(10)
    return client
