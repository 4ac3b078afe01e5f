"""A loaded stack and its secret as what a federation is made from. Reads program files; makes no objects."""

from pathlib import Path

from components import pki
from components.federation import FederationArgs
from tag.deployable import obstacles
from tag.load import Loaded
from tag.plan import Plan


class DeploymentError(ValueError):
    """The stack runs on one machine only; its text has one obstacle a line."""


def read_programs(plan: Plan) -> dict[str, str]:
    """The text of each program of a plan, by its path there.

    Raises:
        DeploymentError: if a file is no text.
    """
    paths = sorted({worker.spec.program for worker in plan.workers if worker.spec.program is not None})
    try:
        return {path: Path(path).read_text(encoding="utf-8") for path in paths}
    except (OSError, UnicodeDecodeError) as error:
        raise DeploymentError(f"a program can't be read: {error}; name a Python file in UTF-8") from error


def federation_args(loaded: Loaded, secret: str | None, *, encrypted: bool) -> FederationArgs:
    """What the stack's federation is made from, without the providers of other clusters.

    Args:
        loaded: the stack.
        secret: text of `fedtag:secret`, or None if it is not set.
        encrypted: whether the configuration keeps it encrypted.

    Raises:
        DeploymentError: if the stack can't run in a cluster.
        components.pki.SecretError: if the secret is missing or weak.
    """
    programs = read_programs(loaded.plan)
    found = obstacles(loaded.plan, programs)
    if found:
        raise DeploymentError("\n".join(found))
    kubernetes = loaded.stack.kubernetes
    kept = pki.read_secret(secret, stack=loaded.name, encrypted=encrypted) if kubernetes.tls.enabled else None
    return FederationArgs(plan=loaded.plan, kubernetes=kubernetes, secret=kept, programs=programs)
