"""`fedtag watch` and `fedtag result` on a deployed stack: while its broker is killed, and to a local run's last bit.

Each test goes on where the one before it ended.
"""

import hashlib
import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.deployment import ROOT, Cluster, Project

ROUNDS = 3
WATCH_S = 300
COMMAND_S = 120
KEPT = {
    "model.safetensors",
    "model.keras",
    "events.jsonl",
    "metrics.csv",
    "plan.json",
    "run.json",
    "report.html",
    "learning.png",
}
Fedtag = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def stack(prepared: Callable[..., Project]) -> Project:
    """The stack eu-us-asia with fewer rounds."""
    return prepared("eu-us-asia", change=lambda federation: federation.update({"rounds": ROUNDS}))


@pytest.fixture
def fedtag(stack: Project) -> Iterator[Fedtag]:
    """Starts a command on the stack's file, as a user would beside the deployed project."""
    started = []

    def start(verb: str, *arguments: str, out: int = subprocess.PIPE, **environment: str) -> "subprocess.Popen[str]":
        numeric = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", verb, str(stack.file), *arguments],
            cwd=ROOT,
            env=stack.environment | numeric | environment,
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def _done(process: "subprocess.Popen[str]", limit: float = COMMAND_S) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=limit)
    return process.returncode, out, err


def test_before_the_first_up_there_is_nothing_to_watch(fedtag: Fedtag) -> None:
    status, _, err = _done(fedtag("watch"))

    assert (status, err.count("\n")) == (2, 1), err
    assert "error: stack 'eu-us-asia' is not deployed" in err
    assert "pulumi up --stack eu-us-asia" in err


def test_a_watcher_sees_every_event_although_the_broker_dies(stack: Project, cluster: Cluster, fedtag: Fedtag) -> None:
    stack.up()
    watching = fedtag("watch", "--json")
    assert watching.stdout is not None
    events: list[dict[str, Any]] = []
    for line in watching.stdout:
        events.append(json.loads(line))
        if events[-1]["event"] == "round_closed" and events[-1]["round"] == 1:
            cluster.delete_pods(stack.namespace, "broker")
    status, _, err = _done(watching)

    assert status == 0, err
    assert "connected again" in err, "or else this shows nothing"
    assert events[-1]["event"] == "result"
    assert events[-1]["outcome"] == "finished"
    told = [json.dumps(event) for event in events if event["event"] != "progress"]
    assert len(told) == len(set(told)), "an event is shown once"
    closed = [event for event in events if event["event"] == "round_closed"]
    assert [event["round"] for event in closed] == [1, 2, 3]
    for kind in ("trained", "uploaded"):
        of_rounds = {(event["dataset"], event["round"]) for event in events if event["event"] == kind}
        assert len(of_rounds) == 3 * ROUNDS, f"each region's {kind} of each round"
    assert events[-1]["model"] == closed[-1]["model"]


def test_a_terminal_shows_the_picture_of_a_run_that_is_over(fedtag: Fedtag) -> None:
    master, slave = pty.openpty()
    watching = fedtag("watch", out=slave, TERM="xterm", COLUMNS="80", LINES="24")
    os.close(slave)
    shown = b""
    while chunk := _read(master):
        shown += chunk
    status, _, err = _done(watching)
    os.close(master)

    assert status == 0, err
    text = shown.decode()
    assert f"finished {ROUNDS} rounds" in text
    assert "mnist-asia" in text
    assert "\x1b[?25h" in text, "the cursor is shown again"


def _read(descriptor: int) -> bytes:
    """What a pseudo terminal shows; nothing when its program has ended."""
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""


def test_the_result_is_as_of_a_local_run_and_its_model_the_same_to_the_last_bit(fedtag: Fedtag, tmp_path: Path) -> None:
    status, out, err = _done(fedtag("result", "--to", str(tmp_path / "remote")))
    assert status == 0, err
    assert "warning" not in err
    local = fedtag("run", "--runs", str(tmp_path / "runs"), "--json")
    local_status, local_out, local_err = _done(local, WATCH_S)
    assert local_status == 0, local_err

    folder = tmp_path / "remote"
    assert {path.name for path in folder.iterdir()} >= KEPT
    record = json.loads((folder / "run.json").read_text())
    model = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    result = json.loads(local_out.splitlines()[-1])
    assert (record["outcome"], record["model_sha256"]) == ("finished", model)
    assert model in out
    assert model == result["model"], "the same stack and seed on the same machine"
    assert record["accuracy"] == result["accuracy"] >= 0.97
    assert str(folder) in "".join(out.split())
    scores = [_scores(path) for path in (folder, Path(result["folder"]))]
    assert scores[0] == scores[1], "the whole history, round by round"


def _scores(folder: Path) -> list[tuple[int, float]]:
    events = map(json.loads, (folder / "events.jsonl").read_text().splitlines())
    return sorted({(event["round"], event["accuracy"]) for event in events if event["event"] == "evaluated"})


def test_without_the_passphrase_it_is_bad_input(fedtag: Fedtag) -> None:
    status, _, err = _done(fedtag("result", PULUMI_CONFIG_PASSPHRASE=""))

    assert status == 2
    assert "set PULUMI_CONFIG_PASSPHRASE" in err


def test_a_broker_that_is_gone_is_told_in_bounded_time(stack: Project, cluster: Cluster, fedtag: Fedtag) -> None:
    service = stack.outputs["service"]
    cluster.core.delete_namespaced_service(service, stack.namespace)
    begun = time.monotonic()

    status, _, err = _done(fedtag("watch"))

    assert (status, err.count("\n")) == (1, 1), err
    assert f"does not give service '{service}'" in err
    assert time.monotonic() - begun < 30


def test_after_destroy_there_is_nothing_to_watch_again(stack: Project, fedtag: Fedtag) -> None:
    stack.destroy()

    status, _, err = _done(fedtag("watch"))

    assert status == 2
    assert "error: " in err
    assert "pulumi up" in err
