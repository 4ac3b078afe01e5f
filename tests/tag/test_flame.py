"""Flame's own jobs expand to the workers that Flame's controller makes of them."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tag.faults import TagError
from tag.load import load_job_plan, load_stack

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


def _changed(folder: Path, file: str, change: dict[str, Any]) -> Path:
    """A copy of Flame's mnist job with fields of one file changed."""
    job = shutil.copytree(FLAME / "mnist", folder / "job")
    (job / file).write_text(json.dumps(json.loads((job / file).read_text()) | change))
    return job


def _warned(job: Path) -> dict[str, str]:
    """The warnings by what they are about."""
    warnings = load_job_plan(job / "schema.json", job).warnings
    assert {warning.code for warning in warnings} <= {"T019"}
    return {warning.subject: warning.message for warning in warnings}


def test_every_field_of_flames_schema_is_accepted_and_dead_ones_are_told(tmp_path: Path) -> None:
    schema = json.loads((FLAME / "mnist" / "schema.json").read_text())
    channel = {"backend": "shm", "brokerHost": "broker:1883", "isUnidirectional": False}
    change = {"revision": 3, "connectors": [{"name": "x"}], "channels": [schema["channels"][0] | channel]}
    job = _changed(tmp_path, "schema.json", change)

    told = [w.message for w in load_job_plan(job / "schema.json", job).warnings if w.file.endswith("schema.json")]

    for field in ("revision", "connectors", "backend 'shm'", "brokerHost 'broker:1883'", "isUnidirectional"):
        assert sum(message.startswith(field) for message in told) == 1, field


def test_what_a_schema_leaves_out_is_as_in_flames_builder(tmp_path: Path) -> None:
    schema = json.loads((FLAME / "mnist" / "schema.json").read_text())
    bare = {"name": "param-channel", "pair": ["trainer", "aggregator"]}
    roles = [{"name": r["name"], "isDataConsumer": r.get("isDataConsumer", False)} for r in schema["roles"]]
    job = _changed(tmp_path, "schema.json", {"channels": [bare], "roles": roles})
    spec = (job / "dataSpec.json").read_text()
    (job / "dataSpec.json").write_text(spec.replace('"us"', '"default"'))

    plan = load_job_plan(job / "schema.json", job).plan

    assert [(w.spec.worker, w.spec.memberships[0].functions) for w in plan.workers] == [
        ("aggregator-default-0", ("distribute", "aggregate")),
        ("trainer-default-mnist-dataset", ("fetch", "upload")),
    ]


@pytest.mark.parametrize(
    ("file", "subject", "change", "fields"),
    [
        ("job.json", "job", {"name": "x", "backend": "p2p", "priority": "high"}, ["backend", "designId", "priority"]),
        ("job.json", "job", {"designId": "", "priority": ""}, ["codeVersion", "maxRunTime", "schemaVersion"]),
        ("modelSpec.json", "modelSpec", {"registry": {"sort": "mlflow", "uri": "http://x"}}, ["registry"]),
        ("modelSpec.json", "modelSpec", {"baseModel": {"name": "a", "version": 2}}, ["baseModel", "dependencies"]),
        ("modelSpec.json", "modelSpec", {"optimizer": {"sort": "fedavg", "kwargs": {"a": 1}}}, ["optimizer.kwargs"]),
        (
            "modelSpec.json",
            "modelSpec",
            {"hyperparameters": {"rounds": 1, "weightDecay": 0.1, "aggGoal": 1, "mine": [1]}},
            ["hyperparameters.aggGoal", "hyperparameters.mine", "hyperparameters.weightDecay"],
        ),
        ("dataset.json", "datasets", {"computeId": "default"}, ["computeId", "dataFormat", "isPublic"]),
    ],
)
def test_fields_of_a_job_that_mean_nothing_here_are_accepted_and_told(
    tmp_path: Path, file: str, subject: str, change: dict[str, Any], fields: list[str]
) -> None:
    told = _warned(_changed(tmp_path, file, change))

    assert all(repr(field) in told[subject] for field in fields), told[subject]


def test_empty_fields_of_a_job_say_nothing_and_are_not_told(tmp_path: Path) -> None:
    empty = {"baseModel": {"name": "", "version": 1}, "dependencies": [], "registry": {"sort": "", "uri": ""}}

    assert "modelSpec" not in _warned(_changed(tmp_path, "modelSpec.json", empty | {"optimizer": {"kwargs": {}}}))


def test_many_records_are_told_of_once() -> None:
    assert "in 10 records" in _warned(FLAME / "medmnist")["datasets"]


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
        ("job.json", '"mqtt"', '"carrier-pigeon"', "T006"),
        ("job.json", '"modelSpec.json"', '"modelSpecs.json"', "T001"),
    ],
)
def test_a_broken_job_is_a_fault(tmp_path: Path, file: str, old: str, new: str, code: str) -> None:
    folder = shutil.copytree(FLAME / "hier_mnist", tmp_path / "job")
    text = (folder / file).read_text()
    assert text.count(old) == 1
    (folder / file).write_text(text.replace(old, new))

    with pytest.raises(TagError) as caught:
        load_job_plan(folder / "schema.json", folder)

    found = {f.code for f in caught.value.faults if f.file.endswith(file) or code == "T001"}
    assert code in found


def test_a_job_folder_that_is_missing_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(TagError, match="T001 job: is no folder"):
        load_job_plan(FLAME / "mnist" / "schema.json", tmp_path / "none")


@pytest.mark.parametrize("field", ["optimizer", "selector", "privacy", "datasampler"])
def test_a_choice_that_cannot_run_yet_is_a_fault_of_a_stack(tmp_path: Path, field: str) -> None:
    job = _changed(tmp_path, "modelSpec.json", {"selector": {}, field: {"sort": "other", "kwargs": {"k": 1}}})
    stack = tmp_path / "Pulumi.x.yaml"
    stack.write_text(f"config:\n  fedtag:federation:\n    tag: {job}/schema.json\n    job: {job}\n")

    with pytest.raises(TagError) as caught:
        load_stack(stack)

    assert [f.subject for f in caught.value.faults if f.code == "T049"] == [field]
