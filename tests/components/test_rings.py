"""A ring on a cluster: its members lead, so they have the roster; they keep no checkpoints."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cli.__main__ import main


def test_members_of_a_ring_read_one_roster_and_keep_no_checkpoints(
    deploy: Callable[..., Any], settings: Callable[..., Any]
) -> None:
    engine = deploy(settings("ring"))

    (roster,) = (r for r in engine.of_type("ConfigMap") if "roster.json" in r.inputs["data"])
    pods = [
        r.inputs["spec"]["template"]["spec"]
        for r in engine.of_type("Deployment")
        if "trainer" in r.inputs["metadata"]["name"]
    ]

    assert json.loads(roster.inputs["data"]["roster.json"]) == {
        "ring-channel": {"default": ["mnist-asia", "mnist-eu", "mnist-us"]}
    }
    assert len(pods) == 3
    for pod in pods:
        (container,) = pod["containers"]
        assert "--roster" in container["args"]
        assert "--state" not in container["args"]
        assert {"config", "roster", "tmp"} <= {volume["name"] for volume in pod["volumes"]}
        assert "state" not in {volume["name"] for volume in pod["volumes"]}
    assert sorted(pod["nodeSelector"]["topology.kubernetes.io/region"] for pod in pods) == ["asia", "eu", "us"]


def test_rings_under_an_aggregator_share_its_roster(
    deploy: Callable[..., Any], settings: Callable[..., Any], tmp_path: Path
) -> None:
    assert main(["new", "hybrid", "--groups", "eu,us", "--name", "mixed", "--out", str(tmp_path)]) == 0
    engine = deploy(settings(tmp_path / "Pulumi.mixed.yaml"))

    rosters = [r.inputs["metadata"]["name"] for r in engine.of_type("ConfigMap") if "roster.json" in r.inputs["data"]]
    pods = [r.inputs["spec"]["template"]["spec"] for r in engine.of_type("Deployment")]
    read = [v["configMap"]["name"] for pod in pods for v in pod["volumes"] if v["name"] == "roster"]

    assert len(rosters) == 1
    assert read == rosters * 5, "four members of rings, and the aggregator"
