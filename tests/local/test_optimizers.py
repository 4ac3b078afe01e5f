"""Optimizers and selectors in whole federations: a state outlives who leads; who is selected is decided by names."""

import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tag.options import Selector
from tests.local.programs import PACED
from tests.local.test_trees import tree
from worker.protocol.selection import selected

ADAM = {"sort": "fedadam", "kwargs": {"eta": 0.1}}
ROUNDS = 5
STOPS_S = 5.0


@pytest.fixture(scope="module")
def undisturbed(federations: Callable[[], Any]) -> Any:
    """A run of one aggregator that lives, with which others are compared."""
    return federations().write(optimizer=ADAM, rounds=ROUNDS).run()


def paced(federations: Callable[[], Any], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Any:
    monkeypatch.setenv("PAUSE", "0.7")
    return federations().write(program=PACED, optimizer=ADAM, rounds=ROUNDS).start(*arguments)


def logged(run: Any, worker: str) -> str:
    return str((run.folder / "logs" / f"{worker}.log").read_text())


def test_an_optimizer_at_the_root_learns_and_is_no_average(federations: Callable[[], Any], undisturbed: Any) -> None:
    average = federations().write(rounds=ROUNDS).run()

    assert (undisturbed.status, average.status) == (0, 0), undisturbed.err + average.err
    assert undisturbed.events("evaluated")[-1]["accuracy"] > 0.85
    assert undisturbed.model != average.model


@pytest.mark.long
def test_a_standby_goes_on_with_the_optimizers_state(
    federations: Callable[[], Any], undisturbed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = paced(federations, monkeypatch, "--replicas")
    started.until("round_opened", round=4)

    os.kill(started.worker("aggregator-all-0"), signal.SIGKILL)
    run = started.finish()

    assert run.status == 0, run.err
    assert {event["worker"] for event in run.events("leading")} >= {"aggregator-all-0", "aggregator-all-1"}
    assert run.model == undisturbed.model
    assert "is lost" not in logged(run, "aggregator-all-1")


@pytest.mark.long
def test_a_replica_that_comes_back_has_the_state_in_time_to_lead_again(
    federations: Callable[[], Any], undisturbed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first to lead loses all memory and stands by; the second loses its own two rounds later."""
    started = paced(federations, monkeypatch, "--replicas")
    for name, number in (("aggregator-all-0", 2), ("aggregator-all-1", 4)):
        started.until("round_opened", round=number)
        kill_with_volume(started, name)
    run = started.finish()

    assert run.status == 0, run.err
    assert len(run.events("leading")) >= 3
    assert run.model == undisturbed.model


def kill_with_volume(started: Any, name: str) -> None:
    """End a worker and take its volume away, so that it comes back with nothing."""
    process = psutil.Process(started.worker(name))
    line = process.cmdline()
    folder = Path(line[line.index("--state") + 1])
    process.suspend()
    _until_all_stand_still(process.pid)
    shutil.rmtree(folder)
    folder.mkdir()
    process.kill()


def _until_all_stand_still(pid: int) -> None:
    """A thread that writes a checkpoint ends what it asks of the kernel before it stops."""
    end = time.monotonic() + STOPS_S
    while not all(_state(task) in "Tt" for task in Path(f"/proc/{pid}/task").iterdir()):
        assert time.monotonic() < end, f"process {pid} does not stop"
        time.sleep(0.001)


def _state(task: Path) -> str:
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "T"  # it has ended


@pytest.mark.long
def test_a_sole_aggregator_that_is_killed_goes_on_from_its_volume(
    federations: Callable[[], Any], undisturbed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = paced(federations, monkeypatch)
    started.until("round_opened", round=4)

    os.kill(started.worker("aggregator-all-0"), signal.SIGKILL)
    run = started.finish()

    assert run.status == 0, run.err
    assert len(run.events("leading")) == 2
    assert run.model == undisturbed.model


@pytest.mark.long
def test_a_state_that_nobody_has_any_more_is_told(
    federations: Callable[[], Any], undisturbed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = paced(federations, monkeypatch)
    started.until("round_opened", round=4)

    kill_with_volume(started, "aggregator-all-0")
    run = started.finish()

    assert run.status == 0, run.err
    assert "the state of optimizer 'fedadam' is lost" in logged(run, "aggregator-all-0")
    assert run.model != undisturbed.model, "else this shows nothing"


def test_a_tree_ends_with_the_stars_model_under_an_optimizer(federations: Callable[[], Any], undisturbed: Any) -> None:
    run = federations().write(graph=tree("eu", "us", "asia"), optimizer=ADAM, rounds=ROUNDS).run()

    assert run.status == 0, run.err
    assert run.model == undisturbed.model, "only the root does more than add"


@pytest.mark.long
def test_random_trainers_are_those_that_seed_and_round_say(federations: Callable[[], Any]) -> None:
    choice = {"sort": "random", "kwargs": {"k": 2}}
    settings = {"selector": choice, "rounds": ROUNDS}
    run, again = (federations().write(**settings).run() for _ in range(2))
    names = ["data-1", "data-2", "data-3"]
    selector = Selector(sort="random", kwargs={"k": 2, "seed": 7})

    assert (run.status, again.status) == (0, 0), run.err + again.err
    wanted = [sorted(selected(selector, names, 1, number)) for number in range(1, ROUNDS + 1)]
    assert [event["selected"] for event in run.events("round_opened")] == wanted
    assert [sorted(event["participants"]) for event in run.events("round_closed")] == wanted
    assert len(set(map(tuple, wanted))) > 1, "not always the same"
    assert run.model == again.model
    assert run.events("evaluated")[-1]["count"] == 300, "everyone judges the last model"
    assert run.events("evaluated")[-1]["accuracy"] > 0.85


@pytest.mark.long
def test_a_round_waits_for_none_but_the_selected(
    federations: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is lost in a round that is not its own holds nobody up, and its own round waits for it."""
    monkeypatch.setenv("PAUSE", "0.5")
    settings = {"selector": {"sort": "roundRobin", "kwargs": {"k": 1}}, "rounds": 3}
    calm = federations().write(**settings).run()
    started = federations().write(program=PACED, **settings).start()
    started.until("round_opened", round=1)

    os.kill(started.worker("trainer-us-data-2"), signal.SIGKILL)
    run = started.finish()

    assert (calm.status, run.status) == (0, 0), calm.err + run.err
    assert [event["selected"] for event in run.events("round_opened")] == [["data-1"], ["data-2"], ["data-3"]]
    assert run.model == calm.model


@pytest.mark.long
def test_fedprox_holds_trainers_back_and_the_root_averages(federations: Callable[[], Any]) -> None:
    plain, held = (
        federations().write(optimizer=optimizer, rounds=2).run()
        for optimizer in ("fedavg", {"sort": "fedprox", "kwargs": {"mu": 1}})
    )

    assert (plain.status, held.status) == (0, 0), plain.err + held.err
    assert plain.model != held.model
    assert held.events("evaluated")[-1]["loss"] > plain.events("evaluated")[-1]["loss"], "it learns more slowly"
