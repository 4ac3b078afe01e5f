"""`fedtag watch` and `fedtag result` as a user calls them, with a test in the place of Pulumi and the cluster."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.__main__ import main
from report.record import read_record
from tests.local.conftest import experiments
from tests.remote.conftest import Deployment
from worker.events import read_event
from worker.tensors import digest

BROKEN = """
import time

def build_model():
    return {"w": 0}

def load_data(dataset):
    time.sleep(1)  # so that the leader is there to hear of it
    raise ValueError("dataset has no images")
"""
Command = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Deployment], Command]:
    """Runs a command on a deployment."""
    monkeypatch.chdir(tmp_path)

    def on(deployment: Deployment) -> Command:
        monkeypatch.setattr("remote.outputs.read_outputs", lambda _loaded: deployment.deployed)
        monkeypatch.setattr("remote.session.Session", lambda *_: deployment.session())
        return lambda verb, *arguments: main([verb, str(deployment.loaded.path), *arguments])

    return on


def test_a_run_is_watched_and_its_result_kept(
    deploy: Callable[..., Deployment], run: Callable[[Deployment], Command], capsys: pytest.CaptureFixture[str]
) -> None:
    command = run(deploy(rounds=2))

    assert command("watch") == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("round 2 of 2 took" in line for line in lines)
    assert lines[-1].startswith("'fedtag result ")

    assert command("watch", "--json") == 0
    *events, result = capsys.readouterr().out.splitlines()
    assert all(read_event(line) is not None for line in events)
    assert json.loads(result)["outcome"] == "finished"

    assert command("result") == 0
    (folder,) = Path("runs").iterdir()
    said = capsys.readouterr()
    record = read_record(folder)
    assert record.model == json.loads(result)["model"]
    assert f"model SHA-256  {record.model}" in said.out
    assert f"kept in {folder}/" in said.out
    assert said.err == ""
    assert {"report.html", "metrics.csv", "learning.png", "model.safetensors"} <= {p.name for p in folder.iterdir()}

    assert command("result", "--json", "--to", "mine") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["folder"], told["model"], len(told["rounds"])) == ("mine", record.model, 2)
    assert all(Path(file).is_file() for file in told["files"])

    assert command("result", "--to", "mine") == 2
    assert "folder 'mine' holds something already" in capsys.readouterr().err


@pytest.mark.long
def test_experiments_are_watched_to_the_end_of_the_last_and_their_models_kept(
    deploy: Callable[..., Deployment], run: Callable[[Deployment], Command], capsys: pytest.CaptureFixture[str]
) -> None:
    groups = {"eu": ["data-1", "data-2"], "us": ["data-3"]}
    command = run(deploy(regions=groups, graph=experiments(groups), rounds=2))

    assert command("watch") == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(any(f"{group}: round 2 of 2 took" in line for line in lines) for group in groups)
    assert lines[-1].endswith("keeps its models and their report")

    assert command("watch", "--json") == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [(e["name"], e["rounds"]) for e in told["experiments"]] == [("eu", 2), ("us", 2)]

    assert command("result", "--json", "--to", "mine") == 0
    kept = json.loads(capsys.readouterr().out)
    models = {e["name"]: e["model"] for e in told["experiments"]}
    assert {e["name"]: e["model"] for e in kept["experiments"]} == models
    assert {name: digest(Path(f"mine/models/{name}.safetensors").read_bytes()) for name in groups} == models


def test_a_run_that_failed_ends_both_commands_with_its_message(
    deploy: Callable[..., Deployment], run: Callable[[Deployment], Command], capsys: pytest.CaptureFixture[str]
) -> None:
    command = run(deploy(program=BROKEN, rounds=2))

    assert command("watch") == 2
    assert "dataset has no images" in capsys.readouterr().err.splitlines()[-1]

    assert command("result") == 1
    (folder,) = Path("runs").iterdir()
    assert "dataset has no images" in capsys.readouterr().err.splitlines()[-1]
    assert read_record(folder).facts.outcome == "failed"


def test_a_watcher_that_is_interrupted_says_that_the_run_goes_on(
    deploy: Callable[..., Deployment],
    run: Callable[[Deployment], Command],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    command = run(deploy(rounds=2))
    monkeypatch.setattr("remote.watch.Watcher._take", interrupted)

    assert command("watch") == 130
    assert capsys.readouterr().err.startswith("the run goes on; see it again with 'fedtag watch ")


def test_a_result_that_can_not_be_had_leaves_no_folder(
    deploy: Callable[..., Deployment],
    run: Callable[[Deployment], Command],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deployment = deploy(rounds=1)
    command = run(deployment)
    assert command("watch") == 0
    monkeypatch.setattr("remote.result.FETCH_S", 0.0)

    assert command("result") == 1
    assert "the model did not come within 0 s" in capsys.readouterr().err
    assert not Path("runs").exists()
