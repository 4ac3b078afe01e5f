"""The stack eu-us-asia from its first preview to the last object: each test goes on where the one before it ended."""

from typing import Any

from tests.changes import AGGREGATORS, EVERYONE
from tests.e2e.deployment import Cluster, Project, until

TRAINERS = {f"trainer-{region}-mnist-{region}": region for region in ("eu", "us", "asia")}
TRAINED_S = 600
READY_S = 120
UP_S = 120
DESTROY_S = 120


def test_the_preview_shows_the_federation_and_no_secret(project: Project) -> None:
    steps = project.preview()

    assert set(steps.values()) == {"create"}
    assert {f"Deployment/eu-us-asia-{name}" for name in EVERYONE} <= set(steps)
    shown = project.pulumi("preview", "--diff", "--json", "--stack", project.stack)
    assert "PRIVATE KEY" not in shown, "a key stands in clear in the preview"


def test_up_ends_with_every_pod_ready_in_its_region(project: Project, cluster: Cluster) -> None:
    seconds = project.up()

    assert cluster.ready(project.namespace) == set(EVERYONE)
    pods = cluster.pods(project.namespace)
    for trainer, region in TRAINERS.items():
        machine = cluster.core.read_node(pods[trainer].spec.node_name)
        assert machine.metadata.labels["topology.kubernetes.io/region"] == region
    assert seconds < UP_S


def test_the_federation_trains_mnist(project: Project, cluster: Cluster) -> None:
    finished = until(lambda: cluster.told(project.namespace, "finished"), TRAINED_S, "training")
    last = finished[0]["rounds"]
    evaluated = until(
        lambda: [e for e in cluster.told(project.namespace, "evaluated") if e["round"] == last],
        60,
        "the last evaluation",
    )

    assert len({event["model"] for event in finished}) == 1
    assert evaluated[0]["model"] == finished[0]["model"]
    assert evaluated[0]["count"] == 10_000, "every test image is judged, by one of the regions"
    assert evaluated[0]["accuracy"] >= 0.97


def test_no_log_has_a_secret(project: Project, cluster: Cluster) -> None:
    key = project.outputs["operator"]["key"]
    for worker in EVERYONE:
        log = cluster.log(project.namespace, worker)
        assert "PRIVATE KEY" not in log
        assert key not in log


def test_a_second_up_changes_nothing(project: Project, cluster: Cluster) -> None:
    before = cluster.identities(project.namespace)

    assert project.preview() == {}
    project.up()

    assert cluster.identities(project.namespace) == before
    assert cluster.ready(project.namespace) == set(EVERYONE), "when the run is over, workers stay ready and idle"


def _go_on(project: Project, cluster: Cluster, run: int) -> list[dict[str, Any]]:
    """Train one round more; the rounds that were opened by aggregators that live."""
    project.edit(lambda federation: federation.update({"run": run, "rounds": 1}))
    project.up()
    until(lambda: cluster.told(project.namespace, "finished"), TRAINED_S, f"run {run}")
    return cluster.told(project.namespace, "round_opened")


def test_a_greater_run_goes_on_from_the_last_model(project: Project, cluster: Cluster) -> None:
    before = cluster.identities(project.namespace)
    last = cluster.told(project.namespace, "finished")[0]["model"]

    opened = _go_on(project, cluster, 2)

    assert {(event["run"], event["round"], event["model"]) for event in opened} == {(2, 1, last)}
    after = cluster.identities(project.namespace)
    assert {name for name in EVERYONE if after[name] != before[name]} == set(AGGREGATORS), "trainers go on undisturbed"


def test_the_last_model_outlives_every_pod(project: Project, cluster: Cluster) -> None:
    """Nobody's memory is left, so that only the aggregators' volumes can have it."""
    before = cluster.identities(project.namespace)
    last = cluster.told(project.namespace, "finished")[0]["model"]

    cluster.delete_pods(project.namespace, *EVERYONE)
    until(lambda: cluster.ready(project.namespace) == set(EVERYONE), READY_S, "coming back")

    after = cluster.identities(project.namespace)
    assert all(after[name] != before[name] for name in EVERYONE)
    opened = _go_on(project, cluster, 3)
    assert {(event["run"], event["round"], event["model"]) for event in opened} == {(3, 1, last)}


def test_destroy_leaves_nothing(project: Project, cluster: Cluster) -> None:
    seconds = project.destroy()

    assert not cluster.namespace_exists(project.namespace)
    assert seconds < DESTROY_S
