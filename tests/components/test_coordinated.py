"""A coordinated federation on a cluster: its aggregators work side by side, and none stands by for another."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tag.load import load_stack

MIDDLES = {f"coordinated-middle-aggregator-{group}-{index}" for group in ("eu", "us") for index in (0, 1)}


@pytest.fixture
def engine(deploy: Callable[..., Any], settings: Callable[..., Any]) -> Any:
    return deploy(settings("coordinated"))


def test_every_worker_has_a_pod_of_its_own(engine: Any) -> None:
    workers = {f"coordinated-{worker.spec.worker}" for worker in load_stack("coordinated").plan.workers}

    assert set(engine.pods()) == {*workers, "coordinated-broker"}
    assert workers > MIDDLES


def test_no_budget_holds_back_aggregators_who_all_have_work(engine: Any) -> None:
    assert engine.of_type("PodDisruptionBudget") == [], "a drain moves one like a trainer: it comes back and goes on"


def test_the_coordinator_has_the_roster_of_whom_it_pairs_and_the_seed_of_its_draws(engine: Any) -> None:
    roster = json.loads(engine.objects["ConfigMap/coordinated-roster"]["data"]["roster.json"])
    (config,) = [o for name, o in engine.objects.items() if name.startswith("ConfigMap/coordinated-coordinator-")]
    pod = engine.pods()["coordinated-coordinator-default-0"]["spec"]

    assert roster["trainer-coord-channel"] == {"default": [f"mnist-{k}" for k in range(1, 7)]}
    assert roster["middle-coord-channel"] == {"default": sorted(name.removeprefix("coordinated-") for name in MIDDLES)}
    assert "top-coord-channel" not in roster, "the root is not paired"
    assert json.loads(config["data"]["spec.json"])["seed"] == 1
    assert "--roster" in pod["containers"][0]["args"]
