"""What every pod has in common: no rights, no root, limits, and a short wait for a lost machine."""

from collections.abc import Sequence

import pulumi_kubernetes as k8s

from tag.kubernetes import Toleration
from tag.kubernetes_resources import Amounts, Share

WORKER_USER = 10001
"""User and group of the worker images."""

BROKER_USER = 1883
"""User and group of the mosquitto image."""

LOST_MACHINE_SECONDS = 10
"""After so long without its machine a pod is made anew elsewhere; Kubernetes' own default is five minutes."""


def pod_security(user: int) -> k8s.core.v1.PodSecurityContextArgsDict:
    """A pod that meets the pod-security standard `restricted`."""
    return {
        "run_as_non_root": True,
        "run_as_user": user,
        "run_as_group": user,
        "fs_group": user,
        "seccomp_profile": {"type": "RuntimeDefault"},
    }


def container_security() -> k8s.core.v1.SecurityContextArgsDict:
    """A container without rights, whose own file system it can't change."""
    return {
        "allow_privilege_escalation": False,
        "read_only_root_filesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "run_as_non_root": True,
    }


def resources(share: Share) -> k8s.core.v1.ResourceRequirementsArgsDict:
    """Requests and limits of a container."""
    return {"requests": _amounts(share.requests), "limits": _amounts(share.limits)}


def _amounts(amounts: Amounts) -> dict[str, str]:
    return {"cpu": amounts.cpu, "memory": amounts.memory}


def _toleration(own: Toleration) -> k8s.core.v1.TolerationArgsDict:
    """Only what is given: Kubernetes refuses nulls here."""
    entry: k8s.core.v1.TolerationArgsDict = {"operator": own.operator}
    if own.key is not None:
        entry["key"] = own.key
    if own.value is not None:
        entry["value"] = own.value
    if own.effect is not None:
        entry["effect"] = own.effect
    if own.toleration_seconds is not None:
        entry["toleration_seconds"] = own.toleration_seconds
    return entry


def tolerations(own: Sequence[Toleration]) -> list[k8s.core.v1.TolerationArgsDict]:
    """The taints that a pod accepts: its region's, and for a short while that its machine is lost."""
    lost: list[k8s.core.v1.TolerationArgsDict] = [
        {
            "key": f"node.kubernetes.io/{state}",
            "operator": "Exists",
            "effect": "NoExecute",
            "toleration_seconds": LOST_MACHINE_SECONDS,
        }
        for state in ("not-ready", "unreachable")
    ]
    return [_toleration(toleration) for toleration in own] + lost
