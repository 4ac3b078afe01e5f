"""A recording Pulumi engine, and the stacks of this repository as programs for it."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks

from components.federation import Federation, FederationArgs
from components.settings import federation_args
from tag.kubernetes import Kubernetes
from tag.load import load_stack

SECRET = "9f1c5a3e7b2d4860a1c3e5f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b"  # noqa: S105  of tests only

ROOT = Path(__file__).resolve().parents[2]


def _whole(value: Any) -> Any:
    """Mocks give numbers as floats."""
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Engine(Mocks):
    """Records what a program registers; answers each resource with its inputs."""

    def __init__(self) -> None:
        self.registered: list[MockResourceArgs] = []
        self.secret_paths: set[str] = set()

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        args.inputs = _whole(args.inputs)
        self.registered.append(args)
        return f"{args.name}-id", args.inputs

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], None]:
        raise AssertionError(f"unexpected provider call {args.token}")

    def of_type(self, kind: str) -> list[MockResourceArgs]:
        return [r for r in self.registered if r.typ.rpartition(":")[2] == kind]

    @property
    def objects(self) -> dict[str, dict[str, Any]]:
        """The Kubernetes objects by `Kind/name`, in order of their names."""
        found = {
            f"{r.typ.rpartition(':')[2]}/{r.inputs['metadata']['name']}": r.inputs
            for r in self.registered
            if r.typ.startswith("kubernetes:") and "metadata" in r.inputs
        }
        return dict(sorted(found.items()))

    def pods(self) -> dict[str, dict[str, Any]]:
        """The pod templates by the name of their Deployment."""
        deployments = self.of_type("Deployment")
        return {d.inputs["metadata"]["name"]: d.inputs["spec"]["template"] for d in deployments}


Build = Callable[[Callable[[], object]], Engine]


@pytest.fixture
def build() -> Build:
    """Run a program against a fresh engine, and return it once all is registered."""

    def _build(program: Callable[[], object]) -> Engine:
        engine = Engine()
        pulumi.runtime.set_mocks(engine, project="fedtag", stack="test", preview=False)

        @pulumi.runtime.test
        def run() -> None:
            program()

        run()
        return engine

    return _build


@pytest.fixture
def settings() -> Callable[..., FederationArgs]:
    """What a stack's federation is made from, with changes to its kubernetes block."""

    def _settings(stack: str | Path = "eu-us-asia", **kubernetes: Any) -> FederationArgs:
        args = federation_args(load_stack(stack), SECRET, encrypted=True)
        given = args.kubernetes.model_dump(exclude_unset=True, by_alias=True) | kubernetes
        return dataclasses.replace(args, kubernetes=Kubernetes.model_validate(given))

    return _settings


@pytest.fixture
def deploy(build: Build) -> Callable[[FederationArgs], Engine]:
    """The engine after a federation has been registered."""

    def _deploy(args: FederationArgs) -> Engine:
        return build(lambda: Federation(args.plan.federation, args))

    return _deploy
