"""A Flame example as a stack and a TAG: the same workers, and what can't be carried is told."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tag.faults import TagError
from tag.flame.data import choose
from tag.flame.job import load_job
from tag.flame.texts import Flame, not_carried_over, stack_text, tag_text
from tag.load import load_job_plan, load_stack, load_tag
from tag.reading.source import read

FLAME = Path(__file__).parents[1] / "fixtures" / "flame"
PROGRAM = str(Path(__file__).parents[2] / "worker" / "programs" / "softmax.py")


def _read(folder: Path, data: str | None = None) -> Flame:
    job = load_job(folder)
    expanded = load_job_plan(folder / "schema.json", folder)
    return Flame(read(folder / "schema.json"), job, expanded, choose(job.entries, data))


def _write(flame: Flame, folder: Path) -> Path:
    (folder / "tag.yaml").write_text(tag_text(flame, ["# imported"]))
    path = folder / "Pulumi.mine.yaml"
    path.write_text(stack_text(flame, ["# imported"], "tag.yaml", PROGRAM))
    return path


def _example(folder: Path, **changes: dict[str, Any]) -> Path:
    """A copy of Flame's mnist example, with fields of its files changed."""
    job = shutil.copytree(FLAME / "mnist", folder / "job")
    for stem, change in changes.items():
        file = job / f"{stem}.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | change))
    return job


@pytest.mark.parametrize("name", ["mnist", "medmnist", "distributed_training"])
def test_an_imported_example_has_no_faults_and_the_workers_of_flame(tmp_path: Path, name: str) -> None:
    flame = _read(FLAME / name)

    loaded = load_stack(_write(flame, tmp_path))

    assert _workers(loaded.plan) == _workers(flame.expanded.plan)
    tag, original = load_tag(tmp_path / "tag.yaml").tag, flame.expanded.tag
    assert (tag.roles, tag.channels) == (original.roles, original.channels)


def _workers(plan: Any) -> list[Any]:
    return [(w.spec.worker, w.spec.memberships, w.region) for w in plan.workers]


def test_hyperparameters_are_carried_over_and_those_left_out_are_flames_defaults(tmp_path: Path) -> None:
    job = _example(tmp_path, modelSpec={"hyperparameters": {"rounds": 7, "learningRate": 0.5}})

    stack = load_stack(_write(_read(job), tmp_path)).stack

    assert (stack.rounds, stack.learning_rate, stack.epochs, stack.batch_size) == (7, 0.5, 1, 16)


def _left(flame: Flame) -> dict[str, str]:
    return {f"{Path(fault.file).name}:{fault.subject}": fault.message for fault in not_carried_over(flame)}


def test_an_optimizer_and_a_selector_that_run_are_carried_over_and_others_told(tmp_path: Path) -> None:
    optimizer = {"sort": "fedadam", "kwargs": {"eta": 0.5}}
    flame = _read(_example(tmp_path, modelSpec={"optimizer": optimizer, "selector": {"sort": "oort"}}))

    stack = load_stack(_write(flame, tmp_path)).stack

    assert (stack.optimizer.sort, stack.optimizer.kwargs, stack.selector.sort) == ("fedadam", {"eta": 0.5}, "all")
    assert _left(flame)["modelSpec.json:selector 'oort'"].endswith("'default' takes its place")
    assert "modelSpec.json:optimizer 'fedadam'" not in _left(flame)


def test_an_asynchronous_example_is_carried_over_with_what_flame_says_among_its_hyperparameters(tmp_path: Path) -> None:
    said = {
        "hyperparameters": {"rounds": 10, "//": "of fedbuff", "aggGoal": 1},
        "optimizer": {"sort": "fedbuff", "kwargs": {}},
        "selector": {"sort": "fedbuff", "kwargs": {"//": "c: concurrency level", "c": 1}},
    }
    flame = _read(_example(tmp_path / "flame", modelSpec=said))
    stack = load_stack(_write(flame, tmp_path))
    run = next(w.spec.run for w in stack.plan.workers if w.spec.run is not None)

    assert (run.optimizer.sort, run.optimizer.kwargs["aggGoal"], run.optimizer.kwargs["concurrency"]) == (
        "fedbuff",
        1,
        1,
    )
    assert not [subject for subject in _left(flame) if "fedbuff" in subject or "aggGoal" in subject]


