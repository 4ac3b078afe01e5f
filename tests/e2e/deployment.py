"""A copy of this project for Pulumi with a namespace of its own, and what is to be seen of it on a cluster."""

import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tag.kubernetes import REGION_LABEL
from tag.load import Loaded, load_stack
from tag.stack import FEDERATION

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ("Pulumi.yaml", "__main__.py", "components", "tag", "worker", "stacks", "pyproject.toml", "uv.lock")

WORKER = "fedtag/worker"

Edit = Callable[[Any], object]


class Project:
    """A copy of this project in a folder of its own, with a state of its own: the tree stays as it is.

    Attributes:
        stack: name.
        namespace: of the federation.
        owns_namespace: whether it makes and deletes it.
        file: the stack file.
        tag_file: its TAG.
    """

    def __init__(self, folder: Path, stack: str, namespace: str | None = None) -> None:
        self.stack = stack
        self.namespace = namespace or f"fedtag-e2e-{secrets.token_hex(4)}"
        self.owns_namespace = namespace is None
        self.folder = folder / "project"
        state = folder / "state"
        state.mkdir()
        self._environment = {
            **os.environ,
            "PULUMI_BACKEND_URL": f"file://{state}",
            "PULUMI_CONFIG_PASSPHRASE": "of these tests only",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
        }
        self._copy()
        self.file = self.folder / "stacks" / f"Pulumi.{stack}.yaml"
        kubernetes: dict[str, Any] = {"namespace": {"name": self.namespace, "create": self.owns_namespace}}
        if images := _images():
            kubernetes["images"] = images
        self.edit(lambda federation: federation.setdefault("kubernetes", {}).update(kubernetes))
        self.tag_file = self.file.parent / self.loaded.stack.tag

    def _copy(self) -> None:
        self.folder.mkdir()
        for name in PROJECT:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, self.folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, self.folder / name)
        (self.folder / ".venv").symlink_to(ROOT / ".venv")

    @property
    def environment(self) -> dict[str, str]:
        """For commands that must find this project's stacks as a user's shell would."""
        return dict(self._environment)

    def edit(self, change: Edit, file: Path | None = None) -> None:
        """Change the federation in the stack file, or the whole of another file."""
        path = file or self.file
        yaml = YAML()
        document = yaml.load(path)
        change(document if file is not None else document["config"][FEDERATION])
        with path.open("w", encoding="utf-8") as out:
            yaml.dump(document, out)

    @property
    def loaded(self) -> Loaded:
        """The stack, as fedtag reads it."""
        return load_stack(self.file)

    def command(self, *arguments: str, limit: float = 300, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of Pulumi, which may fail."""
        return subprocess.run(
            [str(shutil.which("pulumi")), "--non-interactive", *arguments],
            cwd=self.folder,
            env=self._environment | environment,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )

    def pulumi(self, *arguments: str, limit: float = 300) -> str:
        """The standard output of a command of Pulumi, which must succeed."""
        done = self.command(*arguments, limit=limit)
        assert done.returncode == 0, f"pulumi {' '.join(arguments)} failed:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def begin(self) -> None:
        """Make the stack and set its secret, as the README says."""
        self.pulumi("stack", "init", self.stack)
        self.pulumi("config", "set", "--secret", "fedtag:secret", secrets.token_hex(32), "--stack", self.stack)

    def steps(self) -> list[dict[str, Any]]:
        """What an `up` would do to each Kubernetes object that does not stay the same."""
        steps = json.loads(self.pulumi("preview", "--json", "--stack", self.stack))["steps"]
        return [s for s in steps if s["op"] != "same" and _type(s["urn"]).startswith("kubernetes:")]

    def preview(self) -> dict[str, str]:
        """What an `up` would do: operation by `Kind/name` of a Kubernetes object."""
        return {name_of(step): step["op"] for step in self.steps()}

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


def _type(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


def name_of(step: dict[str, Any]) -> str:
    """The object of a preview's step, as `Kind/name`."""
    return "/".join((_type(step["urn"]).rpartition(":")[2], step["urn"].rpartition("::")[2]))


def _images() -> dict[str, str]:
    """The images that the environment names instead of the stack's own: the broker's, and a tag of the workers'."""
    found = {"broker": os.environ["FEDTAG_E2E_BROKER"]} if "FEDTAG_E2E_BROKER" in os.environ else {}
    if tag := os.environ.get("FEDTAG_E2E_TAG"):
        found |= {kind: f"localhost/fedtag-{kind}:{tag}" for kind in ("trainer", "aggregator")}
    return found


@dataclass(frozen=True)
class Cluster:
    """What the API server tells of a federation's namespace."""

    core: Any

    def pods(self, namespace: str, federation: str | None = None) -> dict[str, Any]:
        """The pods by the worker or the broker that they run; those of one federation, if it is given."""
        chosen = "" if federation is None else f"app.kubernetes.io/part-of={federation}"
        found = self.core.list_namespaced_pod(namespace, label_selector=chosen).items
        return {_runs(pod): pod for pod in found}

    def identities(self, namespace: str) -> dict[str, tuple[str, int]]:
        """For each worker its pod's UID and its restarts: another pair means that it was disturbed."""
        pods = self.pods(namespace).items()
        return {
            name: (pod.metadata.uid, sum(s.restart_count for s in pod.status.container_statuses)) for name, pod in pods
        }

    def ready(self, namespace: str, federation: str | None = None) -> set[str]:
        """The workers, or `broker`, whose pod is ready."""
        return {name for name, pod in self.pods(namespace, federation).items() if _is_ready(pod)}

    def regions(self, namespace: str) -> dict[str, str | None]:
        """The region of the machine that each worker or broker runs on."""
        machines = {node.metadata.name: node.metadata.labels.get(REGION_LABEL) for node in self.core.list_node().items}
        return {name: machines.get(pod.spec.node_name) for name, pod in self.pods(namespace).items()}

    def log(self, namespace: str, worker: str, federation: str | None = None) -> str:
        """What a worker wrote so far."""
        pod = self.pods(namespace, federation)[worker]
        container = "worker" if WORKER in pod.metadata.labels else "broker"
        return str(self.core.read_namespaced_pod_log(pod.metadata.name, namespace, container=container))

    def events(self, namespace: str, worker: str, federation: str | None = None) -> list[dict[str, Any]]:
        """What a worker told the operator so far."""
        lines = (line for line in self.log(namespace, worker, federation).splitlines() if '"event"' in line)
        return [json.loads(json.loads(line)["event"]) for line in lines]

    def told(self, namespace: str, kind: str, federation: str | None = None) -> list[dict[str, Any]]:
        """The events of one kind that the workers told so far; none may have told of a failure."""
        pods = self.pods(namespace, federation)
        workers = [name for name, pod in pods.items() if WORKER in pod.metadata.labels]
        events = [event for worker in sorted(workers) for event in self.events(namespace, worker, federation)]
        failed = [event["message"] for event in events if event["event"] == "failed"]
        assert not failed, failed
        return sorted((event for event in events if event["event"] == kind), key=lambda event: float(event["time"]))

    def delete_pods(self, namespace: str, *workers: str) -> None:
        """Kill these pods at once, without any grace."""
        pods = self.pods(namespace)
        for worker in workers:
            self.core.delete_namespaced_pod(pods[worker].metadata.name, namespace, grace_period_seconds=0)

    def namespace_exists(self, namespace: str) -> bool:
        """Whether it is there, or on its way out."""
        return any(found.metadata.name == namespace for found in self.core.list_namespace().items)


def _runs(pod: Any) -> str:
    """The worker's id, or the broker's name; the federation's is `broker`."""
    labels = pod.metadata.labels
    return str(labels.get(WORKER) or labels.get("fedtag/broker", "broker"))


def _is_ready(pod: Any) -> bool:
    conditions = pod.status.conditions or []
    return any(condition.type == "Ready" and condition.status == "True" for condition in conditions)


def until(condition: Callable[[], Any], limit: float, what: str) -> Any:
    """Wait for a condition, and give what it gave."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(1)
    raise AssertionError(f"{what} took more than {limit:g} s")
