"""What a stack asks of its clusters, as a pure function of stack and plan: pods with their places, volumes, names."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from tag.kubernetes import Kubernetes, Toleration
from tag.kubernetes_resources import HELPER, LEAST_KERAS_MEMORY, LEAST_MEMORY, Share
from tag.kubernetes_values import amount
from tag.load import Loaded
from tag.plan import PlannedWorker

BROKER = "broker"


@dataclass(frozen=True, kw_only=True)
class WantedPod:
    """A pod that `pulumi up` makes.

    Attributes:
        name: the worker's id, or the broker's name; `broker` is the federation's.
        role: `trainer`, `aggregator` or `broker`: the key of its image and resources in the stack file.
        region: where it runs; None where any machine will do.
        selector: labels of the machines that may run it.
        tolerations: taints that it accepts.
        image: that it runs.
        cpu: cores that are kept free for it.
        memory: bytes that are kept free for it.
        cpu_limit: cores that it may take.
        memory_limit: bytes that it may take.
        least: bytes without which it is killed before it has done anything.
    """

    name: str
    role: str
    region: str | None
    selector: Mapping[str, str]
    tolerations: tuple[Toleration, ...]
    image: str
    cpu: Decimal
    memory: Decimal
    cpu_limit: Decimal
    memory_limit: Decimal
    least: Decimal


@dataclass(frozen=True)
class Place:
    """A namespace of one cluster, and what is to run there.

    Attributes:
        context: of the kubeconfig; None is the current one.
        namespace: name.
        create: whether `pulumi up` makes it.
        federation: whose pods they are.
        settings: of the stack.
        pods: the brokers' first, where any run here.
        claims: names of the volume claims that hold data.
    """

    context: str | None
    namespace: str
    create: bool
    federation: str
    settings: Kubernetes
    pods: list[WantedPod] = field(default_factory=list)
    claims: set[str] = field(default_factory=set)

    @property
    def volumes(self) -> int:
        """Volume claims that `pulumi up` makes here."""
        return sum(pod.role == "aggregator" for pod in self.pods) if self.settings.storage is not None else 0


def places(loaded: Loaded, programs: Mapping[str, str]) -> list[Place]:
    """Where a stack's pods run; the federation's own namespace comes first.

    Args:
        loaded: the stack.
        programs: text of each program, by its path in the plan.
    """
    settings, plan = loaded.stack.kubernetes, loaded.plan
    namespace = settings.namespace.name or plan.federation
    home = Place(settings.context, namespace, settings.namespace.create, plan.federation, settings)
    found: dict[tuple[str | None, str], Place] = {(home.context, namespace): home}

    def at(region: str | None) -> Place:
        cluster = settings.clusters.get(region) if region is not None else None
        if cluster is None:
            return home
        key = (cluster.context, cluster.namespace or namespace)
        return found.setdefault(key, Place(*key, cluster.create_namespace, plan.federation, settings))

    share = settings.resources.broker
    for broker in plan.brokers:
        pod = _pod(settings, broker.name or BROKER, BROKER, broker.region, share=share, beside=HELPER)
        at(broker.region).pods.append(pod)
    for worker in plan.workers:
        place = at(worker.region)
        place.pods.append(_worker(settings, worker, programs))
        place.claims.update({worker.claim} if worker.claim is not None else ())
    return list(found.values())


def _worker(settings: Kubernetes, worker: PlannedWorker, programs: Mapping[str, str]) -> WantedPod:
    role = "trainer" if worker.spec.dataset is not None else "aggregator"
    keras = uses_keras(programs.get(worker.spec.program or "", ""))
    share: Share = getattr(settings.resources, role).within(worker.limits)
    return _pod(settings, worker.spec.worker, role, worker.region, share=share, keras=keras)


def _pod(
    settings: Kubernetes,
    name: str,
    role: str,
    region: str | None,
    *,
    share: Share,
    beside: Share | None = None,
    keras: bool = False,
) -> WantedPod:
    shares = [share, beside] if beside is not None else [share]
    return WantedPod(
        name=name,
        role=role,
        region=region,
        selector=settings.node_selector(region),
        tolerations=settings.tolerations(region),
        image=getattr(settings.images, role),
        cpu=sum((amount(one.requests.cpu) for one in shares), Decimal(0)),
        memory=sum((amount(one.requests.memory) for one in shares), Decimal(0)),
        cpu_limit=sum((amount(one.limits.cpu) for one in shares), Decimal(0)),
        memory_limit=amount(share.limits.memory),
        least=amount(LEAST_KERAS_MEMORY if keras else LEAST_MEMORY[role]),
    )


def uses_keras(program: str) -> bool:
    """Whether a program imports Keras or TensorFlow, anywhere in it."""
    try:
        tree = ast.parse(program)
    except (SyntaxError, ValueError):
        return False
    names = set()
    for statement in ast.walk(tree):
        if isinstance(statement, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom) and statement.module is not None and statement.level == 0:
            names.add(statement.module.partition(".")[0])
    return bool(names & {"keras", "tensorflow"})
