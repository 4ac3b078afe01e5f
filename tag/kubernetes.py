"""The stack's `kubernetes:` block: where and how a plan's workers run in a cluster. All its defaults stand here."""

from typing import Literal, Self

from pydantic import Field, model_validator

from tag.kubernetes_resources import Resources
from tag.kubernetes_values import Address, DnsLabel, LabelName, LabelText, OwnLabel, Quantity
from tag.model import Model
from tag.values import Count, Natural, Port, Truth, Wait

REGION_LABEL = "topology.kubernetes.io/region"
"""The label that every cloud sets on its machines."""

MOSQUITTO = (
    "docker.io/library/eclipse-mosquitto:2.0.22@sha256:212f89e1eaeb2c322d6441b64396e3346026674db8fa9c27beac293405c32b3c"
)
"""The broker, pinned: amd64 and arm64."""


class Images(Model):
    """Container images; pin them by digest in production.

    Attributes:
        trainer: of workers with data (TensorFlow).
        aggregator: of workers without data.
        broker: mosquitto 2.0 or later.
    """

    trainer: str = Field(default="localhost/fedtag-trainer:0.1.0", min_length=1)
    aggregator: str = Field(default="localhost/fedtag-aggregator:0.1.0", min_length=1)
    broker: str = Field(default=MOSQUITTO, min_length=1)


class Toleration(Model):
    """A taint that a region's pods accept, as in Kubernetes.

    Attributes:
        key: of the taint; None is every key.
        operator: `Equal` compares the value, `Exists` takes any.
        value: of the taint.
        effect: of the taint; None is every effect.
        toleration_seconds: how long a pod stays on a machine that gets the taint `NoExecute`; None is for ever.
    """

    key: str | None = None
    operator: Literal["Exists", "Equal"] = "Equal"
    value: LabelText | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    toleration_seconds: Natural | None = None


class Region(Model):
    """Where a region's pods may run.

    Attributes:
        node_selector: labels of its machines; None means the node label with the region's name, `{}` any machine.
        tolerations: taints that its pods accept.
    """

    node_selector: dict[LabelName, LabelText] | None = None
    tolerations: tuple[Toleration, ...] = ()


class Cluster(Model):
    """Another cluster that holds a region.

    Attributes:
        context: of the kubeconfig.
        namespace: there; None means the federation's.
        create_namespace: whether fedtag makes and deletes it.
        broker_address: HOST or HOST:PORT by which its workers reach the broker; None means `brokerAddress`.
    """

    context: str = Field(min_length=1)
    namespace: DnsLabel | None = None
    create_namespace: Truth = True
    broker_address: Address | None = None


class Namespace(Model):
    """The namespace of everything.

    Attributes:
        name: None means the federation's name.
        create: whether fedtag makes and deletes it; false takes one that exists.
    """

    name: DnsLabel | None = None
    create: Truth = True


class Storage(Model):
    """A volume claim for each aggregator's checkpoints.

    Attributes:
        class_name: storage class; None means the cluster's default.
        size: of the claim; three models are enough.
    """

    class_name: str | None = None
    size: Quantity = "1Gi"


class Tls(Model):
    """Encryption and identities of the broker's connections.

    Attributes:
        enabled: false makes an open broker: for experiments, never in production.
        rotation: number of the certificates; a greater one makes new ones, and the last ones stay valid.
    """

    enabled: Truth = True
    rotation: Count = 1


class BrokerService(Model):
    """How the broker is reached.

    Attributes:
        type: ClusterIP within the cluster; NodePort or LoadBalancer also from outside.
        node_port: fixed port of a NodePort service, or None.
        annotations: for the cloud's load balancer.
    """

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    node_port: Port | None = None
    annotations: dict[str, str] = Field(default_factory=dict)


