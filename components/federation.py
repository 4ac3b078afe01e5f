"""A running plan: the only component that sees all others."""

import dataclasses
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components import address, brokers, clusters, pki
from components.aggregators import Aggregators, AggregatorsArgs
from components.context import Context
from components.roster import roster
from components.trainers import Trainers, TrainersArgs
from tag import summary
from tag.kubernetes import Kubernetes
from tag.plan import Plan, PlannedWorker
from tag.topics import OPERATOR


@dataclass(frozen=True, kw_only=True)
class FederationArgs:
    """What a federation is made from.

    Attributes:
        plan: all its workers.
        kubernetes: how they stand on a cluster.
        secret: of the stack; None only where the broker is open.
        programs: text of each program, by its path in the plan.
        providers: of other clusters, by context.
    """

    plan: Plan
    kubernetes: Kubernetes
    secret: pki.Secret | None
    programs: Mapping[str, str]
    providers: Mapping[str, pulumi.ProviderResource] = dataclasses.field(default_factory=dict)


class Federation(pulumi.ComponentResource):
    """The brokers and the workers of a plan in their regions, and what keeps others out."""

    namespace: pulumi.Output[str]
    """Namespace of the federation's own cluster."""

    service: pulumi.Output[str]
    """Name of the Service of the federation's broker there; empty where every channel names another."""

    broker_address: pulumi.Output[str]
    """HOST:PORT of that broker: from outside if it has an outer address, else within the cluster."""

    brokers: pulumi.Output[dict[str, dict[str, object]]]
    """Those that channels name: kubeconfig `context`, `namespace`, `service`, and `address` within their cluster."""

    workers: pulumi.Output[dict[str, list[str]]]
    """Ids of the workers by group."""

    tag: pulumi.Output[dict[str, str]]
    """The plan in a few lines."""

    operator: pulumi.Output[dict[str, str]]
    """Secret: `ca`, `certificate` and `key` of `watch` and `result`; empty where the broker is open."""

    def __init__(self, name: str, args: FederationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("fedtag:index:Federation", name, {"federation": args.plan.federation}, opts)
        authority = _authority(args)
        home = clusters.home(self, args.plan, args.kubernetes, authority, args.programs)
        bare = clusters.by_region(self, args.plan, home, args.providers)
        made = brokers.make(self, args.plan, bare)
        contexts = brokers.with_ways(args.plan, bare, made)
        rosters = self._aggregators(contexts, args.plan)
        self._trainers(contexts, args.plan, rosters)

        self.namespace = pulumi.Output.from_input(home.namespace)
        self.service = made[""].service if "" in made else pulumi.Output.from_input("")
        self.broker_address = pulumi.Output.from_input(_reached(args) if "" in made else "")
        self.brokers = brokers.places(args.plan, bare, made)
        self.workers = pulumi.Output.from_input(summary.workers_by_group(args.plan))
        self.tag = pulumi.Output.from_input(summary.tag_summary(args.plan))
        self.operator = _operator(authority)
        self.register_outputs(self.outputs)

    @property
    def outputs(self) -> dict[str, pulumi.Output[object]]:
        """What a stack exports, by name."""
        return {
            "namespace": self.namespace,
            "service": self.service,
            "brokerAddress": self.broker_address,
            "brokers": self.brokers,
            "workers": self.workers,
            "tag": self.tag,
            "operator": self.operator,
        }

    def _options(self, context: Context) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, provider=context.provider)

    def _aggregators(self, contexts: Mapping[str | None, Context], plan: Plan) -> dict[str, pulumi.Output[str]]:
        """Make the aggregators of each place; gives the names of their rosters, by place."""
        rosters: dict[str, pulumi.Output[str]] = {}
        by_place: dict[str, list[PlannedWorker]] = defaultdict(list)
        for planned in plan.aggregators:
            by_place[contexts[planned.region].place].append(planned)
        for place, workers in sorted(by_place.items()):
            context = contexts[workers[0].region]
            args = AggregatorsArgs(context=context, workers=workers, rosters=plan.rosters)
            name = context.resource_name(f"{plan.federation}-aggregators")
            rosters[place] = Aggregators(name, args, self._options(context)).roster
        return rosters

    def _trainers(
        self, contexts: Mapping[str | None, Context], plan: Plan, rosters: dict[str, pulumi.Output[str]]
    ) -> None:
        """Make the trainers of each region; members of rings lead, and read the roster of their place."""
        by_region: dict[str | None, list[PlannedWorker]] = defaultdict(list)
        for planned in plan.trainers:
            by_region[planned.region].append(planned)
        for region, workers in sorted(by_region.items(), key=lambda item: item[0] or ""):
            context = contexts[region]
            name = f"{plan.federation}-trainers-{region}" if region else f"{plan.federation}-trainers"
            if context.place not in rosters and any(planned.spec.run is not None for planned in workers):
                rosters[context.place] = roster(context, plan.rosters, self)
            made = TrainersArgs(context=context, workers=workers, roster=rosters.get(context.place))
            Trainers(name, made, self._options(context))


def _authority(args: FederationArgs) -> pki.Authority | None:
    if not args.kubernetes.tls.enabled:
        return None
    if args.secret is None:
        raise pki.SecretError("a federation with tls.enabled derives its keys from a secret, which is missing; pass it")
    return pki.Authority(args.secret, args.plan.federation, args.kubernetes.tls.rotation)


def _reached(args: FederationArgs) -> str:
    encrypted = args.kubernetes.tls.enabled
    if args.kubernetes.broker_address is not None:
        return address.endpoint(args.kubernetes.broker_address, encrypted=encrypted).address
    namespace = clusters.namespace_name(args.plan, args.kubernetes)
    return address.inner_endpoint(args.plan.federation, namespace, encrypted=encrypted).address


def _operator(authority: pki.Authority | None) -> pulumi.Output[dict[str, str]]:
    if authority is None:
        return pulumi.Output.from_input({})
    identity = authority.client(OPERATOR)
    files = {"ca": pki.worker_trust(authority), "certificate": identity.certificate, "key": identity.key}
    return pulumi.Output.secret(files)
