"""`pulumi up`: configuration → plan → providers → federation → outputs."""

import dataclasses
from pathlib import Path

import pulumi
from pulumi.runtime.config import is_config_secret

from components.federation import Federation
from components.pki import SecretError
from components.providers import cluster_provider, outer_providers
from components.settings import federation_args
from tag.deployable import DeploymentError
from tag.faults import TagError
from tag.load import load_stack

stack, config = pulumi.get_stack(), pulumi.Config("fedtag")
try:
    loaded = load_stack(Path(__file__).parent / "stacks" / f"Pulumi.{stack}.yaml")
    args = federation_args(loaded, config.get("secret"), encrypted=is_config_secret("fedtag:secret"))
except (TagError, SecretError, DeploymentError) as error:
    raise pulumi.RunError(str(error)) from None

for found in loaded.warnings:
    tell = pulumi.log.info if found.severity == "note" else pulumi.log.warn
    tell(str(found))
settings = loaded.stack.kubernetes
federation = Federation(
    loaded.plan.federation,
    dataclasses.replace(args, providers=outer_providers(settings)),
    pulumi.ResourceOptions(provider=cluster_provider("kubernetes", settings.context)),
)
pulumi.export("federation", loaded.plan.federation)
pulumi.export("context", settings.context)
for name, value in federation.outputs.items():
    pulumi.export(name, value)
