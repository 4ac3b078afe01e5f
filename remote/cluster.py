"""The API server of a cluster, as the user's kubeconfig reaches it: pods, services, logs, and a way into a pod."""

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from remote.tunnel import Tunnel
from worker.errors import InputError, WorkerError

ASK_S = 10.0
"""Seconds for the API server to answer."""
LOG_S = 60.0
COMPONENT = "app.kubernetes.io/component"
WORKER = "fedtag/worker"
BROKER = "fedtag/broker"
_FORBIDDEN = (401, 403)
_MISSING = 404


@dataclass(frozen=True)
class Broker:
    """Where a federation's broker is.

    Attributes:
        namespace: of its pods.
        selector: labels of its pods.
        port: of the Service.
        target: the pods' port, by number or by name.
    """

    namespace: str
    selector: Mapping[str, str]
    port: int
    target: int | str

    @property
    def workers(self) -> dict[str, str]:
        """Labels of the pods of its federation's workers."""
        return {name: value for name, value in self.selector.items() if name != BROKER} | {COMPONENT: "worker"}


@dataclass(frozen=True)
class Pod:
    """A worker's pod.

    Attributes:
        worker: its id, as a label.
        restarts: of its container.
        image: that it runs.
        image_id: digest of that image.
    """

    namespace: str
    name: str
    worker: str
    restarts: int = 0
    image: str = ""
    image_id: str = ""


class Cluster:
    """A cluster of the kubeconfig.

    Args:
        context: of the kubeconfig; None is the current one.

    Attributes:
        api: the client library's client, for whoever needs more than stands here.
        core: its core API.

    Raises:
        InputError: the kubeconfig has no such context.
    """

    def __init__(self, context: str | None = None) -> None:
        import urllib3
        from kubernetes import client, config

        self.context = context
        try:
            load: Any = config.new_client_from_config
            self.api: Any = load(os.environ.get("KUBECONFIG"), context=context, persist_config=False)
        except (config.ConfigException, OSError) as error:
            named = f"context {context!r}" if context else "a current context"
            raise InputError(
                f"the kubeconfig has not {named} ({error}); set KUBECONFIG to the file that has, or see "
                "'kubectl config get-contexts'"
            ) from error
        if not self.api.configuration.verify_ssl:
            # The kubeconfig's owner has decided that; kubectl does not repeat it at every request either.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self.core: Any = client.CoreV1Api(self.api)
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """For messages: its address and its context."""
        return f"{self.api.configuration.host} (context {self.context or 'current'})"

    @contextlib.contextmanager
    def asking(self, what: str) -> Iterator[None]:
        """Turns what goes wrong while asking the API server into our errors.

        Args:
            what: is asked for, as in "can't read {what}".

        Raises:
            WorkerError: with the reason and the remedy.
        """
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        try:
            yield
        except ApiException as error:
            raise WorkerError(f"the cluster {self.name} does not give {what}: {_reason(error)}") from error
        except (HTTPError, OSError) as error:
            why = str(getattr(error, "reason", None) or error)
            raise WorkerError(
                f"the cluster {self.name} does not answer when asked for {what} ({why}); see whether it is up with "
                "'kubectl get nodes'"
            ) from error

    def broker(self, namespace: str, service: str) -> Broker:
        """Where a federation's broker is.

        Raises:
            WorkerError: the cluster does not answer, or has no such Service.
        """
        with self.asking(f"service {service!r} in namespace {namespace!r}"):
            found = self.core.read_namespaced_service(service, namespace, _request_timeout=ASK_S)
        port = found.spec.ports[0]
        return Broker(namespace, dict(found.spec.selector), port.port, port.target_port or port.port)

    def dial(self, broker: Broker) -> Tunnel:
        """A new connection to the broker's pod.

        Raises:
            WorkerError: no pod of it is ready, or the API server does not let us through.
        """
        with self._lock, self.asking(f"the broker's pod in namespace {broker.namespace!r}"):
            pods = self._pods(broker.namespace, broker.selector)
        ready = [pod for pod in pods if _is_ready(pod)]
        if not ready:
            seen = ", ".join(f"{pod.metadata.name} is {pod.status.phase}" for pod in pods) or "there is none"
            raise WorkerError(
                f"no pod of the broker is ready in namespace {broker.namespace!r} ({seen}); see "
                f"'kubectl --namespace {broker.namespace} get pods'"
            )
        port = _container_port(ready[0], broker.target)
        name = ready[0].metadata.name
        with self.asking(f"a way to pod {name!r}"):
            return Tunnel.open(self.api.configuration, broker.namespace, name, port)

    def workers(self, namespace: str, selector: Mapping[str, str]) -> list[Pod]:
        """The workers' pods, by the worker's id.

        Raises:
            WorkerError: the cluster does not answer.
        """
        with self.asking(f"the pods in namespace {namespace!r}"):
            found = [_pod(pod) for pod in self._pods(namespace, selector)]
        return sorted(found, key=lambda pod: (pod.worker, pod.name))

    def log(self, pod: Pod, *, since: int | None = None, previous: bool = False) -> Iterator[bytes]:
        """Lines that a worker wrote, the oldest first.

        Args:
            pod: the worker's.
            since: only those of the last seconds.
            previous: those of the container before the last restart.

        Raises:
            WorkerError: the cluster does not give them.
        """
        more = {} if since is None else {"since_seconds": since}
        with self.asking(f"the log of pod {pod.name!r}"):
            answer = self.core.read_namespaced_pod_log(
                pod.name,
                pod.namespace,
                container="worker",
                previous=previous,
                _preload_content=False,
                _request_timeout=LOG_S,
                **more,
            )
            try:
                yield from answer
            finally:
                answer.release_conn()

    def _pods(self, namespace: str, selector: Mapping[str, str]) -> list[Any]:
        chosen = ",".join(f"{name}={value}" for name, value in sorted(selector.items()))
        found = self.core.list_namespaced_pod(namespace, label_selector=chosen, _request_timeout=ASK_S)
        return list(found.items)


def _pod(pod: Any) -> Pod:
    states = [s for s in pod.status.container_statuses or [] if s.name == "worker"]
    state = states[0] if states else None
    return Pod(
        namespace=pod.metadata.namespace,
        name=pod.metadata.name,
        worker=pod.metadata.labels.get(WORKER, pod.metadata.name),
        restarts=state.restart_count if state else 0,
        image=state.image if state else "",
        image_id=state.image_id if state else "",
    )


def _is_ready(pod: Any) -> bool:
    conditions = pod.status.conditions or []
    return pod.metadata.deletion_timestamp is None and any(c.type == "Ready" and c.status == "True" for c in conditions)


def _container_port(pod: Any, target: int | str) -> int:
    """The number of the port that the Service calls by number or by name.

    Raises:
        WorkerError: the pod has no such port.
    """
    if isinstance(target, int):
        return target
    for container in pod.spec.containers:
        for port in container.ports or []:
            if port.name == target:
                return int(port.container_port)
    raise WorkerError(f"pod {pod.metadata.name!r} has no port {target!r}; bring the stack up to date with 'pulumi up'")


def _reason(error: Any) -> str:
    if error.status == _MISSING:
        return (
            "it is not there; is this the cluster that the stack was deployed to? see 'kubectl config current-context'"
        )
    if error.status in _FORBIDDEN:
        return f"you may not ({error.reason}); ask for list on pods, and get on services, pods/log and pods/portforward"
    return f"{error.reason or 'no reason given'} (status {error.status})"
