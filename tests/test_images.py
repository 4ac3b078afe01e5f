"""`make images`: the command lines that it runs, told by stand-ins for the programs; and the cluster of kind.yaml."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tag.kubernetes import REGION_LABEL, Images
from tag.load import load_stack

ROOT = Path(__file__).resolve().parents[1]
MAKE = shutil.which("make") or ""
VERSION = Images().trainer.rpartition(":")[2]

pytestmark = pytest.mark.skipif(not MAKE, reason="there is no make")


@pytest.fixture
def stand_ins(tmp_path: Path) -> Path:
    """Programs that write down how they are called, and do nothing else; the one called `broken` fails."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("docker", "podman", "kind", "broken"):
        program = folder / name
        ending = "exit 1" if name == "broken" else "exit 0"
        program.write_text(f'#!/bin/sh\necho "{name} $*" >> "{tmp_path}/calls"\n{ending}\n')
        program.chmod(0o755)
    return folder


def _make(stand_ins: Path, *arguments: str) -> tuple[int, str, list[str]]:
    """Exit status, what it complained of, and the calls."""
    environment = os.environ | {"PATH": f"{stand_ins}:{os.environ['PATH']}"}
    environment.pop("MAKEFLAGS", None)
    done = subprocess.run(
        [MAKE, "-C", str(ROOT), "images", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    calls = stand_ins.parent / "calls"
    return done.returncode, done.stderr, calls.read_text().splitlines() if calls.exists() else []


def test_images_for_kind_are_built_and_loaded(stand_ins: Path) -> None:
    status, _, calls = _make(stand_ins, "IMAGES_TO=kind", "KIND_CLUSTER=mine")

    images = [f"localhost/fedtag-{target}:{VERSION}" for target in ("aggregator", "trainer")]
    assert status == 0
    assert calls == [
        f"docker build -f worker/Dockerfile --target aggregator -t {images[0]} .",
        f"kind load docker-image --name mine {images[0]}",
        f"docker build -f worker/Dockerfile --target trainer -t {images[1]} .",
        f"kind load docker-image --name mine {images[1]}",
    ]
    assert images == [Images().aggregator, Images().trainer], "a stack's defaults are the images that make builds"


def test_images_for_a_registry_are_built_and_pushed(stand_ins: Path) -> None:
    status, _, calls = _make(stand_ins, "IMAGES_TO=registry", "REGISTRY=example.com/us", "CONTAINERS=podman")

    assert status == 0
    assert [call.split()[0:2] for call in calls] == [["podman", "build"], ["podman", "push"]] * 2
    assert calls[1] == f"podman push example.com/us/fedtag-aggregator:{VERSION}"
    assert calls[2].endswith(f"--target trainer -t example.com/us/fedtag-trainer:{VERSION} .")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["IMAGES_TO=registry"], "make: IMAGES_TO=registry needs REGISTRY=host/folder"),
        (["IMAGES_TO=moon"], "make: IMAGES_TO='moon' is unknown; it is kind, registry or rig"),
    ],
)
def test_a_wrong_call_says_what_is_right_and_builds_nothing(
    stand_ins: Path, arguments: list[str], complaint: str
) -> None:
    status, said, calls = _make(stand_ins, *arguments)

    assert status == 2
    assert complaint in said.splitlines()
    assert calls == []


def test_an_image_that_can_not_be_built_is_not_loaded(stand_ins: Path) -> None:
    status, _, calls = _make(stand_ins, "IMAGES_TO=kind", "CONTAINERS=broken")

    assert status != 0
    assert len(calls) == 1


def test_the_cluster_of_kind_yaml_has_a_machine_for_each_region_of_the_example() -> None:
    cluster = YAML(typ="safe").load(ROOT / "tests" / "e2e" / "kind.yaml")
    labels = {machine["labels"][REGION_LABEL] for machine in cluster["nodes"] if machine["role"] == "worker"}

    assert labels == {worker.region for worker in load_stack("eu-us-asia").plan.trainers}
