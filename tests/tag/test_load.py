"""Stacks load with the plan that their files say, wherever they lie and whoever rewrote them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tag.faults import TagError
from tag.load import is_stack, load_stack, load_tag
from tag.settings import RunSettings, Split, TrainSettings

ROOT = Path(__file__).parents[2]
FLAME = ROOT / "tests" / "fixtures" / "flame"


def test_a_stack_becomes_its_plan(project: Any) -> None:
    loaded = project.load()

    regions = [(w.spec.worker, w.region) for w in loaded.plan.workers]
    assert regions == [
        ("aggregator-all-0", None),
        ("trainer-asia-tokyo", "asia"),
        ("trainer-eu-eu", "eu"),
        ("trainer-us-us", "us"),
    ]
    assert (loaded.name, loaded.plan.federation, loaded.inferred) == ("demo", "demo", ("trainer",))
    assert [w.spec.train.epochs for w in loaded.plan.trainers] == [2, 1, 1], "a dataset's own epochs are its own"


def test_defaults_are_the_plans(project: Any) -> None:
    project.edit(project.stack, "    rounds: 5\n    quorum: all\n", "")

    loaded = project.load()

    assert loaded.plan.aggregators[0].spec.run == RunSettings()
    assert loaded.plan.trainers[1].spec.train == TrainSettings()
    assert loaded.plan.trainers[1].spec.dataset.split == Split()


def test_the_plan_is_the_same_after_pulumi_has_rewritten_the_file(project: Any) -> None:
    """Pulumi quotes numbers and booleans, sorts keys and adds its own."""
    before = project.load().plan
    text = project.stack.read_text()
    text = re.sub(r": (\d+)$", r': "\1"', text, flags=re.MULTILINE)
    project.stack.write_text(f"secretsprovider: passphrase\n{text}")

    assert '"5"' in project.stack.read_text()
    assert project.load().plan == before


def test_a_region_named_no_is_a_text(project: Any) -> None:
    project.edit(project.tag, "[eu, us, asia]", "[no, us, asia]")
    project.edit(project.stack, "      eu:", "      no:")

    assert "no" in project.load().plan.rosters["param-channel"]


def test_relative_npz_paths_are_relative_to_the_stack_file(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    data = project.root / "stacks" / "eu.npz"
    data.touch()
    monkeypatch.chdir("/")
    project.edit(project.stack, "mnist:1/3", "npz:eu.npz#1/2")

    uris = [w.spec.dataset.uri for w in project.load().plan.trainers]

    assert uris[1] == f"npz:{data}#1/2"


def test_region_claim_and_residency_reach_the_plan(project: Any) -> None:
    project.edit(project.stack, "epochs: 2", "region: tokyo\n          residency: tokyo\n          claim: tokyo-data")

    worker = project.load().plan.trainers[0]

    assert (worker.region, worker.residency, worker.claim) == ("tokyo", "tokyo", "tokyo-data")


def test_a_role_may_have_its_own_program(project: Any) -> None:
    own = project.tag.parent / "judge.py"
    own.touch()
    project.edit(project.tag, "replica: 1", "program: judge.py")

    plan = project.load().plan

    assert plan.aggregators[0].spec.program == str(own)
    assert plan.trainers[0].spec.program == str(project.root / "programs" / "mine.py")


def test_a_placed_aggregator_runs_in_its_region(project: Any) -> None:
    project.edit(project.tag, "replica: 1", "placement: {region: eu}")

    assert project.load().plan.aggregators[0].region == "eu"


def test_a_stack_may_take_its_datasets_and_settings_from_a_flame_job(project: Any) -> None:
    text = project.stack.read_text()
    start, end = text.index("    datasets:"), text.index("encryptionsalt")
    project.stack.write_text(f"{text[:start]}    job: ../job\n{text[end:]}".replace("    rounds: 5\n", ""))
    job = project.root / "job"
    job.mkdir()
    for i, group in enumerate(("eu", "us", "asia"), 1):
        (job / f"dataset{i}.json").write_text(f'{{"name": "{group} data", "url": "mnist:{i}/3", "realm": "default"}}')
    (job / "dataSpec.json").write_text(
        '[{"role": "trainer", "datasetGroups": {"eu": ["dataset1"], "us": ["dataset2"], "asia": ["dataset3"]}}]'
    )
    (job / "modelSpec.json").write_text('{"hyperparameters": {"rounds": 7, "batchSize": "64", "mine": true}}')

    loaded = project.load()

    assert [w.spec.worker for w in loaded.plan.trainers] == [
        "trainer-asia-asia-data",
        "trainer-eu-eu-data",
        "trainer-us-us-data",
    ]
    assert (loaded.stack.rounds, loaded.stack.batch_size) == (7, 64)
    assert loaded.plan.aggregators[0].spec.run.rounds == 7


def test_a_flame_job_that_asks_for_what_can_not_run_says_so(project: Any) -> None:
    text = project.stack.read_text()
    start, end = text.index("    datasets:"), text.index("encryptionsalt")
    job = shutil.copytree(FLAME / "mnist", project.root / "mnist")
    (job / "modelSpec.json").write_text('{"selector": {"sort": "oort"}}')
    project.stack.write_text(f"{text[:start]}    job: {job}\n{text[end:]}")

    faults = {(f.code, f.subject) for f in project.faults() if f.severity == "error"}

    assert faults == {("T049", "selector"), ("T036", "dataset 'mnist-dataset'")}


def test_an_unknown_stack_lists_the_known_ones(project: Any) -> None:
    with pytest.raises(TagError, match=r"T048 stack 'dmo': .*did you mean 'demo'.* are 'demo'"):
        load_stack("dmo", folder=project.stack.parent)

    assert load_stack("demo", folder=project.stack.parent).name == "demo"


def test_a_tag_loads_alone(project: Any) -> None:
    loaded = load_tag(project.tag)

    trainer = loaded.tag.role("trainer")
    assert trainer is not None
    assert [e["param-channel"] for e in trainer.group_association] == ["asia", "eu", "us"]


def test_names_and_stack_files_are_stacks_and_other_paths_are_tags() -> None:
    targets = ["eu-us-asia", "stacks/Pulumi.dev.yaml", "tags/regions.yaml", "schema.json", Path("x/Pulumi.a.yaml")]

    assert [is_stack(t) for t in targets] == [True, True, False, False, True]


@pytest.mark.parametrize("path", sorted((ROOT / "stacks").glob("Pulumi.*.yaml")), ids=lambda p: p.name)
def test_the_stacks_of_this_project_load_without_warnings(path: Path) -> None:
    loaded = load_stack(path)

    assert [told.code for told in loaded.warnings if told.severity != "note"] == []
    assert len(loaded.plan.trainers) >= 1


def test_loading_imports_neither_pulumi_nor_keras_nor_mqtt() -> None:
    code = "import sys, tag.load; tag.load.load_stack('eu-us-asia'); print(*{m.split('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert not {"pulumi", "keras", "tensorflow", "paho", "sklearn", "numpy"} & set(done.stdout.split())
