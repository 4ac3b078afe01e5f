"""Flame's own jobs expand to the workers that Flame's controller makes of them."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tag.faults import TagError
from tag.load import load_job_plan

FLAME = Path(__file__).parents[1] / "fixtures" / "flame"
JOBS = ["distributed_training", "hier_mnist", "medmnist", "mnist"]


def _expected(job: str) -> list[Any]:
    tasks = [json.loads(path.read_text()) for path in (FLAME / job / "expected_tasks").glob("*.json")]
    return sorted(
        (
            t["role"],
            sorted(t["groupAssociation"].items()),
            sorted(c["name"] for c in t["channels"]),
            t.get("dataset", ""),
        )
        for t in tasks
    )


@pytest.mark.parametrize("job", JOBS)
def test_a_job_has_the_workers_that_flame_makes(job: str) -> None:
    plan = load_job_plan(FLAME / job / "schema.json", FLAME / job).plan

    actual = sorted(
        (
            w.spec.role,
            sorted((m.channel, m.group) for m in w.spec.memberships),
            sorted(m.channel for m in w.spec.memberships),
            w.spec.dataset.uri if w.spec.dataset else "",
        )
        for w in plan.workers
    )
    assert actual == _expected(job)


def test_every_field_of_flames_schema_is_accepted(tmp_path: Path) -> None:
    schema = json.loads((FLAME / "mnist" / "schema.json").read_text())
    schema |= {"revision": 3, "connectors": []}
    schema["channels"][0] |= {"backend": "mqtt", "brokerHost": "broker:1883", "isUnidirectional": False}
    (tmp_path / "schema.json").write_text(json.dumps(schema))

    expanded = load_job_plan(tmp_path / "schema.json", FLAME / "mnist")

    assert [w.code for w in expanded.warnings] == ["T019"]


def test_hyperparameters_reach_trainers_and_rounds_reach_aggregators() -> None:
    plan = load_job_plan(FLAME / "medmnist" / "schema.json", FLAME / "medmnist").plan

    trainer, aggregator = plan.trainers[0].spec, plan.aggregators[0].spec
    assert trainer.train is not None
    assert (trainer.train.epochs, trainer.train.batch_size, trainer.train.learning_rate) == (4, 32, 0.01)
    assert (aggregator.train, trainer.run) == (None, None)
    assert aggregator.run is not None
    assert aggregator.run.rounds == 100


def test_datasets_are_named_by_their_records_or_by_their_files_where_records_share_a_name() -> None:
    named = load_job_plan(FLAME / "medmnist" / "schema.json", FLAME / "medmnist").plan
    shared = load_job_plan(FLAME / "hier_mnist" / "schema.json", FLAME / "hier_mnist").plan

    assert "trainer-us-medmnist-dataset10" in [w.spec.worker for w in named.workers]
    assert "trainer-eu-dataset-eu-uk" in [w.spec.worker for w in shared.workers]
    assert {w.region for w in shared.trainers} == {"eu-germany", "eu-uk", "na-canada", "na-us"}


def test_datasets_may_be_listed_by_file_name_instead_of_id(tmp_path: Path) -> None:
    folder = shutil.copytree(FLAME / "hier_mnist", tmp_path / "job")
    groups = {"eu": ["dataset_na_us"], "na": ["dataset_eu_uk"]}
    (folder / "dataSpec.json").write_text(json.dumps([{"role": "trainer", "datasetGroups": groups}]))

    plan = load_job_plan(folder / "schema.json", folder).plan

    assert [w.spec.worker for w in plan.trainers] == ["trainer-eu-dataset-na-us", "trainer-na-dataset-eu-uk"]


@pytest.mark.parametrize(
    ("file", "old", "new", "code"),
    [
        ("dataSpec.json", '"624b4437dad565fc66f8a0f1"', '"dataset_na_us", "624b4437dad565fc66f8a0f1"', "T034"),
        ("dataSpec.json", '"trainer"', '"trainr"', "T031"),
        ("dataSpec.json", '"trainer"', '"top-aggregator"', "T032"),
        ("dataSpec.json", '"na"', '"sa"', "T033"),
        ("dataSpec.json", '"datasetGroups"', '"datasetGroup"', "T004"),
        ("modelSpec.json", '"rounds": 5', '"rounds": 0', "T006"),
        ("job.json", '"designId"', '"designID"', "T004"),
        ("dataset_eu_uk.json", '"url"', '"uri"', "T004"),
    ],
)
def test_a_broken_job_is_a_fault(tmp_path: Path, file: str, old: str, new: str, code: str) -> None:
    folder = shutil.copytree(FLAME / "hier_mnist", tmp_path / "job")
    text = (folder / file).read_text()
    assert text.count(old) == 1
    (folder / file).write_text(text.replace(old, new))

    with pytest.raises(TagError) as caught:
        load_job_plan(folder / "schema.json", folder)

    assert code in {f.code for f in caught.value.faults if f.file.endswith(file)}


def test_a_job_folder_that_is_missing_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(TagError, match="T001 job: is no folder"):
        load_job_plan(FLAME / "mnist" / "schema.json", tmp_path / "none")
