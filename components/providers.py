"""Pulumi's connections to clusters. Made by the program only; components inherit them."""

import pulumi_kubernetes as k8s

from tag.kubernetes import Kubernetes


def cluster_provider(name: str, context: str | None) -> k8s.Provider:
    """The connection to the cluster of a kubeconfig's context; None is the current one.

    Secrets and the roster change in place, so that a new worker touches no other worker's objects.
    """
    return k8s.Provider(name, context=context, enable_config_map_mutable=True, enable_secret_mutable=True)


def outer_providers(settings: Kubernetes) -> dict[str, k8s.Provider]:
    """The connections to the clusters of single regions, by context."""
    contexts = sorted({cluster.context for cluster in settings.clusters.values()})
    return {context: cluster_provider(f"kubernetes-{context}", context) for context in contexts}