def test_what_is_not_carried_over_is_told_line_by_line() -> None:
    left = _left(_read(FLAME / "mnist"))

    url = "dataset.json:url 'https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz'"
    assert left[url].startswith("mnist:1/1 takes its place")
    assert "modelSpec.json:selector 'random'" not in left, "it runs here"
    assert "job.json:maxRunTime 1800" in left
    assert all(fault.line > 1 for fault in not_carried_over(_read(FLAME / "mnist"))), "each has its own line"


def test_a_realm_that_is_no_region_is_told_and_the_group_takes_its_place(tmp_path: Path) -> None:
    flame = _read(_example(tmp_path, dataset={"realm": "eu1"}))

    assert "dataset.json:realm 'eu1'" in _left(flame)
    assert [w.region for w in load_stack(_write(flame, tmp_path)).plan.trainers] == ["us"]


def test_dead_fields_of_the_schema_are_told_and_left_out(tmp_path: Path) -> None:
    channel = read(FLAME / "mnist" / "schema.json").data["channels"][0] | {"backend": "p2p", "isUnidirectional": True}
    flame = _read(_example(tmp_path, schema={"revision": 4, "channels": [channel]}))

    assert sum(fault.file.endswith("schema.json") for fault in not_carried_over(flame)) == 3
    _write(flame, tmp_path)
    assert load_tag(tmp_path / "tag.yaml").warnings == ()


@pytest.mark.parametrize(
    ("data", "uris"),
    [
        (None, ["mnist:1/4", "mnist:2/4", "mnist:3/4", "mnist:4/4"]),
        ("program:", ["program:1/4", "program:2/4", "program:3/4", "program:4/4"]),
        ("npz:/d/", ["npz:/d/mnist_1.npz", "npz:/d/mnist_2.npz", "npz:/d/mnist_3.npz", "npz:/d/mnist_4.npz"]),
        ("npz:/d/all.npz", [f"npz:/d/all.npz#{k}/4" for k in (1, 2, 3, 4)]),
    ],
)
def test_data_is_what_the_example_names_or_the_user_chooses(data: str | None, uris: list[str]) -> None:
    assert [chosen.uri for chosen in _read(FLAME / "hier_mnist", data).data] == uris


@pytest.mark.parametrize(
    ("name", "data", "program"),
    [
        ("medmnist", None, "medmnist.py"),
        ("medmnist", "npz:/d/", "medmnist.py"),
        ("medmnist", "mnist:", "mnist.py"),
        ("mnist", None, "mnist.py"),
        ("mnist", "npz:/d/", "softmax.py"),
        ("mnist", "program:", None),
    ],
)
def test_a_program_goes_with_the_data(name: str, data: str | None, program: str | None) -> None:
    assert {chosen.program for chosen in _read(FLAME / name, data).data} == {program}


@pytest.mark.parametrize(
    ("url", "name", "uri"),
    [
        ("npz:mine.npz", "mine", "npz:{folder}/mine.npz"),
        ("mine.npz", "mine", "npz:{folder}/mine.npz"),
        ("file:///d/mine.npz", "mine", "npz:/d/mine.npz"),
        ("https://example.com/x", "MNIST", "mnist:1/1"),
        ("https://example.com/medmnist/site1.npz", "tissue", "program:1/1"),
    ],
)
def test_known_data_is_recognised(tmp_path: Path, url: str, name: str, uri: str) -> None:
    job = _example(tmp_path, dataset={"url": url, "name": name})

    assert _read(job).data[0].uri == uri.format(folder=job)


@pytest.mark.parametrize("name", ["Fashion-MNIST", "EMNIST", "adult income"])
def test_unknown_data_is_a_fault_and_never_another(tmp_path: Path, name: str) -> None:
    job = _example(tmp_path, dataset={"url": "https://example.com/data.npz", "name": name})

    with pytest.raises(TagError, match=r"dataset\.json:6?.*T036.*--data"):
        _read(job)


@pytest.mark.parametrize("data", ["adult", "mnist:1/3", "npz:", "https://x"])
def test_a_choice_of_no_known_form_is_a_fault(data: str) -> None:
    with pytest.raises(TagError, match="T036 --data"):
        _read(FLAME / "mnist", data)
