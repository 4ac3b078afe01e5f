"""A loaded stack and its secret as what a federation is made from. Reads program files; makes no objects."""

from components import pki
from components.federation import FederationArgs
from tag.deployable import DeploymentError, obstacles, program_texts
from tag.load import Loaded


def federation_args(loaded: Loaded, secret: str | None, *, encrypted: bool) -> FederationArgs:
    """What the stack's federation is made from, without the providers of other clusters.

    Args:
        loaded: the stack.
        secret: text of `fedtag:secret`, or None if it is not set.
        encrypted: whether the configuration keeps it encrypted.

    Raises:
        tag.deployable.DeploymentError: if the stack can't run in a cluster.
        components.pki.SecretError: if the secret is missing or weak.
    """
    programs = program_texts(loaded.plan)
    kubernetes = loaded.stack.kubernetes
    if found := obstacles(loaded.plan, programs, kubernetes):
        raise DeploymentError("\n".join(found))
    kept = pki.read_secret(secret, stack=loaded.name, encrypted=encrypted) if kubernetes.tls.enabled else None
    return FederationArgs(plan=loaded.plan, kubernetes=kubernetes, secret=kept, programs=programs)
