"""The pod of a worker, as a pure function of its place in the plan."""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components import security
from components.context import Context
from components.names import ROLE, selector, worker_labels
from tag.kubernetes_resources import Share
from tag.plan import PlannedWorker

CONFIG = "/etc/fedtag"
PROGRAM = f"{CONFIG}/program.py"
METRICS_PORT = 9090
SCRATCH = "4Gi"
"""Most that a worker may keep on its machine's disk: staged updates."""
_ALL = "0.0.0.0"  # noqa: S104  the kubelet's probes come from outside of the pod
_TMP = "/tmp"  # noqa: S108  a volume of the pod's own, and the only folder that its read-only container can write to


@dataclass(frozen=True, kw_only=True)
class Mounts:
    """Names of the objects that a worker's pod mounts.

    Attributes:
        config: the ConfigMap with spec and program.
        program: whether it holds one.
        tls: the Secret with its certificate; None where the broker is open.
        roster: the ConfigMap with the roster, of a worker that may lead.
        keeps: whether it keeps checkpoints.
        state: the volume claim for checkpoints; None keeps them in the pod.
    """

    config: pulumi.Input[str]
    program: bool
    tls: pulumi.Input[str] | None = None
    roster: pulumi.Input[str] | None = None
    keeps: bool = False
    state: pulumi.Input[str] | None = None


def _arguments(planned: PlannedWorker, context: Context, mounts: Mounts) -> list[str]:
    lines = ["--spec", f"{CONFIG}/spec.json"]
    for name, way in context.ways_of(planned).items():
        lines += ["--broker", f"{name}={way.url}" if name else way.url]
    lines += ["--tls", f"{CONFIG}/tls"] if mounts.tls is not None else []
    lines += ["--roster", f"{CONFIG}/roster/roster.json"] if mounts.roster is not None else []
    lines += ["--state", "/state"] if mounts.keeps else []
    lines += ["--metrics-port", str(METRICS_PORT), "--metrics-host", _ALL]
    return [*lines, "--log-level", context.kubernetes.log_level]


