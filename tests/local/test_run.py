"""A stack runs on this machine: files, exactness, interruption, crashes."""

import hashlib
import json
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from tests.local.programs import PACED


@pytest.fixture(scope="module")
def finished(federations: Callable[[], Any]) -> Any:
    """A run of the undisturbed federation, with which others are compared."""
    return federations().write().run(report=True)


def test_a_run_keeps_all_that_it_promises(finished: Any) -> None:
    assert finished.status == 0, finished.err
    kept = {path.name for path in finished.folder.iterdir()}
    wanted = {"model.safetensors", "events.jsonl", "metrics.csv", "plan.json", "run.json", "report.html", "logs"}
    assert wanted <= kept
    assert "model.keras" not in kept, "the program makes no Keras model"
    assert finished.folder.name.endswith("Z-demo")
    record = finished.record
    assert (record["federation"], record["stack"], record["seed"], record["outcome"]) == ("demo", "demo", 7, "finished")
    assert {"python", "fedtag", "numpy", "paho-mqtt"} <= set(record["versions"])
    assert record["cpu"]["model"]
    file = hashlib.sha256((finished.folder / "model.safetensors").read_bytes()).hexdigest()
    assert file == record["model_sha256"] == finished.events("finished")[0]["model"]


def test_a_run_learns_what_is_in_the_data(finished: Any) -> None:
    scores = finished.events("evaluated")

    assert [score["round"] for score in scores] == [0, 1, 2, 3]
    assert scores[0]["accuracy"] < 0.6
    assert scores[-1]["accuracy"] > 0.9
    assert {score["count"] for score in scores} == {300}
    assert finished.record["accuracy"] == scores[-1]["accuracy"]
    assert len(finished.events("trained")) == 9


def test_standard_output_is_the_events_and_the_result(finished: Any) -> None:
    lines = [json.loads(line) for line in finished.out.splitlines()]
    events = [json.loads(line) for line in (finished.folder / "events.jsonl").read_text().splitlines()]

    assert lines[:-1] == events
    assert lines[-1]["event"] == "result"
    assert lines[-1]["model"] == finished.model


def test_one_aggregator_runs_unless_replicas_are_wanted(finished: Any) -> None:
    logs = {path.stem for path in (finished.folder / "logs").iterdir()}

    assert {"aggregator-all-0", "trainer-eu-data-1", "trainer-us-data-2", "trainer-asia-data-3"} <= logs
    assert "aggregator-all-1" not in logs
    assert "aggregator-all-1" in (finished.folder / "plan.json").read_text(), "the plan is the whole one"


def test_replicas_end_with_the_same_model(federations: Callable[[], Any], finished: Any) -> None:
    run = federations().write().run("--replicas")

    assert run.status == 0, run.err
    assert (run.folder / "logs" / "aggregator-all-1.log").exists()
    assert run.model == finished.model


def test_the_same_stack_gives_the_same_model_with_groups_renamed_and_datasets_listed_otherwise(
    federations: Callable[[], Any], finished: Any
) -> None:
    again = federations().write().run()
    renamed = federations().write(regions={"b": ["data-3"], "a": ["data-2", "data-1"]}).run()

    assert (again.status, renamed.status) == (0, 0), again.err + renamed.err
    assert again.model == finished.model
    assert renamed.model == finished.model


@pytest.mark.parametrize("slow", ["data-1", "data-2", "data-3"])
def test_whoever_is_late_the_model_is_the_same(
    federations: Callable[[], Any], finished: Any, monkeypatch: pytest.MonkeyPatch, slow: str
) -> None:
    monkeypatch.setenv("SLOW", slow)

    run = federations().write(program=PACED).run()

    assert run.status == 0, run.err
    assert run.events("update_counted")[2]["dataset"] == slow, "it must have been last, or else this shows nothing"
    assert run.model == finished.model


def test_a_trainer_that_is_killed_before_a_later_round_repeats_it_exactly(
    federations: Callable[[], Any], finished: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAUSE", "0.3")
    started = federations().write(program=PACED).start()
    started.until("round_opened", round=2)

    os.kill(started.worker("trainer-us-data-2"), signal.SIGKILL)
    run = started.finish()

    assert run.status == 0, run.err
    assert "trainer-us-data-2 | was ended by signal 9" in run.err
    assert len([e for e in run.events("ready") if e["dataset"] == "data-2"]) == 2
    assert run.model == finished.model


def test_an_interrupted_run_keeps_what_was_reached_and_leaves_no_process(
    federations: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAUSE", "0.4")
    started = federations().write(program=PACED, rounds=50).start(report=True)
    reached = started.until("round_opened", round=3)["model"]
    children = started.children()

    started.process.send_signal(signal.SIGINT)
    run = started.finish()

    assert run.status == 130
    assert len(children) == 5, "a broker, an aggregator and three trainers"
    assert not any(child.is_running() for child in children)
    assert (run.record["outcome"], run.record["message"]) == ("interrupted", "the run was ended by SIGINT")
    closed = [event["model"] for event in run.events("round_closed")]
    assert run.model in closed[closed.index(reached) :], "that round's model, or one that was made meanwhile"
    assert hashlib.sha256((run.folder / "model.safetensors").read_bytes()).hexdigest() == run.model
    assert (run.folder / "report.html").exists()


def test_a_second_interrupt_ends_everything_at_once(
    federations: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAUSE", "60")
    started = federations().write(program=PACED).start()
    started.until("round_opened", round=1)
    children = started.children()

    started.process.send_signal(signal.SIGINT)
    time.sleep(0.8)
    second = time.monotonic()
    started.process.send_signal(signal.SIGINT)
    run = started.finish()

    assert run.status == 130
    assert time.monotonic() - second < 3
    assert not any(child.is_running() for child in children)
    assert "Traceback" not in run.err


def test_no_process_survives_a_runner_that_is_killed(
    federations: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAUSE", "0.2")
    started = federations().write(program=PACED, rounds=50).start()
    started.until("round_opened", round=2)
    children = started.children()

    started.process.kill()
    started.finish()

    _, alive = psutil.wait_procs(children, timeout=12)
    assert not alive
    record = json.loads((next(started.runs.iterdir()) / "run.json").read_text())
    assert record["outcome"] == "interrupted", "the record holds even if nobody could finish it"


def test_a_crash_is_shown_under_its_workers_name_and_ends_the_run(
    federations: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRASH", "data-2")

    run = federations().write(program=PACED).run()

    assert run.status == 1
    assert "trainer-us-data-2 | ZeroDivisionError: on purpose" in run.err
    assert "trainer-us-data-2 | Traceback (most recent call last):" in run.err
    assert run.err.splitlines()[-1].startswith("error: worker 'trainer-us-data-2' ended with exit status 1 4 times")
    assert run.record["outcome"] == "failed"
    assert "trainer-us-data-2" in run.record["message"]
