"""The table of docs/changes.md at a federation that trains: by `pulumi preview`, and on the cluster while rounds go by.

The program is softmax regression, so that a round takes a second. Each test goes on where the one before it ended.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.changes import (
    ADDED,
    AGGREGATOR_IMAGE,
    AGGREGATORS,
    CHANGES,
    EPOCHS,
    EVERYONE,
    NEW_TRAINER,
    REMOVED,
    REPLICA,
    ROTATION,
    TRAINERS,
    Change,
    quarters,
)
from tests.e2e.deployment import Cluster, Project, name_of, until

ROUND_S = 120
"""In which rounds must go on, also when pods have started anew."""
JOIN_S = 120
STEADY_S = 120


def _for_long(federation: Any) -> None:
    quarters(federation)
    federation.update(program="../worker/programs/softmax.py", rounds=100_000, epochs=3)


@pytest.fixture(scope="module")
def running(prepared: Any, cluster: Cluster) -> Project:
    """The federation with one aggregator, in the middle of a run."""
    project: Project = prepared("eu-us-asia", _for_long)
    project.edit(REPLICA.tag_before, project.tag_file)
    project.up()
    until(lambda: _last_round(project, cluster) >= 3, ROUND_S, "the first rounds")
    return project


@pytest.fixture
def restored(running: Project) -> Iterator[Project]:
    """The federation's files are afterwards as they were before."""
    texts = {path: path.read_bytes() for path in (running.file, running.tag_file)}
    yield running
    for path, text in texts.items():
        path.write_bytes(text)


def _apply(project: Project, change: Change) -> None:
    project.edit(change.stack)
    project.edit(change.tag, project.tag_file)


def _rounds(project: Project, cluster: Cluster) -> list[dict[str, Any]]:
    return cluster.told(project.namespace, "round_closed")


def _last_round(project: Project, cluster: Cluster) -> int:
    closed = _rounds(project, cluster)
    assert {event["run"] for event in closed} <= {1}
    return int(closed[-1]["round"]) if closed else 0


def _disturbed(project: Project, cluster: Cluster, before: dict[str, tuple[str, int]]) -> set[str]:
    after = cluster.identities(project.namespace)
    return {name for name in before.keys() & after.keys() if before[name] != after[name]}


def _goes_on(project: Project, cluster: Cluster, since: int) -> None:
    """Rounds are closed that come after, and all workers are ready."""
    until(lambda: _last_round(project, cluster) > since, ROUND_S, f"a round after round {since}")
    until(lambda: len(cluster.ready(project.namespace)) == len(cluster.pods(project.namespace)), STEADY_S, "ready pods")


def _live(project: Project, cluster: Cluster, change: Change) -> dict[str, tuple[str, int]]:
    """Bring a change to the cluster; the pods that were there before. Those that restart are the row's."""
    before, last = cluster.identities(project.namespace), _last_round(project, cluster)
    _apply(project, change)
    project.up()
    _goes_on(project, cluster, last)
    assert _disturbed(project, cluster, before) == change.restarted
    return before


def _shown(project: Project) -> tuple[set[str], set[str]]:
    """The objects of the preview, and the deployments whose pods start anew."""
    objects, restarted = set(), set()
    for step in project.steps():
        name = name_of(step).replace("/eu-us-asia-", "/")
        objects.add(name)
        if name.startswith("Deployment/") and step["op"] == "update":
            old, new = (step[state]["inputs"]["spec"]["template"] for state in ("oldState", "newState"))
            restarted |= {name.removeprefix("Deployment/")} if old != new else set()
    return objects, restarted


def test_a_standby_joins_and_disturbs_nobody(running: Project, cluster: Cluster) -> None:
    project = running
    before, last = cluster.identities(project.namespace), _last_round(project, cluster)
    project.edit(REPLICA.tag, project.tag_file)

    assert _shown(project) == (REPLICA.objects, REPLICA.restarted)
    project.up()

    _goes_on(project, cluster, last)
    assert cluster.ready(project.namespace) == set(EVERYONE)
    assert _disturbed(project, cluster, before) == set()


@pytest.mark.parametrize("change", [c for c in CHANGES if c is not REPLICA], ids=lambda change: change.row)
def test_the_preview_shows_the_objects_of_the_row_and_no_other(restored: Project, change: Change) -> None:
    _apply(restored, change)

    assert _shown(restored) == (change.objects, change.restarted)


def test_more_epochs_of_a_region_restart_its_trainer_only(running: Project, cluster: Cluster) -> None:
    _live(running, cluster, EPOCHS)


def test_a_new_region_takes_part_soon_and_disturbs_nobody(running: Project, cluster: Cluster) -> None:
    _live(running, cluster, ADDED)

    until(lambda: "mnist-africa" in _rounds(running, cluster)[-1]["participants"], JOIN_S, "joining")
    assert NEW_TRAINER in cluster.ready(running.namespace)
    assert {"mnist-eu", "mnist-us", "mnist-asia"} <= set(_rounds(running, cluster)[-1]["participants"])


def test_a_region_leaves_and_disturbs_nobody(running: Project, cluster: Cluster) -> None:
    """It is the test's own region that leaves: the TAG and the stack are edited as in the row."""
    before, last = cluster.identities(running.namespace), _last_round(running, cluster)
    running.edit(REMOVED.stack)
    running.edit(lambda tag: tag["channels"][0]["groupBy"]["value"].remove("asia"), running.tag_file)
    running.up()

    _goes_on(running, cluster, last)
    until(lambda: "mnist-asia" not in _rounds(running, cluster)[-1]["participants"], JOIN_S, "leaving")
    assert _disturbed(running, cluster, before) == set()
    assert TRAINERS[2] not in cluster.pods(running.namespace)


def test_another_image_restarts_the_aggregators_and_the_run_goes_on(running: Project, cluster: Cluster) -> None:
    _live(running, cluster, AGGREGATOR_IMAGE)


def test_a_rotation_restarts_everyone_and_the_run_goes_on(running: Project, cluster: Cluster) -> None:
    before, last = cluster.identities(running.namespace), _last_round(running, cluster)
    running.edit(ROTATION.stack)
    running.up()

    _goes_on(running, cluster, last)
    assert _disturbed(running, cluster, before) == set(before)


def test_aggregators_and_broker_that_are_lost_at_once_come_back(running: Project, cluster: Cluster) -> None:
    last = _last_round(running, cluster)
    cluster.delete_pods(running.namespace, *AGGREGATORS, "broker")

    until(lambda: _opened_again(running, cluster), STEADY_S, "the next round")

    first = cluster.told(running.namespace, "round_opened")[0]
    assert first["round"] >= last, "the last model was kept, so nothing is trained again"
    _goes_on(running, cluster, int(first["round"]))


def _opened_again(project: Project, cluster: Cluster) -> bool:
    """Whether aggregators that have just started have opened a round."""
    if not set(AGGREGATORS) <= cluster.ready(project.namespace):
        return False
    return bool(cluster.told(project.namespace, "round_opened"))


def test_nothing_is_left_of_it(running: Project, cluster: Cluster) -> None:
    running.destroy()

    assert not cluster.namespace_exists(running.namespace)
