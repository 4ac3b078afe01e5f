"""The namespaces of a federation, in its own cluster and in others, and the context that each gives to its workers."""

import dataclasses
from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as k8s

from components.address import Endpoint, endpoint, inner_endpoint
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
    """The namespace of the broker, with its policies."""
    name = namespace_name(plan, settings)
    encrypted = authority is not None
    reached = inner_endpoint(plan.federation, name, encrypted=encrypted)
    context = Context(
        federation=plan.federation,
        model_channel=plan.model_channel,
        namespace=name,
        kubernetes=settings,
        broker_url=reached.url,
        authority=authority,
        programs=programs,
    )
    made = _namespace(parent, context, name, create=settings.namespace.create)
    context = dataclasses.replace(context, namespace=made)
    outside = settings.broker_service.type != "ClusterIP"
    args = PoliciesArgs(context=context, port=reached.port, broker_here=True, open_outside=outside)
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
            places[key] = _away(parent, away, cluster, key[1])
        contexts[region] = places[key]
    return contexts


def _away(parent: pulumi.Resource, context: Context, cluster: Cluster, name: str) -> Context:
    reached = _outer_endpoint(context, cluster)
    made = _namespace(parent, context, name, create=cluster.create_namespace)
    context = dataclasses.replace(context, namespace=made, broker_url=reached.url)
    args = PoliciesArgs(context=context, port=reached.port, broker_here=False)
    options = pulumi.ResourceOptions(parent=parent, provider=context.provider)
    Policies(context.resource_name(f"{context.federation}-policies"), args, options)
    return context


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
