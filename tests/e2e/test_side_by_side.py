"""Three federations at once: the stack dev twice under one name, and medmnist in the namespace of one of them.

Each trains with Keras to its end, and none hears another.
"""

import re
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from remote.cluster import Cluster as Remote
from remote.forward import HOST, Forward
from tests.e2e.deployment import Cluster, Project, until

TRAINED_S = 300
WAIT_S = 20
CONNECT = b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x3c\x00\x03any"
"""An MQTT 3.1.1 client's first packet."""
ACCEPTED = b"\x20\x02\x00\x00"

Three = tuple[Project, Project, Project]


@pytest.fixture(scope="module")
def three(prepared: Callable[..., Project]) -> Three:
    """All deployed."""
    first = prepared("dev")
    first.up()
    second = prepared("dev")
    second.up()
    third = prepared("medmnist", namespace=first.namespace)
    third.up()
    return first, second, third


def _workers(project: Project) -> set[str]:
    return {worker.spec.worker for worker in project.loaded.plan.workers}


def _name(project: Project) -> str:
    return project.loaded.plan.federation


def test_every_pod_is_ready(three: Three, cluster: Cluster) -> None:
    for project in three:
        assert cluster.ready(project.namespace, _name(project)) == {*_workers(project), "broker"}


def _finished(project: Project, cluster: Cluster) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = until(
        lambda: cluster.told(project.namespace, "finished", _name(project)), TRAINED_S, "training"
    )
    return told


def test_each_trains_with_its_own_data_alone(three: Three, cluster: Cluster) -> None:
    models = []
    for project in three:
        finished = _finished(project, cluster)
        models.append(finished[0]["model"])
        datasets = {worker.spec.dataset.name for worker in project.loaded.plan.trainers if worker.spec.dataset}
        closed = cluster.told(project.namespace, "round_closed", _name(project))
        assert [event["round"] for event in closed] == list(range(1, finished[0]["rounds"] + 1))
        assert all(set(event["participants"]) == datasets for event in closed)

    assert models[0] == models[1], "the same stack and seed give the same model, wherever it is deployed"
    assert models[0] != models[2]


def test_each_broker_is_visited_by_its_own_workers_only(three: Three, cluster: Cluster) -> None:
    for project in three:
        log = cluster.log(project.namespace, "broker", _name(project))
        visits = re.findall(r"New client connected from (\S+):\d+ as (\S+)", log)
        pods = cluster.pods(project.namespace, _name(project))
        own = {(pods[worker].status.pod_ip, worker) for worker in _workers(project)}
        assert {(address.removeprefix("::ffff:"), name) for address, name in visits} == own


def _greeting(port: int, folder: Path, broker: dict[str, Any], visitor: dict[str, Any]) -> bytes:
    """What a broker answers a visitor; nothing where it refuses it."""
    files = folder / "visitor.pem"
    files.write_text(visitor["certificate"] + visitor["key"])
    context = ssl.create_default_context(cadata=broker["ca"])
    context.load_cert_chain(files)
    try:
        with (
            socket.create_connection((HOST, port), WAIT_S) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as link,
        ):
            link.sendall(CONNECT)
            return link.recv(4)
    except (ssl.SSLError, ConnectionError):
        return b""


def test_an_identity_of_one_opens_no_other_broker(three: Three, tmp_path: Path) -> None:
    remote = Remote()
    outputs = [project.outputs for project in three]
    for mine in outputs:
        broker = remote.broker(mine["namespace"], mine["service"])
        with Forward(lambda broker=broker: remote.dial(broker)) as forward:
            answers = [_greeting(forward.port, tmp_path, mine["operator"], other["operator"]) for other in outputs]
        assert answers == [ACCEPTED if other is mine else b"" for other in outputs]


def test_who_leaves_takes_nothing_of_the_others(three: Three, cluster: Cluster) -> None:
    first, second, third = three
    before = cluster.identities(second.namespace)

    third.destroy()
    assert cluster.ready(first.namespace) == {*_workers(first), "broker"}
    first.destroy()

    assert not cluster.namespace_exists(first.namespace)
    assert cluster.identities(second.namespace) == before
    second.destroy()
    assert not cluster.namespace_exists(second.namespace)