def _environment(planned: PlannedWorker) -> list[k8s.core.v1.EnvVarArgsDict]:
    train = planned.spec.train
    threads = str(train.threads if train is not None else 1)
    values = {
        "HOME": _TMP,
        "KERAS_HOME": f"{_TMP}/keras",
        "MPLCONFIGDIR": f"{_TMP}/matplotlib",
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "PYTHONHASHSEED": "0",  # as in local runs, so that the same program trains the same model
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    return [{"name": name, "value": value} for name, value in values.items()]


def _volumes(planned: PlannedWorker, mounts: Mounts) -> list[k8s.core.v1.VolumeArgsDict]:
    volumes: list[k8s.core.v1.VolumeArgsDict] = [
        {"name": "config", "config_map": {"name": mounts.config}},
        {"name": "tmp", "empty_dir": {"size_limit": SCRATCH}},
    ]
    if mounts.tls is not None:
        volumes.append({"name": "tls", "secret": {"secret_name": mounts.tls, "default_mode": 0o440}})
    if planned.claim is not None:
        volumes.append({"name": "data", "persistent_volume_claim": {"claim_name": planned.claim, "read_only": True}})
    if mounts.roster is not None:
        volumes.append({"name": "roster", "config_map": {"name": mounts.roster}})
    if mounts.keeps:
        kept: k8s.core.v1.VolumeArgsDict = {"name": "state", "empty_dir": {"size_limit": SCRATCH}}
        if mounts.state is not None:
            kept = {"name": "state", "persistent_volume_claim": {"claim_name": mounts.state}}
        volumes.append(kept)
    return volumes


def _volume_mounts(planned: PlannedWorker, mounts: Mounts) -> list[k8s.core.v1.VolumeMountArgsDict]:
    found: list[k8s.core.v1.VolumeMountArgsDict] = [
        {"name": "config", "mount_path": f"{CONFIG}/spec.json", "sub_path": "spec.json", "read_only": True}
    ]
    if mounts.program:
        found.append({"name": "config", "mount_path": PROGRAM, "sub_path": "program.py", "read_only": True})
    if mounts.tls is not None:
        found.append({"name": "tls", "mount_path": f"{CONFIG}/tls", "read_only": True})
    if planned.claim is not None:
        found.append({"name": "data", "mount_path": "/data", "read_only": True})
    if mounts.roster is not None:
        # a folder and not a sub path, or the kubelet would never bring a new roster
        found.append({"name": "roster", "mount_path": f"{CONFIG}/roster", "read_only": True})
    if mounts.keeps:
        found.append({"name": "state", "mount_path": "/state"})
    return [*found, {"name": "tmp", "mount_path": _TMP}]


def _probe(path: str, *, period: int, failures: int) -> k8s.core.v1.ProbeArgsDict:
    return {
        "http_get": {"path": path, "port": METRICS_PORT},
        "period_seconds": period,
        "failure_threshold": failures,
        "timeout_seconds": 5,
    }


def _container(planned: PlannedWorker, context: Context, mounts: Mounts) -> k8s.core.v1.ContainerArgsDict:
    image, share = image_and_share(planned, context)
    return {
        "name": "worker",
        "image": image,
        "image_pull_policy": context.kubernetes.pull_policy,
        "args": _arguments(planned, context, mounts),
        "env": _environment(planned),
        "ports": [{"name": "metrics", "container_port": METRICS_PORT}],
        "resources": security.resources(share),
        "security_context": security.container_security(),
        "startup_probe": _probe("/healthz", period=1, failures=context.kubernetes.timeout),
        "readiness_probe": _probe("/readyz", period=2, failures=3),
        "liveness_probe": _probe("/healthz", period=10, failures=6),
        "volume_mounts": _volume_mounts(planned, mounts),
    }


def image_and_share(planned: PlannedWorker, context: Context) -> tuple[str, Share]:
    """The image and the resources of a worker's kind: with data or without."""
    images, shares = context.kubernetes.images, context.kubernetes.resources
    if planned.spec.dataset is not None:
        return images.trainer, shares.trainer.within(planned.limits)
    return images.aggregator, shares.aggregator.within(planned.limits)


def _apart(planned: PlannedWorker, context: Context) -> k8s.core.v1.AffinityArgsDict:
    """Replicas of a role rather run on different machines."""
    role = worker_labels(planned.spec, context.model_channel)[ROLE]
    alike = {**selector(context.federation, "worker"), ROLE: role}
    term: k8s.core.v1.PodAffinityTermArgsDict = {
        "label_selector": {"match_labels": alike},
        "topology_key": "kubernetes.io/hostname",
    }
    preferred: k8s.core.v1.WeightedPodAffinityTermArgsDict = {"weight": 100, "pod_affinity_term": term}
    return {"pod_anti_affinity": {"preferred_during_scheduling_ignored_during_execution": [preferred]}}


def pod(planned: PlannedWorker, context: Context, mounts: Mounts) -> k8s.core.v1.PodSpecArgsDict:
    """The specification of a worker's pod."""
    settings = context.kubernetes
    spec: k8s.core.v1.PodSpecArgsDict = {
        "automount_service_account_token": False,
        "enable_service_links": False,
        "image_pull_secrets": [{"name": name} for name in settings.pull_secrets],
        "node_selector": settings.node_selector(planned.region),
        "security_context": security.pod_security(security.WORKER_USER),
        "termination_grace_period_seconds": 20,
        "tolerations": security.tolerations(settings.tolerations(planned.region)),
        "containers": [_container(planned, context, mounts)],
        "volumes": _volumes(planned, mounts),
    }
    if planned.spec.dataset is None:
        spec["affinity"] = _apart(planned, context)
    return spec
