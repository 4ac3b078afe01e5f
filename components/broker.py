"""An MQTT broker of one federation."""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components import access, address, reload, security
from components.context import Context
from components.names import Kind, broker_kind, broker_labels, digest8, selector
from components.pki import broker_trust
from tag.kubernetes import BrokerService
from tag.kubernetes_resources import HELPER

CONFIG_FILE = "/mosquitto/config/mosquitto.conf"


@dataclass(frozen=True, kw_only=True)
class BrokerArgs:
    """What a broker is made from.

    Attributes:
        context: of its cluster.
        broker: name that channels give it; the federation's has none.
        region: where it runs; None is where workers without data run.
        names: by which it is reached; they stand in its certificate.
        rules: text of the access list.
    """

    context: Context
    broker: str = ""
    region: str | None = None
    names: tuple[str, ...]
    rules: str


class Broker(pulumi.ComponentResource):
    """A mosquitto without memory, its Service, and a helper that brings it new access rules without a restart.

    Only the federation's is reached from outside of its cluster; those that channels name serve pods beside them.
    """

    service: pulumi.Output[str]
    """Name of the Service."""

    deployment: k8s.apps.v1.Deployment
    """Ready once the broker listens."""

    def __init__(self, name: str, args: BrokerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("fedtag:index:Broker", name, {"image": args.context.kubernetes.images.broker}, opts)
        self._args, self._context = args, args.context
        self._base = address.service_name(args.context.federation, args.broker)
        self._kind: Kind = broker_kind(args.broker)
        self._port = address.own_port(encrypted=args.context.authority is not None)
        config = self._config()
        secrets, certificate = self._secrets()
        self.deployment = self._deployment(config, secrets, certificate)
        self.service = self._service().metadata.name
        self.register_outputs({"service": self.service})

    @property
    def _labels(self) -> dict[str, str]:
        return self._context.labels(self._kind, broker_labels(self._args.broker))

    @property
    def _chosen(self) -> dict[str, str]:
        return {**selector(self._context.federation, self._kind), **broker_labels(self._args.broker)}

    def _metadata(self, name: str) -> k8s.meta.v1.ObjectMetaArgsDict:
        return {"name": name, "namespace": self._context.namespace, "labels": self._labels}

    def _config(self) -> pulumi.Output[str]:
        text = access.configuration(encrypted=self._context.authority is not None)
        config = k8s.core.v1.ConfigMap(
            f"{self._base}-config",
            metadata=self._metadata(f"{self._base}-{digest8(text)}"),
            immutable=True,
            data={"mosquitto.conf": text},
            opts=self._context.child(self),
        )
        return config.metadata.name

    def _secret(self, part: str, data: dict[str, str]) -> pulumi.Output[str]:
        name = f"{self._base}-{part}"
        secret = k8s.core.v1.Secret(
            name,
            metadata=self._metadata(name),
            type="Opaque",
            string_data=pulumi.Output.secret(data),
            opts=self._context.child(self),
        )
        return secret.metadata.name

    def _secrets(self) -> tuple[list[pulumi.Output[str]], str]:
        authority = self._context.authority
        if authority is None:
            return [], ""
        identity = authority.server(self._args.names, self._args.broker)
        files = {"ca.crt": broker_trust(authority), "tls.crt": identity.certificate, "tls.key": identity.key}
        return [self._secret("tls", files), self._secret("access", {"acl": self._args.rules})], identity.digest

    def _service(self) -> k8s.core.v1.Service:
        settings = self._context.kubernetes.broker_service if not self._args.broker else BrokerService()
        port: k8s.core.v1.ServicePortArgsDict = {"name": "mqtt", "port": self._port, "target_port": "mqtt"}
        if settings.node_port is not None:
            port["node_port"] = settings.node_port
        metadata = self._metadata(self._base)
        if settings.annotations:
            metadata["annotations"] = settings.annotations
        return k8s.core.v1.Service(
            f"{self._base}-service",
            metadata=metadata,
            spec={
                "type": settings.type,
                "selector": self._chosen,
                "ports": [port],
            },
            # a Service waits for its pods, so that it comes after them
            opts=self._context.child(self, [self.deployment]),
        )

    def _helper(self, name: str, script: str) -> k8s.core.v1.ContainerArgsDict:
        return {
            "name": name,
            "image": self._context.kubernetes.images.broker,
            "image_pull_policy": self._context.kubernetes.pull_policy,
            "command": ["sh", "-c", script],
            "resources": security.resources(HELPER),
            "security_context": security.container_security(),
            "volume_mounts": [
                {"name": "source", "mount_path": reload.SOURCE, "read_only": True},
                {"name": "run", "mount_path": access.FOLDER},
            ],
        }

    def _mosquitto(self, *, encrypted: bool) -> k8s.core.v1.ContainerArgsDict:
        settings = self._context.kubernetes
        mounts: list[k8s.core.v1.VolumeMountArgsDict] = [
            {"name": "config", "mount_path": CONFIG_FILE, "sub_path": "mosquitto.conf", "read_only": True}
        ]
        if encrypted:
            mounts.append({"name": "run", "mount_path": access.FOLDER, "read_only": True})
        listens: k8s.core.v1.ExecActionArgsDict = {"command": ["sh", "-c", reload.listening(self._port)]}
        return {
            "name": "broker",
            "image": settings.images.broker,
            "image_pull_policy": settings.pull_policy,
            "command": ["mosquitto", "-c", CONFIG_FILE],
            "ports": [{"name": "mqtt", "container_port": self._port}],
            "resources": security.resources(settings.resources.broker),
            "security_context": security.container_security(),
            "startup_probe": {"exec_": listens, "period_seconds": 1, "failure_threshold": settings.timeout},
            "readiness_probe": {"exec_": listens, "period_seconds": 5, "timeout_seconds": 5},
            "liveness_probe": {"exec_": listens, "period_seconds": 10, "timeout_seconds": 5, "failure_threshold": 6},
            "volume_mounts": mounts,
        }

    def _pod(self, config: pulumi.Output[str], secrets: list[pulumi.Output[str]]) -> k8s.core.v1.PodSpecArgsDict:
        settings = self._context.kubernetes
        spec: k8s.core.v1.PodSpecArgsDict = {
            "automount_service_account_token": False,
            "enable_service_links": False,
            "image_pull_secrets": [{"name": name} for name in settings.pull_secrets],
            "security_context": security.pod_security(security.BROKER_USER),
            "termination_grace_period_seconds": 10,
            "node_selector": settings.node_selector(self._args.region),
            "tolerations": security.tolerations(settings.tolerations(self._args.region)),
            "containers": [self._mosquitto(encrypted=bool(secrets))],
            "volumes": [{"name": "config", "config_map": {"name": config}}],
        }
        if not secrets:
            return spec
        sources: list[k8s.core.v1.VolumeProjectionArgsDict] = [{"secret": {"name": name}} for name in secrets]
        return {
            **spec,
            "share_process_namespace": True,  # the helper signals the broker
            "init_containers": [self._helper("prepare", reload.COPY)],
            "containers": [self._mosquitto(encrypted=True), self._helper("reload", reload.WATCH)],
            "volumes": [
                {"name": "config", "config_map": {"name": config}},
                {"name": "source", "projected": {"sources": sources, "default_mode": 0o440}},
                {"name": "run", "empty_dir": {"medium": "Memory", "size_limit": "16Mi"}},
            ],
        }

    def _deployment(
        self, config: pulumi.Output[str], secrets: list[pulumi.Output[str]], certificate: str
    ) -> k8s.apps.v1.Deployment:
        metadata: k8s.meta.v1.ObjectMetaArgsDict = {
            "labels": self._context.pod_labels(self._kind, broker_labels(self._args.broker))
        }
        if certificate:
            metadata["annotations"] = {"fedtag/certificate": certificate}
        return k8s.apps.v1.Deployment(
            self._base,
            metadata=self._metadata(self._base),
            spec={
                "replicas": 1,
                "revision_history_limit": 0,
                # a StatefulSet's pod never leaves a dead machine, and two brokers would split the federation
                "strategy": {"type": "Recreate"},
                "selector": {"match_labels": self._chosen},
                "template": {"metadata": metadata, "spec": self._pod(config, secrets)},
            },
            opts=self._context.child(self),
        )
