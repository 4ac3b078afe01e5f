"""Who may talk to whom in one namespace: nobody, but workers to the brokers and to name servers."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components.context import Context
from components.names import INSTANCE, Kind, object_name, selector

DNS_PORT = 53


@dataclass(frozen=True, kw_only=True)
class PoliciesArgs:
    """What network policies are made from.

    Attributes:
        context: of the cluster.
        port: of the federation's broker, as the pods of this cluster reach it; None if there is no such broker.
        broker_here: whether it runs in this cluster.
        channel_port: of the brokers that channels name, where any run in this cluster; else None.
        open_outside: whether the federation's broker is reached from outside of the cluster.
    """

    context: Context
    port: int | None
    broker_here: bool
    channel_port: int | None = None
    open_outside: bool = False


class Policies(pulumi.ComponentResource):
    """The network policies of a federation in one namespace; other pods there are left alone."""

    names: pulumi.Output[list[str]]
    """Names of the NetworkPolicies."""

    def __init__(self, name: str, args: PoliciesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("fedtag:index:Policies", name, {"port": args.port}, opts)
        self._context = args.context
        federation = args.context.federation
        everyone = {INSTANCE: selector(federation, "worker")[INSTANCE]}
        made = [
            self._policy("default-deny", {"pod_selector": {"match_labels": everyone}}, ["Ingress", "Egress"]),
            self._policy("workers", self._workers(args), ["Egress"]),
        ]
        if args.broker_here and args.port is not None:
            made.append(
                self._policy("broker", self._broker("broker", args.port, everyone=args.open_outside), ["Ingress"])
            )
        if args.channel_port is not None:
            made.append(self._policy("channel-brokers", self._broker("channel-broker", args.channel_port), ["Ingress"]))
        self.names = pulumi.Output.all(*(policy.metadata.name for policy in made)).apply(list)
        self.register_outputs({"names": self.names})

    def _policy(
        self, part: str, spec: k8s.networking.v1.NetworkPolicySpecArgsDict, types: Sequence[str]
    ) -> k8s.networking.v1.NetworkPolicy:
        name = object_name(self._context.federation, part)
        labels = self._context.labels("federation")
        return k8s.networking.v1.NetworkPolicy(
            self._context.resource_name(name),
            metadata={"name": name, "namespace": self._context.namespace, "labels": labels},
            spec={**spec, "policy_types": types},
            opts=self._context.child(self),
        )

    def _workers(self, args: PoliciesArgs) -> k8s.networking.v1.NetworkPolicySpecArgsDict:
        names: k8s.networking.v1.NetworkPolicyEgressRuleArgsDict = {
            "ports": [{"port": DNS_PORT, "protocol": "UDP"}, {"port": DNS_PORT, "protocol": "TCP"}]
        }
        brokers: list[k8s.networking.v1.NetworkPolicyEgressRuleArgsDict] = []
        if args.port is not None:
            brokers.append(self._to("broker" if args.broker_here else None, args.port))
        if args.channel_port is not None:
            brokers.append(self._to("channel-broker", args.channel_port))
        workers = selector(self._context.federation, "worker")
        return {"pod_selector": {"match_labels": workers}, "egress": [*brokers, names]}

    def _to(self, kind: Kind | None, port: int) -> k8s.networking.v1.NetworkPolicyEgressRuleArgsDict:
        """Leave to call a port of these pods, or of anybody."""
        rule: k8s.networking.v1.NetworkPolicyEgressRuleArgsDict = {"ports": [{"port": port, "protocol": "TCP"}]}
        if kind is not None:
            rule["to"] = [{"pod_selector": {"match_labels": selector(self._context.federation, kind)}}]
        return rule

    def _broker(self, kind: Kind, port: int, *, everyone: bool = False) -> k8s.networking.v1.NetworkPolicySpecArgsDict:
        rule: k8s.networking.v1.NetworkPolicyIngressRuleArgsDict = {"ports": [{"port": port, "protocol": "TCP"}]}
        if not everyone:
            workers = selector(self._context.federation, "worker")
            rule["from_"] = [{"pod_selector": {"match_labels": workers}}]
        return {
            "pod_selector": {"match_labels": selector(self._context.federation, kind)},
            "ingress": [rule],
        }
