"""The objects of one worker: its ConfigMap, its Secret, its volume claim and its Deployment."""

from collections.abc import Sequence

import pulumi
import pulumi_kubernetes as k8s

from components.context import Context
from components.names import RESIDENCY, digest8, label_value, object_name, selector, worker_labels
from components.pki import worker_trust
from components.pods import PROGRAM, Mounts, pod
from tag.kubernetes import Storage
from tag.plan import PlannedWorker


def config_data(planned: PlannedWorker, context: Context) -> dict[str, str]:
    """The files of a worker's ConfigMap: its spec, and its program if it has one."""
    path = planned.spec.program
    if path is None:
        return {"spec.json": planned.spec.model_dump_json(by_alias=True)}
    spec = planned.spec.model_copy(update={"program": PROGRAM})
    return {"spec.json": spec.model_dump_json(by_alias=True), "program.py": context.programs[path]}


class WorkerObjects:
    """Makes the objects of one worker as children of its component.

    Attributes:
        deployment: of the worker's one pod.
    """

    def __init__(
        self,
        planned: PlannedWorker,
        context: Context,
        parent: pulumi.Resource,
        *,
        roster: pulumi.Input[str] | None = None,
        after: Sequence[pulumi.Resource] = (),
    ) -> None:
        self._planned, self._context, self._parent = planned, context, parent
        self._name = object_name(context.federation, planned.spec.worker)
        self._ways = [way.deployment for way in context.ways_of(planned).values()]
        self._labels = context.labels("worker", worker_labels(planned.spec, context.model_channel))
        data = config_data(planned, context)
        keeps = planned.spec.dataset is None
        tls, certificate = self._secret()
        mounts = Mounts(
            config=self._config(data),
            program="program.py" in data,
            tls=tls,
            roster=roster,
            keeps=keeps,
            state=self._claim(context.kubernetes.storage) if keeps else None,
        )
        self.deployment = self._deployment(mounts, certificate, after)

    def _metadata(self, name: str, annotations: dict[str, str] | None = None) -> k8s.meta.v1.ObjectMetaArgsDict:
        metadata: k8s.meta.v1.ObjectMetaArgsDict = {
            "name": name,
            "namespace": self._context.namespace,
            "labels": self._labels,
        }
        return {**metadata, "annotations": annotations} if annotations else metadata

    def _config(self, data: dict[str, str]) -> pulumi.Output[str]:
        name = f"{self._name}-{digest8(*sorted(data), *(data[key] for key in sorted(data)))}"
        config = k8s.core.v1.ConfigMap(
            f"{self._name}-config",
            metadata=self._metadata(name),
            immutable=True,
            data=data,
            opts=self._context.child(self._parent, self._ways),
        )
        return config.metadata.name

    def _secret(self) -> tuple[pulumi.Output[str] | None, str]:
        authority = self._context.authority
        if authority is None:
            return None, ""
        identity, trust = authority.client(self._planned.spec.worker), worker_trust(authority)
        secret = k8s.core.v1.Secret(
            f"{self._name}-tls",
            metadata=self._metadata(f"{self._name}-tls"),
            type="Opaque",
            string_data=pulumi.Output.secret(
                {"ca.crt": trust, "tls.crt": identity.certificate, "tls.key": identity.key}
            ),
            opts=self._context.child(self._parent, self._ways),
        )
        return secret.metadata.name, identity.digest

    def _claim(self, storage: Storage | None) -> pulumi.Output[str] | None:
        if storage is None:
            return None
        spec: k8s.core.v1.PersistentVolumeClaimSpecArgsDict = {
            "access_modes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": storage.size}},
        }
        if storage.class_name is not None:
            spec["storage_class_name"] = storage.class_name
        claim = k8s.core.v1.PersistentVolumeClaim(
            f"{self._name}-state",
            # many classes bind only once a pod waits, which comes after
            metadata=self._metadata(f"{self._name}-state", {"pulumi.com/skipAwait": "true"}),
            spec=spec,
            opts=self._context.child(self._parent, self._ways),
        )
        return claim.metadata.name

    def _deployment(self, mounts: Mounts, certificate: str, after: Sequence[pulumi.Resource]) -> k8s.apps.v1.Deployment:
        planned, context = self._planned, self._context
        chosen = selector(context.federation, "worker", planned.spec.worker)
        pod_labels = context.pod_labels("worker", worker_labels(planned.spec, context.model_channel))
        if planned.residency is not None:
            pod_labels[RESIDENCY] = label_value(planned.residency)
        metadata: k8s.meta.v1.ObjectMetaArgsDict = {"labels": pod_labels}
        if certificate:
            metadata["annotations"] = {"fedtag/certificate": certificate}
        return k8s.apps.v1.Deployment(
            self._name,
            metadata=self._metadata(self._name),
            spec={
                "replicas": 1,
                "revision_history_limit": 0,
                "strategy": {"type": "Recreate"},
                "selector": {"match_labels": chosen},
                "template": {"metadata": metadata, "spec": pod(planned, context, mounts)},
            },
            opts=context.child(self._parent, [*self._ways, *after]),
        )
