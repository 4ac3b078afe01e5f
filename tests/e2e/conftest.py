"""Stacks of this project on the cluster of KUBECONFIG, ready to be deployed, and cleaned away at the end.

`make e2e` sets what these tests need: `pulumi` on PATH, a cluster with the images and the regions' labels, and
FEDTAG_E2E_BROKER where the cluster has another image of the broker than the default, FEDTAG_E2E_TAG for another tag of
the workers' images.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from kubernetes import client, config

from remote.needs.requirements import lacking
from tests.e2e.deployment import Cluster, Edit, Project

Deployed = Callable[..., Project]


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The cluster of KUBECONFIG's current context."""
    assert shutil.which("pulumi"), "pulumi is not on PATH; install it (docs/kubernetes.md says how)"
    try:
        config.load_kube_config()
        core = client.CoreV1Api()
        core.list_namespace(limit=1, _request_timeout=10)
    except (config.ConfigException, client.ApiException, OSError) as error:
        pytest.fail(f"no cluster answers: {error}; set KUBECONFIG to one, such as kind's")
    return Cluster(core)


@pytest.fixture(scope="module")
def prepared(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Makes a stack ready for `up`, in a namespace of its own or in one that is there; cleans up, come what may."""
    with ExitStack() as cleaning:

        def _prepared(stack: str, change: Edit | None = None, namespace: str | None = None) -> Project:
            project = Project(tmp_path_factory.mktemp("e2e"), stack, namespace)
            if change is not None:
                project.edit(change)
            lacks = "\n".join(map(str, lacking(project.loaded)))
            assert not lacks, f"the cluster lacks what the stack {stack} needs:\n{lacks}"
            project.begin()
            cleaning.callback(_clean, project, cluster)
            return project

        yield _prepared


@pytest.fixture(scope="module")
def project(prepared: Deployed) -> Project:
    """The stack eu-us-asia."""
    return prepared("eu-us-asia")


def _clean(project: Project, cluster: Cluster) -> None:
    """After a failure: Pulumi's way, and if that fails the namespace with all in it."""
    if not cluster.namespace_exists(project.namespace):
        return
    try:
        project.destroy()
    finally:
        if project.owns_namespace and cluster.namespace_exists(project.namespace):
            cluster.core.delete_namespace(project.namespace)
