"""What the rules look at: the pods, containers and labels in Kubernetes objects, as Pulumi hands them over."""

from collections.abc import Iterator, Mapping
from typing import Any

Object = Mapping[str, Any]

POD_TEMPLATES = {
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "Pod": (),
}
"""Where each kind of object has its pod."""

PRODUCTION = "fedtag/production"


def kind_of(type_token: str) -> str | None:
    """The kind of a Kubernetes object, from Pulumi's type; None for everything else."""
    return type_token.rpartition(":")[2] if type_token.startswith("kubernetes:") else None


def section(value: Object, *keys: str) -> Object:
    """A part of an object; empty where it is missing."""
    for key in keys:
        value = value.get(key) or {}
    return value


def labels(value: Object) -> Mapping[str, str]:
    """The labels of an object or of a pod template."""
    return section(value, "metadata", "labels")


def pod(kind: str | None, value: Object) -> Object | None:
    """The pod template of an object; None if it has none."""
    return section(value, *POD_TEMPLATES[kind]) if kind in POD_TEMPLATES else None


def containers(template: Object) -> Iterator[Object]:
    """All containers of a pod template, those of its start included."""
    spec = section(template, "spec")
    for key in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(key) or ()


def is_production(value: Object) -> bool:
    """Whether an object says that it belongs to a production stack."""
    return labels(value).get(PRODUCTION) == "true"
