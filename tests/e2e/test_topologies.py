"""Topologies other than the star on the cluster: each is deployed, trains, and ends with the star's model."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tag.load import load_stack
from tag.stack import FEDERATION
from tests.e2e.deployment import ROOT, Cluster, Project, until

TRAINED_S = 240
PROGRAM = "../worker/programs/softmax.py"
SMALL = {"program": PROGRAM, "rounds": 3, "learningRate": 0.05}
"""A linear model, so that this is a test of the topology and not of the machine."""


def _smaller(federation: Any) -> None:
    federation.update(SMALL)
    for entries in federation["datasets"].values():
        for entry in entries:
            part, _, parts = entry["uri"].removeprefix("mnist:").partition("/")
            entry["uri"] = f"mnist:{part}/{20 * int(parts)}"


def _star_of(project: Project, folder: Path) -> str:
    """The SHA-256 of the model of a star of the same datasets, trained on this machine."""
    loaded = load_stack(project.file)
    datasets = [w.spec.dataset for w in loaded.plan.trainers if w.spec.dataset is not None]
    federation = {
        **{field: getattr(loaded.stack, field) for field in ("rounds", "epochs", "seed")},
        "batchSize": loaded.stack.batch_size,
        "learningRate": loaded.stack.learning_rate,
        "tag": str(ROOT / "stacks" / "tags" / "regions.yaml"),
        "program": str(ROOT / "worker" / "programs" / "softmax.py"),
        "datasets": {
            "eu": [{"name": d.name, "uri": d.uri} for d in datasets[:2]],
            "us": [{"name": d.name, "uri": d.uri} for d in datasets[2:]],
        },
    }
    tag = folder / "star.yaml"
    text = (ROOT / "stacks" / "tags" / "regions.yaml").read_text().replace("[eu, us, asia]", "[eu, us]")
    tag.write_text(text)
    stack = folder / "Pulumi.star.yaml"
    with stack.open("w", encoding="utf-8") as out:
        YAML().dump({"config": {FEDERATION: federation | {"tag": str(tag)}}}, out)
    command = [sys.executable, "-m", "cli", "run", str(stack), "--json", "--runs", str(folder / "runs")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TRAINED_S, check=True)
    return str(json.loads(done.stdout.splitlines()[-1])["model"])


@pytest.mark.parametrize("stack", ["hierarchical", "ring"])
def test_a_topology_trains_on_the_cluster_and_ends_with_the_stars_model(
    prepared: Callable[..., Project], cluster: Cluster, tmp_path: Path, stack: str
) -> None:
    project = prepared(stack, change=_smaller)
    project.up()
    plan = project.loaded.plan
    workers = {worker.spec.worker for worker in plan.workers}
    brokers = {broker.name or "broker" for broker in plan.brokers}
    homes = {worker.spec.worker: worker.region for worker in plan.workers if worker.region is not None}
    homes |= {broker.name: broker.region for broker in plan.brokers if broker.region is not None}

    finished = until(lambda: cluster.told(project.namespace, "finished"), TRAINED_S, "training")
    ready = cluster.ready(project.namespace)
    model = finished[0]["model"]
    machines = cluster.regions(project.namespace)
    second = project.preview()
    project.destroy()

    assert ready == {*workers, *brokers}
    assert {name: machines[name] for name in homes} == homes
    assert model == _star_of(project, tmp_path)
    assert second == {}, "a second preview shows no change"
    assert not cluster.namespace_exists(project.namespace)
