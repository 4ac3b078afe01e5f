"""The stack eu-us-asia from its first preview to the last object: each test goes on where the one before it ended."""

import time
from collections.abc import Callable
from typing import Any

AGGREGATORS = ("aggregator-all-0", "aggregator-all-1")
TRAINERS = {f"trainer-{region}-mnist-{region}": region for region in ("eu", "us", "asia")}
EVERYONE = {*AGGREGATORS, *TRAINERS, "broker"}
TRAINED_S = 600
UP_S = 120
DESTROY_S = 120


def _until(condition: Callable[[], Any], limit: float, what: str) -> Any:
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(1)
    raise AssertionError(f"{what} took more than {limit:g} s")


def _told(cluster: Any, namespace: str, kind: str) -> list[dict[str, Any]]:
    events = [event for worker in AGGREGATORS for event in cluster.events(namespace, worker)]
    failed = [event["message"] for event in events if event["event"] == "failed"]
    assert not failed, failed
    return [event for event in events if event["event"] == kind]


def test_the_preview_shows_the_federation_and_no_secret(project: Any) -> None:
    steps = project.preview()

    assert set(steps.values()) == {"create"}
    assert {f"Deployment/eu-us-asia-{name}" for name in EVERYONE} <= set(steps)
    shown = project.pulumi("preview", "--diff", "--json", "--stack", project.stack)
    assert "PRIVATE KEY" not in shown, "a key stands in clear in the preview"


def test_up_ends_with_every_pod_ready_in_its_region(project: Any, cluster: Any) -> None:
    seconds = project.up()

    assert cluster.ready(project.namespace) == EVERYONE
    pods = cluster.pods(project.namespace)
    for trainer, region in TRAINERS.items():
        machine = cluster.core.read_node(pods[trainer].spec.node_name)
        assert machine.metadata.labels["topology.kubernetes.io/region"] == region
    assert seconds < UP_S


def test_the_federation_trains_mnist(project: Any, cluster: Any) -> None:
    finished = _until(lambda: _told(cluster, project.namespace, "finished"), TRAINED_S, "training")
    evaluated = _until(
        lambda: [e for e in _told(cluster, project.namespace, "evaluated") if e["round"] == finished[0]["rounds"]],
        60,
        "the last evaluation",
    )

    assert len({event["model"] for event in finished}) == 1
    assert evaluated[0]["model"] == finished[0]["model"]
    assert evaluated[0]["count"] == 10_000, "every test image is judged, by one of the regions"
    assert evaluated[0]["accuracy"] >= 0.97


def test_no_log_has_a_secret(project: Any, cluster: Any) -> None:
    key = project.outputs["operator"]["key"]
    for worker in EVERYONE:
        log = cluster.log(project.namespace, worker)
        assert "PRIVATE KEY" not in log
        assert key not in log


def test_a_second_up_changes_nothing(project: Any, cluster: Any) -> None:
    before = cluster.identities(project.namespace)

    assert project.preview() == {}
    project.up()

    assert cluster.identities(project.namespace) == before
    assert cluster.ready(project.namespace) == EVERYONE, "when the run is over, workers stay ready and idle"


def test_a_greater_run_goes_on_from_the_last_model(project: Any, cluster: Any) -> None:
    before = cluster.identities(project.namespace)
    last = _told(cluster, project.namespace, "finished")[0]["model"]
    project.edit(lambda federation: federation.update({"run": 2, "rounds": 1}))

    touched = project.preview()
    project.up()
    _until(lambda: _told(cluster, project.namespace, "finished"), TRAINED_S, "the second run")

    assert {name.removesuffix("-config").partition("/eu-us-asia-")[2] for name in touched} == set(AGGREGATORS)
    opened = _told(cluster, project.namespace, "round_opened")
    assert {(event["run"], event["round"], event["model"]) for event in opened} == {(2, 1, last)}
    after = cluster.identities(project.namespace)
    assert {name for name in EVERYONE if after[name] != before[name]} == set(AGGREGATORS), "trainers go on undisturbed"


def test_destroy_leaves_nothing(project: Any, cluster: Any) -> None:
    seconds = project.destroy()

    assert not cluster.namespace_exists(project.namespace)
    assert seconds < DESTROY_S
