"""A trainer whose data is bad before the broker is there: the run must hear of it all the same."""

import threading
import time
from pathlib import Path

import msgspec
from iotcore import Broker

from local.broker import free_port
from tag.load import load_stack
from worker.address import Address
from worker.journal import Journal
from worker.links import Inbound
from worker.protocol.messages import Here
from worker.roles.base import Worker
from worker.roles.compose import compose
from worker.transport import Link

LIMIT_S = 30.0
PROGRAM = """
def build_model():
    raise AssertionError("not reached")

def load_data(dataset):
    raise ValueError("the disk with the images is not mounted")
"""
TAG = """\
name: t
roles:
  - {name: trainer, isDataConsumer: true}
  - {name: aggregator, groupAssociation: [{c: g}]}
channels:
  - name: c
    pair: [trainer, aggregator]
    groupBy: {type: tag, value: [g]}
    funcTags: {trainer: [fetch, upload], aggregator: [distribute, aggregate]}
"""
STACK = """\
config:
  fedtag:federation:
    tag: tag.yaml
    program: program.py
    rounds: 1
    datasets: {g: [{name: d, uri: "program:1"}]}
"""


def test_a_fault_is_told_once_the_broker_is_there(tmp_path: Path) -> None:
    for name, text in (("program.py", PROGRAM), ("tag.yaml", TAG), ("Pulumi.t.yaml", STACK)):
        (tmp_path / name).write_text(text)
    (planned,) = load_stack(tmp_path / "Pulumi.t.yaml").plan.trainers
    port = free_port()
    address = Address("127.0.0.1", port)
    worker = Worker(planned.spec, {"": address}, Journal(role="trainer", worker=planned.spec.worker, level="error"))
    compose(worker)
    status: list[int] = []
    running = threading.Thread(target=lambda: status.append(worker.run()))
    running.start()
    end = time.monotonic() + LIMIT_S
    while worker.failure is None and time.monotonic() < end:
        time.sleep(0.05)
    assert worker.failure is not None
    assert running.is_alive(), "it waits for somebody to tell"

    with Broker(port=port, listen="127.0.0.1", max_payload_size=100_000):
        reader = Link("reader", address, ["fedtag/#"])
        reader.open()
        faults = []
        while not faults and time.monotonic() < end:
            item = reader.next(0.2)
            if isinstance(item, Inbound) and "/here/" in item.topic:
                faults = [f for f in [msgspec.json.decode(item.payload, type=Here).fault] if f]
        running.join(LIMIT_S)
        reader.close()

    assert "the disk with the images is not mounted" in faults[0]
    assert status == [2]
