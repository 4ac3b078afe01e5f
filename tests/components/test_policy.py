"""The policy pack's rules on the objects that the stacks really register."""

import dataclasses
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PACK = Path(__file__).resolve().parents[2] / "policy"
RULES = ("limits", "no_root", "closed_broker", "pinned_images", "residency")
PINNED = {name: f"registry.example.com/{name}:1@sha256:{'0' * 64}" for name in ("trainer", "aggregator", "broker")}


@pytest.fixture
def breaches(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], dict[str, list[str]]]:
    """What the rules find, by rule; the pack itself needs another protobuf, its rules need nothing."""
    monkeypatch.syspath_prepend(str(PACK))
    rules = importlib.import_module("rules")

    def _breaches(engine: Any) -> dict[str, list[str]]:
        found = {name: [s for r in engine.registered for s in getattr(rules, name)(r.typ, r.inputs)] for name in RULES}
        return {name: sentences for name, sentences in found.items() if sentences}

    return _breaches


@pytest.mark.parametrize("stack", ["eu-us-asia", "dev", "medmnist", "digits"])
def test_every_stack_keeps_every_rule(
    stack: str, deploy: Callable[..., Any], settings: Callable[..., Any], breaches: Callable[..., Any]
) -> None:
    assert breaches(deploy(settings(stack))) == {}


def test_a_production_stack_keeps_them_once_its_images_are_pinned(
    deploy: Callable[..., Any], settings: Callable[..., Any], breaches: Callable[..., Any]
) -> None:
    assert set(breaches(deploy(settings("eu-us-asia", production=True)))) == {"pinned_images"}
    assert breaches(deploy(settings("eu-us-asia", production=True, images=PINNED))) == {}


def test_resident_data_needs_a_region_that_binds_its_pods(
    deploy: Callable[..., Any],
    settings: Callable[..., Any],
    variant: Callable[..., Path],
    breaches: Callable[..., Any],
) -> None:
    path = variant({"uri: mnist:1/3": "uri: mnist:1/3\n          residency: eu"})

    assert breaches(deploy(settings(path))) == {}
    assert set(breaches(deploy(settings(path, nodeLabel=None)))) == {"residency"}


def test_an_open_broker_that_calls_itself_production_is_a_breach(
    deploy: Callable[..., Any], settings: Callable[..., Any], breaches: Callable[..., Any]
) -> None:
    """The stack file's model refuses it first; the pack does not rely on that."""
    args = settings("eu-us-asia", images=PINNED, tls={"enabled": False})
    production = args.kubernetes.model_copy(update={"production": True})

    assert set(breaches(deploy(dataclasses.replace(args, kubernetes=production)))) == {"closed_broker"}
