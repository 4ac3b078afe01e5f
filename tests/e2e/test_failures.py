"""What a cluster lacks fails soon and says why; `fedtag check --cluster` says it before; the next `up` mends it.

One stack is broken in one way after another, and each time mended. The program is softmax regression, so that pods
start at once.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.deployment import ROOT, Cluster, Edit, Project

TIMEOUT_S = 20
"""The stack's limit for an object to become ready."""
ENDED_S = TIMEOUT_S + 60


@dataclass(frozen=True)
class Failure:
    """A way to break a stack.

    Attributes:
        edit: of its kubernetes block.
        checked: what `fedtag check --cluster` says of it.
        told: what `pulumi up` says of it; one of these.
    """

    edit: Edit
    checked: str
    told: tuple[str, ...]


def _resources(**amounts: str) -> Edit:
    share = {"requests": amounts, "limits": amounts}
    return lambda kubernetes: kubernetes.update(resources={"trainer": share})


FAILURES = {
    "wrong image": Failure(
        lambda kubernetes: kubernetes.setdefault("images", {}).update(trainer="localhost/fedtag-trainer:missing"),
        checked="image 'localhost/fedtag-trainer:missing': it is not on",
        told=("ErrImagePull", "ImagePullBackOff"),
    ),
    "missing storage class": Failure(
        lambda kubernetes: kubernetes.update(storage={"className": "missing"}),
        checked="storage class 'missing': the cluster has",
        told=("unbound immediate PersistentVolumeClaims", 'storageclass.storage.k8s.io "missing" not found'),
    ),
    "no machine of the region": Failure(
        lambda kubernetes: kubernetes.update(nodeLabel="fedtag/missing"),
        checked="region 'a': no machine has the label fedtag/missing=a",
        told=("didn't match Pod's node affinity/selector",),
    ),
    "more memory than any machine has": Failure(
        _resources(memory="900Gi"),
        checked="room for 'trainer-a-mnist-a': it asks for",
        told=("Insufficient memory",),
    ),
    "less memory than the program takes": Failure(
        _resources(memory="20Mi"),
        checked="its limit of 20Mi is less than it takes",
        told=("OOMKilled", "CrashLoopBackOff", "StartError"),
    ),
}


def _small(federation: Any) -> None:
    federation["program"] = "../worker/programs/softmax.py"


@pytest.fixture(scope="module")
def healthy(prepared: Callable[..., Project]) -> Project:
    """The stack dev, which could be deployed."""
    return prepared("dev", _small)


@pytest.fixture
def broken(healthy: Project) -> Iterator[Callable[[Failure], Project]]:
    """Breaks the stack; it is mended afterwards."""
    text = healthy.file.read_bytes()

    def _broken(failure: Failure) -> Project:
        healthy.edit(lambda federation: failure.edit(federation["kubernetes"]))
        healthy.edit(lambda federation: federation["kubernetes"].update(timeout=TIMEOUT_S))
        return healthy

    yield _broken
    healthy.file.write_bytes(text)


def _check(project: Project, **environment: str) -> tuple[int, list[str]]:
    """Exit status and sentences of `fedtag check STACK --cluster`."""
    done = subprocess.run(
        [sys.executable, "-m", "cli", "check", str(project.file), "--cluster", "--json"],
        cwd=ROOT,
        env=project.environment | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = json.loads(done.stdout)
    return done.returncode, [f"{lack['subject']}: {lack['message']}" for lack in said["cluster"]]


def _fails(project: Project, **environment: str) -> tuple[float, str]:
    """How long an `up` took that must fail, and what it said."""
    start = time.monotonic()
    done = project.command("up", "--yes", "--skip-preview", "--stack", project.stack, **environment)
    assert done.returncode != 0, "the cluster lacks what the stack needs, and nobody noticed"
    return time.monotonic() - start, done.stdout + done.stderr


@pytest.mark.parametrize("name", FAILURES)
def test_what_is_missing_is_checked_before_and_told_soon(
    broken: Callable[[Failure], Project], cluster: Cluster, name: str
) -> None:
    failure = FAILURES[name]
    project = broken(failure)

    status, lacks = _check(project)
    assert status == 1
    assert any(failure.checked in lack for lack in lacks), lacks

    seconds, said = _fails(project)
    assert seconds < ENDED_S
    assert any(reason in said for reason in failure.told), said
    assert cluster.namespace_exists(project.namespace)


def test_an_unreachable_cluster_fails_soon(prepared: Callable[..., Project], tmp_path: Path) -> None:
    """A stack of its own: to Pulumi another kubeconfig is another cluster, where all is to be made anew."""
    project = prepared("dev", _small)
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n"
        'clusters: [{name: a, cluster: {server: "https://127.0.0.1:9"}}]\nusers: [{name: a, user: {token: a}}]\n'
    )

    status, lacks = _check(project, KUBECONFIG=str(kubeconfig))
    assert (status, len(lacks)) == (1, 1)
    assert "does not answer" in lacks[0]

    seconds, said = _fails(project, KUBECONFIG=str(kubeconfig))
    assert seconds < ENDED_S
    assert "onnection refused" in said or "unreachable" in said, said


def test_a_mended_stack_comes_up(healthy: Project, cluster: Cluster) -> None:
    status, lacks = _check(healthy)
    assert (status, lacks) == (0, [])

    healthy.up()

    workers = {worker.spec.worker for worker in healthy.loaded.plan.workers}
    assert cluster.ready(healthy.namespace) == {*workers, "broker"}


def test_nothing_is_left_of_it(healthy: Project, cluster: Cluster) -> None:
    healthy.destroy()

    assert not cluster.namespace_exists(healthy.namespace)
