"""A copy of this project for Pulumi, a namespace of its own, and what is to be seen of it on the cluster of KUBECONFIG.

`make e2e` sets what these tests need: `pulumi` on PATH, a cluster with the images and the regions' labels, and
FEDTAG_E2E_BROKER where the cluster has another image of the broker than the default.
"""

import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config
from ruamel.yaml import YAML

from tag.load import load_stack
from tag.stack import FEDERATION, Stack

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ("Pulumi.yaml", "__main__.py", "components", "tag", "worker", "stacks", "pyproject.toml", "uv.lock")
SECRET = secrets.token_hex(32)


class Project:
    """A copy of this project in a folder of its own, with a state of its own: the tree stays as it is.

    Attributes:
        stack: name.
        namespace: of the federation, made by it.
        file: the stack file.
    """

    def __init__(self, folder: Path, stack: str) -> None:
        self.stack = stack
        self.namespace = f"fedtag-e2e-{secrets.token_hex(4)}"
        self._folder = folder / "project"
        state = folder / "state"
        state.mkdir()
        self._environment = {
            **os.environ,
            "PULUMI_BACKEND_URL": f"file://{state}",
            "PULUMI_CONFIG_PASSPHRASE": "of these tests only",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
        }
        self._copy()
        self.file = self._folder / "stacks" / f"Pulumi.{stack}.yaml"
        kubernetes: dict[str, Any] = {"namespace": {"name": self.namespace}, "logLevel": "debug"}
        if "FEDTAG_E2E_BROKER" in os.environ:
            kubernetes["images"] = {"broker": os.environ["FEDTAG_E2E_BROKER"]}
        self.edit(lambda federation: federation.setdefault("kubernetes", {}).update(kubernetes))

    def _copy(self) -> None:
        self._folder.mkdir()
        for name in PROJECT:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, self._folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, self._folder / name)
        (self._folder / ".venv").symlink_to(ROOT / ".venv")

    def edit(self, change: Callable[[Any], object], file: Path | None = None) -> None:
        """Change the federation in the stack file, or the whole of another file."""
        path = file or self.file
        yaml = YAML()
        document = yaml.load(path)
        change(document if file is not None else document["config"][FEDERATION])
        with path.open("w", encoding="utf-8") as out:
            yaml.dump(document, out)

    @property
    def settings(self) -> Stack:
        """The stack file, as fedtag reads it."""
        return load_stack(self.file).stack

    def pulumi(self, *arguments: str, limit: float = 300) -> str:
        """The standard output of a command of Pulumi, which must succeed."""
        command = ["pulumi", "--non-interactive", *arguments]
        done = subprocess.run(
            command, cwd=self._folder, env=self._environment, capture_output=True, text=True, timeout=limit, check=False
        )
        assert done.returncode == 0, f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def begin(self) -> None:
        """Make the stack and set its secret, as the README says."""
        self.pulumi("stack", "init", self.stack)
        self.pulumi("config", "set", "--secret", "fedtag:secret", SECRET, "--stack", self.stack)

    def preview(self) -> dict[str, str]:
        """What an `up` would do to each object: operation by `Kind/name`, without what stays the same."""
        steps = json.loads(self.pulumi("preview", "--json", "--stack", self.stack))["steps"]
        found = {"/".join((_kind(step["urn"]), step["urn"].rpartition("::")[2])): step["op"] for step in steps}
        return {name: operation for name, operation in found.items() if operation != "same"}

    def up(self) -> float:
        """Bring the cluster to what the stack says; the seconds that it took."""
        start = time.monotonic()
        self.pulumi("up", "--yes", "--skip-preview", "--stack", self.stack)
        return time.monotonic() - start

    def destroy(self) -> float:
        """Remove everything; the seconds that it took."""
        start = time.monotonic()
        self.pulumi("destroy", "--yes", "--skip-preview", "--stack", self.stack)
        return time.monotonic() - start

    @property
    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, the secret ones in clear."""
        text = self.pulumi("stack", "output", "--json", "--show-secrets", "--stack", self.stack)
        return dict(json.loads(text))


def _kind(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2].rpartition(":")[2]


@dataclass(frozen=True)
class Cluster:
    """What the API server tells of a federation's namespace."""

    core: Any

    def pods(self, namespace: str) -> dict[str, Any]:
        """The pods by the worker that they run, or `broker`."""
        found = self.core.list_namespaced_pod(namespace).items
        return {pod.metadata.labels.get("fedtag/worker", "broker"): pod for pod in found}

    def identities(self, namespace: str) -> dict[str, tuple[str, int]]:
        """For each worker its pod's UID and its restarts: another pair means that it was disturbed."""
        pods = self.pods(namespace).items()
        return {
            name: (pod.metadata.uid, sum(s.restart_count for s in pod.status.container_statuses)) for name, pod in pods
        }

    def ready(self, namespace: str) -> set[str]:
        """The workers, or `broker`, whose pod is ready."""
        return {name for name, pod in self.pods(namespace).items() if _is_ready(pod)}

    def log(self, namespace: str, worker: str) -> str:
        """What a worker wrote so far."""
        pod = self.pods(namespace)[worker]
        container = "broker" if worker == "broker" else "worker"
        return str(self.core.read_namespaced_pod_log(pod.metadata.name, namespace, container=container))

    def events(self, namespace: str, worker: str) -> list[dict[str, Any]]:
        """What an aggregator told the operator so far."""
        lines = (line for line in self.log(namespace, worker).splitlines() if '"event"' in line)
        return [json.loads(json.loads(line)["event"]) for line in lines]

    def namespace_exists(self, namespace: str) -> bool:
        """Whether it is there, or on its way out."""
        return any(found.metadata.name == namespace for found in self.core.list_namespace().items)