class Kubernetes(Model):
    """How a stack's plan becomes Kubernetes objects.

    Attributes:
        context: of the kubeconfig; None means the current one.
        namespace: of everything.
        images: of the containers.
        pull_secrets: names of Secrets in the namespace with the registry's credentials.
        pull_policy: when images are fetched.
        resources: of each kind of process.
        node_label: label whose value is a machine's region; null lets every pod run anywhere.
        regions: exceptions to that, by region.
        clusters: regions in other clusters, by region.
        home: region of the broker and of the workers without data; null means any machine.
        storage: of aggregators' checkpoints; null keeps them in the pod.
        labels: more labels for all objects.
        log_level: of workers.
        tls: of the broker.
        broker_address: HOST or HOST:PORT by which the broker is reached from outside; named in its certificate.
        broker_service: how the broker is reached.
        production: whether the policies for production apply.
        timeout: seconds that an object may take to become ready.
    """

    context: str | None = None
    namespace: Namespace = Namespace()
    images: Images = Images()
    pull_secrets: tuple[DnsLabel, ...] = ()
    pull_policy: Literal["IfNotPresent", "Always", "Never"] = "IfNotPresent"
    resources: Resources = Resources()
    node_label: LabelName | None = REGION_LABEL
    regions: dict[str, Region] = Field(default_factory=dict)
    clusters: dict[str, Cluster] = Field(default_factory=dict)
    home: str | None = None
    storage: Storage | None = None
    labels: dict[OwnLabel, LabelText] = Field(default_factory=dict)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    tls: Tls = Tls()
    broker_address: Address | None = None
    broker_service: BrokerService = BrokerService()
    production: Truth = False
    timeout: Wait = 120

    @model_validator(mode="after")
    def _production_is_encrypted(self) -> Self:
        """`production: true` needs `tls.enabled`."""
        if self.production and not self.tls.enabled:
            raise ValueError(
                "kubernetes.tls.enabled false breaks the rule that a production stack has no open broker; "
                "remove it, or set production: false"
            )
        return self

    @model_validator(mode="after")
    def _outer_clusters_reach_the_broker(self) -> Self:
        """A region in another cluster needs a `brokerAddress`, there or here."""
        for region, cluster in self.clusters.items():
            if cluster.broker_address is None and self.broker_address is None:
                raise ValueError(
                    f"kubernetes.clusters region {region!r} is in another cluster, from which the broker's service has "
                    "no name; give brokerAddress: HOST:PORT, there or for all"
                )
        return self

    @model_validator(mode="after")
    def _home_is_in_the_own_cluster(self) -> Self:
        """`home` is a region of the stack's own cluster, not one of `clusters`."""
        if self.home in self.clusters:
            raise ValueError(
                f"kubernetes.home {self.home!r} is in another cluster by kubernetes.clusters, but the broker is in the "
                "stack's own; name a region of the own cluster, or set context to that cluster"
            )
        return self

    @model_validator(mode="after")
    def _node_ports_belong_to_node_port_services(self) -> Self:
        """`brokerService.nodePort` needs a service of type `NodePort` or `LoadBalancer`."""
        if self.broker_service.node_port is not None and self.broker_service.type == "ClusterIP":
            raise ValueError(
                f"kubernetes.brokerService.nodePort {self.broker_service.node_port} needs a service of another type; "
                "set type: NodePort"
            )
        return self

    def node_selector(self, region: str | None) -> dict[str, str]:
        """The labels of the machines that may run a worker of this region, or of none."""
        region = region or self.home
        chosen = self.regions[region].node_selector if region in self.regions else None
        if chosen is not None:
            return dict(chosen)
        return {self.node_label: region} if region is not None and self.node_label is not None else {}

    def cluster_of(self, region: str | None) -> tuple[str, str | None] | None:
        """Context and namespace of a region's cluster; None is the stack's own."""
        cluster = self.clusters.get(region) if region is not None else None
        return None if cluster is None else (cluster.context, cluster.namespace)

    def tolerations(self, region: str | None) -> tuple[Toleration, ...]:
        """The taints that a worker of this region, or of none, accepts."""
        region = region or self.home
        return self.regions[region].tolerations if region in self.regions else ()
