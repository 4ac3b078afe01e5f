"""The namespaces of a federation, in its own cluster and in others, and the context that each gives to its workers."""

import dataclasses
from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as k8s

from components.address import Endpoint, endpoint, inner_endpoint, own_port
from components.context import Context
from components.pki import Authority
from components.policies import Policies, PoliciesArgs
from tag.kubernetes import Cluster, Kubernetes
from tag.plan import Plan

POD_SECURITY = {
    f"pod-security.kubernetes.io/{mode}{version}": value
    for mode in ("enforce", "audit", "warn")
    for version, value in (("", "restricted"), ("-version", "latest"))
}
"""The standard that a namespace of ours enforces."""


def namespace_name(plan: Plan, settings: Kubernetes) -> str:
    """The name of the federation's own namespace."""
    return settings.namespace.name or plan.federation


def home(
    parent: pulumi.Resource,
    plan: Plan,
    settings: Kubernetes,
    authority: Authority | None,
    programs: Mapping[str, str],
) -> Context:
    """The namespace of the federation's broker, with its policies."""
    name = namespace_name(plan, settings)
    encrypted = authority is not None
    reached = inner_endpoint(plan.federation, name, encrypted=encrypted)
    context = Context(
        federation=plan.federation,
        model_channel=plan.model_channel,
        namespace=name,
        namespace_name=name,
        kubernetes=settings,
        broker_url=reached.url,
        authority=authority,
        programs=programs,
    )
    made = _namespace(parent, context, name, create=settings.namespace.create)
    context = dataclasses.replace(context, namespace=made)
    outside = settings.broker_service.type != "ClusterIP"
    args = PoliciesArgs(
        context=context,
        port=_port(plan, reached),
        broker_here=True,
        channel_port=_channel_port(plan, context),
        open_outside=outside,
    )
    Policies(f"{plan.federation}-policies", args, pulumi.ResourceOptions(parent=parent))
    return context


def by_region(
    parent: pulumi.Resource, plan: Plan, own: Context, providers: Mapping[str, pulumi.ProviderResource]
) -> dict[str | None, Context]:
    """The context of each region that has workers; regions of one outer namespace share theirs.

    Args:
        parent: of the objects in other clusters.
        plan: the workers.
        own: the context of regions that have no cluster of their own.
        providers: by the context of a kubeconfig.
    """
    contexts: dict[str | None, Context] = {None: own}
    places: dict[tuple[str, str], Context] = {}
    for region in sorted({worker.region for worker in plan.workers if worker.region is not None}):
        cluster = own.kubernetes.clusters.get(region)
        if cluster is None:
            contexts[region] = own
            continue
        key = (cluster.context, cluster.namespace or namespace_name(plan, own.kubernetes))
        if key not in places:
            away = dataclasses.replace(own, place=region, provider=providers[cluster.context])
            places[key] = _away(parent, away, plan, cluster, key[1])
        contexts[region] = places[key]
    return contexts


def _away(parent: pulumi.Resource, context: Context, plan: Plan, cluster: Cluster, name: str) -> Context:
    reached = _outer_endpoint(context, cluster)
    made = _namespace(parent, context, name, create=cluster.create_namespace)
    context = dataclasses.replace(context, namespace=made, namespace_name=name, broker_url=reached.url)
    port, channel_port = _port(plan, reached), _channel_port(plan, context)
    args = PoliciesArgs(context=context, port=port, broker_here=False, channel_port=channel_port)
    options = pulumi.ResourceOptions(parent=parent, provider=context.provider)
    Policies(context.resource_name(f"{context.federation}-policies"), args, options)
    return context


def _port(plan: Plan, reached: Endpoint) -> int | None:
    """The port of the federation's broker, if any channel goes through it."""
    return None if all(broker.name for broker in plan.brokers) else reached.port


def _channel_port(plan: Plan, context: Context) -> int | None:
    """The port of the brokers that channels name, if any of them runs in the context's cluster."""
    clusters = context.kubernetes.clusters
    here = clusters.get(context.place)
    homes = [clusters.get(broker.region or "") for broker in plan.brokers if broker.name]
    return own_port(encrypted=context.authority is not None) if here in homes else None


def _outer_endpoint(own: Context, cluster: Cluster) -> Endpoint:
    address = cluster.broker_address or own.kubernetes.broker_address
    if address is None:
        raise ValueError(
            f"cluster {cluster.context!r} has no way to the broker; give kubernetes.brokerAddress: HOST:PORT"
        )
    return endpoint(address, encrypted=own.authority is not None)


def _namespace(parent: pulumi.Resource, context: Context, name: str, *, create: bool) -> pulumi.Input[str]:
    if not create:
        return name
    options = context.child(parent)
    options.provider = context.provider
    namespace = k8s.core.v1.Namespace(
        context.resource_name(name),
        metadata={"name": name, "labels": context.labels("federation") | POD_SECURITY},
        opts=options,
    )
    return namespace.metadata.name
