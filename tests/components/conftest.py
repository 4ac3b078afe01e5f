"""A recording Pulumi engine, and the stacks of this repository as programs for it."""

import asyncio
import dataclasses
import tempfile
from collections.abc import Callable, Mapping
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


SECRET_MARK = "4dabf18193072939515e22adb298388d"  # noqa: S105  the key by which Pulumi marks a secret on the wire


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

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        args.inputs = _whole(args.inputs)
        self.registered.append(args)
        return f"{args.name}-id", args.inputs

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], None]:
        raise AssertionError(f"unexpected provider call {args.token}")

    def text_of_secret(self, name: str, key: str) -> str:
        """The text of one entry of a Secret, which the program must have marked as secret."""
        data = self.objects[f"Secret/{name}"]["stringData"]
        assert SECRET_MARK in data, f"{name} would stand in clear in the state"
        return str(data["value"][key])

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


@pytest.fixture(scope="session", autouse=True)
def _loop() -> None:
    """An event loop, as `pulumi up` has one: Pulumi's futures want it, and Python 3.12 makes none for them.

    It ends with the process: its threads have loops of their own, made by Pulumi's mocks, which nobody closes.
    """
    asyncio.set_event_loop(asyncio.new_event_loop())


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


@pytest.fixture
def variant(tmp_path: Path) -> Callable[..., Path]:
    """A copy of the stack eu-us-asia, with texts of its stack file and TAG replaced."""

    def _variant(stack: Mapping[str, str] | None = None, tag: Mapping[str, str] | None = None) -> Path:
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        path = _edited("stacks/Pulumi.eu-us-asia.yaml", folder, stack or {})
        _edited("stacks/tags/regions.yaml", folder, tag or {})
        _edited("worker/programs/mnist.py", folder, {})
        return path

    return _variant


def _edited(name: str, folder: Path, changes: Mapping[str, str]) -> Path:
    text = (ROOT / name).read_text(encoding="utf-8")
    for old, new in changes.items():
        assert text.count(old) == 1, f"{name} has {old!r} {text.count(old)} times, so this change means nothing"
        text = text.replace(old, new)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