def _is_ready(pod: Any) -> bool:
    conditions = pod.status.conditions or []
    return any(condition.type == "Ready" and condition.status == "True" for condition in conditions)


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The cluster of KUBECONFIG's current context."""
    assert shutil.which("pulumi"), "pulumi is not on PATH; install it (docs/kubernetes.md says how)"
    try:
        config.load_kube_config()
        core = client.CoreV1Api()
        core.list_namespace(limit=1, _request_timeout=10)
    except (config.ConfigException, client.ApiException, OSError) as error:
        pytest.fail(f"no cluster answers: {error}; set KUBECONFIG to one, such as kind's")
    return Cluster(core)


def _lacking(cluster: Cluster, settings: Stack) -> list[str]:
    """What the cluster lacks for a stack, a sentence each."""
    machines = cluster.core.list_node().items
    lacking = []
    images = settings.kubernetes.images
    for group in settings.datasets:
        chosen = settings.kubernetes.node_selector(group)
        fitting = [m for m in machines if chosen.items() <= m.metadata.labels.items()]
        if not fitting:
            lacking.append(f"no machine has the labels {chosen}; set them with kubectl label node")
        for machine in fitting:
            names = {name for image in machine.status.images or [] for name in image.names or []}
            if images.trainer.startswith("localhost/") and images.trainer not in names:
                lacking.append(f"{machine.metadata.name} lacks the image {images.trainer}; make images loads it")
    return lacking


@pytest.fixture(scope="module")
def project(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The stack eu-us-asia, ready to be deployed; destroyed at the end, come what may."""
    project = Project(tmp_path_factory.mktemp("e2e"), "eu-us-asia")
    lacking = _lacking(cluster, project.settings)
    assert not lacking, "the cluster lacks what the stack needs:\n" + "\n".join(lacking)
    project.begin()
    try:
        yield project
    finally:
        if cluster.namespace_exists(project.namespace):
            _clean(project, cluster)


def _clean(project: Project, cluster: Cluster) -> None:
    """After a failure: Pulumi's way, and if that fails the namespace with all in it."""
    try:
        project.destroy()
    finally:
        if cluster.namespace_exists(project.namespace):
            cluster.core.delete_namespace(project.namespace)
