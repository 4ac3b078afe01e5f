"""All brokers of a plan, each in the cluster of its region, and the ways of workers to them."""

import dataclasses
from collections.abc import Mapping

import pulumi

from components import access, address
from components.broker import Broker, BrokerArgs
from components.context import Context, Way
from tag.plan import Plan, PlannedBroker

Contexts = Mapping[str | None, Context]
"""By region."""


def make(parent: pulumi.Resource, plan: Plan, contexts: Contexts) -> dict[str, Broker]:
    """The brokers of a plan, by name.

    Args:
        parent: of all.
        plan: whose channels name them.
        contexts: of the regions; that of None is the federation's own.
    """
    return {broker.name: _broker(parent, plan, broker, _home(broker, contexts)) for broker in plan.brokers}


def _home(broker: PlannedBroker, contexts: Contexts) -> Context:
    return contexts[broker.region if broker.name else None]


def _broker(parent: pulumi.Resource, plan: Plan, broker: PlannedBroker, home: Context) -> Broker:
    outer = () if broker.name else address.outer_addresses(home.kubernetes)
    args = BrokerArgs(
        context=home,
        broker=broker.name,
        region=broker.region,
        names=address.certificate_names(plan.federation, home.namespace_name, outer, broker.name),
        rules=access.access_list(plan, broker.name),
    )
    name = f"{plan.federation}-{broker.name or 'broker'}"
    return Broker(name, args, pulumi.ResourceOptions(parent=parent, provider=home.provider))


def with_ways(plan: Plan, contexts: Contexts, made: Mapping[str, Broker]) -> dict[str | None, Context]:
    """The contexts with the ways of their workers to the brokers; one that a channel names serves its own cluster."""
    return {region: dataclasses.replace(own, ways=_ways(plan, own, contexts, made)) for region, own in contexts.items()}


def _ways(plan: Plan, own: Context, contexts: Contexts, made: Mapping[str, Broker]) -> dict[str, Way]:
    found: dict[str, Way] = {}
    for broker in plan.brokers:
        if not broker.name:
            found[broker.name] = Way(own.broker_url, made[broker.name].deployment)
        elif _home(broker, contexts).place == own.place:
            found[broker.name] = Way(inner(own, broker.name).url, made[broker.name].deployment)
    return found


def inner(context: Context, broker: str) -> address.Endpoint:
    """A broker as pods of its own cluster reach it."""
    encrypted = context.authority is not None
    return address.inner_endpoint(context.federation, context.namespace_name, broker, encrypted=encrypted)


def places(plan: Plan, contexts: Contexts, made: Mapping[str, Broker]) -> pulumi.Output[dict[str, dict[str, object]]]:
    """Where the brokers are that channels name, by name, as a stack's output."""
    found: dict[str, dict[str, object]] = {}
    for broker in plan.brokers:
        if broker.name:
            home = _home(broker, contexts)
            settings = home.kubernetes
            away = settings.clusters[home.place].context if home.place else settings.context
            found[broker.name] = {
                "context": away,
                "namespace": home.namespace,
                "service": made[broker.name].service,
                "address": inner(home, broker.name).address,
            }
    return pulumi.Output.from_input(found)
