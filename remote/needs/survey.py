"""What a cluster has, read once: machines and their room, storage, a namespace and what may be done there."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from remote.cluster import ASK_S, Cluster
from remote.needs.facts import Machine, NamespaceState, Survey, Taint
from remote.needs.wanted import Place

PART_OF = "app.kubernetes.io/part-of"
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
LISTED_IMAGES = 50
"""Images that a kubelet tells of at most, by its own default."""
VERBS = ("create", "get", "patch", "delete")
_FORBIDDEN, _MISSING = 403, 404
_OVER = ("Succeeded", "Failed")


def look(cluster: Cluster, place: Place) -> Survey:
    """Read what a cluster has for a place.

    Raises:
        WorkerError: the cluster does not answer.
    """
    from kubernetes import client

    core, name = cluster.core, place.namespace
    storage = client.StorageV1Api(cluster.api)
    with cluster.asking("what a stack needs"):
        state = _namespace_state(core, place)
        inside = state in ("ours", "other")
        return Survey(
            cluster=cluster.name,
            machines=_machines(core, place),
            classes=_classes(_items(storage.list_storage_class)),
            namespace=state,
            claims=_names(_items(core.list_namespaced_persistent_volume_claim, name)) if inside else frozenset(),
            secrets=_names(_items(core.list_namespaced_secret, name)) if inside else frozenset(),
            quotas=_quotas(core, place) if inside else {},
            denied=tuple(_denied(client.AuthorizationV1Api(cluster.api), client, place)),
        )


def connect(context: str | None) -> Cluster:
    """A cluster that answers.

    Raises:
        InputError: the kubeconfig has no such context.
        WorkerError: the cluster does not answer, or does not let the user in.
    """
    cluster = Cluster(context)
    from kubernetes import client

    with cluster.asking("its version"):
        client.VersionApi(cluster.api).get_code(_request_timeout=ASK_S)
    return cluster


def _items(call: Any, *arguments: str) -> list[Any] | None:
    """What a list has; None if the user may not read it."""
    from kubernetes.client import ApiException

    try:
        return list(call(*arguments, _request_timeout=ASK_S).items)
    except ApiException as error:
        if error.status == _FORBIDDEN:
            return None
        raise


def _names(items: list[Any] | None) -> frozenset[str] | None:
    return None if items is None else frozenset(item.metadata.name for item in items)


def _classes(items: list[Any] | None) -> dict[str, bool] | None:
    if items is None:
        return None
    return {item.metadata.name: (item.metadata.annotations or {}).get(DEFAULT_CLASS) == "true" for item in items}


def _namespace_state(core: Any, place: Place) -> NamespaceState | None:
    from kubernetes.client import ApiException

    try:
        found = core.read_namespace(place.namespace, _request_timeout=ASK_S)
    except ApiException as error:
        if error.status == _MISSING:
            return "missing"
        if error.status == _FORBIDDEN:
            return None
        raise
    if found.metadata.deletion_timestamp is not None:
        return "leaving"
    return "ours" if (found.metadata.labels or {}).get(PART_OF) == place.federation else "other"


def _quotas(core: Any, place: Place) -> dict[str, Decimal]:
    """What is left for a federation that is not there yet: one that is has its share already."""
    pods = _items(core.list_namespaced_pod, place.namespace) or []
    if any(_is_own(pod, place) for pod in pods):
        return {}
    items = _items(core.list_namespaced_resource_quota, place.namespace)
    return {
        f"{item.metadata.name}/{resource}": _amount(hard) - _amount((item.status.used or {}).get(resource, "0"))
        for item in items or []
        for resource, hard in (item.status.hard or {}).items()
    }


def _amount(quantity: str) -> Decimal:
    from kubernetes.utils import quantity as quantities

    parse: Any = quantities.parse_quantity
    return Decimal(parse(quantity))


def _machines(core: Any, place: Place) -> tuple[Machine, ...] | None:
    machines = _items(core.list_node)
    if machines is None:
        return None
    taken = _taken(_items(core.list_pod_for_all_namespaces) or [], place)
    return tuple(_machine(machine, *taken[machine.metadata.name]) for machine in machines)


def _taken(pods: list[Any], place: Place) -> dict[str, tuple[Decimal, Decimal]]:
    """Cores and bytes that pods keep on each machine, without those that this place's own pods will replace."""
    taken: dict[str, tuple[Decimal, Decimal]] = defaultdict(lambda: (Decimal(0), Decimal(0)))
    for pod in pods:
        if _is_own(pod, place) or pod.spec.node_name is None or pod.status.phase in _OVER:
            continue
        for container in pod.spec.containers:
            asked = (container.resources.requests if container.resources else None) or {}
            cpu, memory = taken[pod.spec.node_name]
            more = _amount(asked.get("cpu", "0")), _amount(asked.get("memory", "0"))
            taken[pod.spec.node_name] = (cpu + more[0], memory + more[1])
    return taken


def _is_own(pod: Any, place: Place) -> bool:
    return pod.metadata.namespace == place.namespace and (pod.metadata.labels or {}).get(PART_OF) == place.federation


def _machine(found: Any, cpu: Decimal, memory: Decimal) -> Machine:
    images = [name for image in found.status.images or [] for name in image.names or []]
    ready = any(c.type == "Ready" and c.status == "True" for c in found.status.conditions or [])
    taints = (Taint(key=t.key, effect=t.effect, value=t.value or "") for t in found.spec.taints or [])
    return Machine(
        name=found.metadata.name,
        labels=dict(found.metadata.labels or {}),
        taints=tuple(taint for taint in taints if taint.effect != "PreferNoSchedule"),
        usable=ready and not found.spec.unschedulable,
        images=frozenset(images),
        images_known=len(found.status.images or []) < LISTED_IMAGES,
        cpu=_amount(found.status.allocatable["cpu"]) - cpu,
        memory=_amount(found.status.allocatable["memory"]) - memory,
    )


def _denied(authorization: Any, client: Any, place: Place) -> Iterator[str]:
    for group, resource in _kinds(place):
        for verb in VERBS:
            attributes = client.V1ResourceAttributes(
                namespace=None if resource == "namespaces" else place.namespace,
                group=group,
                resource=resource,
                verb=verb,
            )
            review = client.V1SelfSubjectAccessReview(
                spec=client.V1SelfSubjectAccessReviewSpec(resource_attributes=attributes)
            )
            answer = authorization.create_self_subject_access_review(review, _request_timeout=ASK_S)
            if not answer.status.allowed:
                yield f"{verb} {resource}"


def _kinds(place: Place) -> Iterator[tuple[str, str]]:
    """API group and name of the kinds that `pulumi up` makes in a place."""
    if place.create:
        yield "", "namespaces"
    yield from (("", "configmaps"), ("", "secrets"), ("apps", "deployments"))
    yield "networking.k8s.io", "networkpolicies"
    roles = [pod.role for pod in place.pods]
    if "broker" in roles:
        yield "", "services"
    if place.volumes:
        yield "", "persistentvolumeclaims"
    if roles.count("aggregator") > 1:
        yield "policy", "poddisruptionbudgets"
