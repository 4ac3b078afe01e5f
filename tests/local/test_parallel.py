"""Experiments beside each other: each root makes its own model, and what they came to is kept and compared."""

import csv
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.local.conftest import experiments
from tests.local.test_run import PACED

Make = Callable[[], Any]
GROUPS = {"eu": ["data-1", "data-2"], "us": ["data-3"]}


@pytest.fixture(scope="module")
def finished(federations: Make) -> Any:
    """A run of two experiments, with its report."""
    return federations().write(regions=GROUPS, graph=experiments(GROUPS)).run(report=True)


def _reached(run: Any) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in run.record["experiments"]}


def test_each_experiment_keeps_its_own_model(finished: Any) -> None:
    assert finished.status == 0, finished.err
    reached = _reached(finished)

    assert sorted(reached) == ["eu", "us"]
    for name, one in reached.items():
        file = (finished.folder / "models" / f"{name}.safetensors").read_bytes()
        assert hashlib.sha256(file).hexdigest() == one["model_sha256"]
        assert one["rounds"] == 3
        assert one["accuracy"] > 0.8
    assert not (finished.folder / "model.safetensors").exists(), "there is no one model"
    assert (finished.record["model_sha256"], finished.record["outcome"]) == (None, "finished")
    assert len(finished.events("finished")) == 2, "the run ends when all have finished"


@pytest.mark.parametrize("group", GROUPS)
def test_an_experiment_ends_with_the_model_that_its_group_reaches_alone(
    federations: Make, finished: Any, group: str
) -> None:
    alone = federations().write(regions={group: GROUPS[group]}).run()

    assert alone.status == 0, alone.err
    assert alone.model == _reached(finished)[group]["model_sha256"]


def test_the_result_and_the_report_tell_of_each(finished: Any) -> None:
    result = json.loads(finished.out.splitlines()[-1])

    assert [(e["name"], e["rounds"]) for e in result["experiments"]] == [("eu", 3), ("us", 3)]
    assert result["model"] is None
    with (finished.folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["experiment"], row["round"]) for row in rows] == [(g, str(n)) for g in ("eu", "us") for n in (1, 2, 3)]
    assert rows[-1]["model"] == _reached(finished)["us"]["model_sha256"]
    assert (rows[0]["samples.data-3"], rows[-1]["samples.data-1"]) == ("", ""), "they share nothing"
    page = (finished.folder / "report.html").read_text()
    assert all(one["model_sha256"] in page for one in _reached(finished).values())
    assert (finished.folder / "learning.png").stat().st_size > 10_000


def test_if_one_experiment_fails_the_run_does_and_says_which(
    federations: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = PACED.replace("def load_data(dataset):", "def load_data(dataset):\n    _fail(dataset)")
    program += "\n\ndef _fail(dataset):\n    if dataset.name == 'data-3':\n        raise ValueError('no images here')\n"
    monkeypatch.setenv("PAUSE", "0.2")

    run = federations().write(regions=GROUPS, graph=experiments(GROUPS), program=program, rounds=50).run()

    assert run.status == 2
    assert "no images here" in run.err.splitlines()[-1]


@pytest.mark.long
def test_an_interrupted_run_keeps_what_each_reached(federations: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAUSE", "0.3")
    started = federations().write(regions=GROUPS, graph=experiments(GROUPS), program=PACED, rounds=50).start()
    reached = {"eu", "us"}
    while reached:
        reached.discard(started.until("round_closed")["worker"].split("-")[1])
    started.process.terminate()
    run = started.finish()

    assert run.status == 143
    for name, one in _reached(run).items():
        file = (run.folder / "models" / f"{name}.safetensors").read_bytes()
        assert hashlib.sha256(file).hexdigest() == one["model_sha256"]
    closed = {event["model"] for event in run.events("round_closed")}
    assert {one["model_sha256"] for one in _reached(run).values()} <= closed


def test_experiments_are_not_compared_with_pooled_data(federations: Make) -> None:
    run = federations().write(regions=GROUPS, graph=experiments(GROUPS)).run("--compare")

    assert run.status == 2
    assert "has 2 experiments, and --compare is of one federated model; leave it out" in run.err
    assert not Path(run.runs).exists(), "bad input leaves nothing behind"
