"""The roster: who is expected, for those who lead. It changes in place, so who joins or leaves restarts nobody."""

import json
from collections.abc import Mapping, Sequence

import pulumi
import pulumi_kubernetes as k8s

from components.context import Context
from components.names import object_name

Rosters = Mapping[str, Mapping[str, Sequence[str]]]
"""Logical senders that a round waits for, by channel and group."""


def roster(context: Context, rosters: Rosters, parent: pulumi.Resource) -> pulumi.Output[str]:
    """The name of a ConfigMap with the roster, in a cluster's namespace."""
    name = object_name(context.federation, "roster")
    config = k8s.core.v1.ConfigMap(
        context.resource_name(name),
        metadata={"name": name, "namespace": context.namespace, "labels": context.labels("federation")},
        data={"roster.json": json.dumps(rosters, sort_keys=True)},
        opts=context.child(parent),
    )
    return config.metadata.name
