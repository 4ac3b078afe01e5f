"""Asynchronous aggregation on this machine: nobody waits for who is slow or lost."""

import os
import signal
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tag.library import Order, tag_text, topologies
from tests.local.programs import UNHURRIED

STAR = {"eu": ["data-1", "data-2"], "us": ["data-3", "data-4"], "asia": ["data-5"]}
TREE = {"eu": ["data-1", "data-2", "data-3"], "us": ["data-4", "data-5", "data-6"]}
ROUNDS = 10


@pytest.fixture(autouse=True)
def paced(monkeypatch: pytest.MonkeyPatch) -> None:
    """One trainer is slower than the others."""
    monkeypatch.setenv("PAUSE", "0.2")
    monkeypatch.setenv("SLOW", "data-5")
    monkeypatch.setenv("SLOWLY", "1.2")


def stack(federation: Any, *, regions: dict[str, list[str]] = STAR, **kwargs: float) -> Any:
    """A federation whose aggregators wait for two updates."""
    optimizer = {"sort": "fedbuff", "kwargs": {"aggGoal": 2, **kwargs}}
    parts = sum(map(len, regions.values()))
    return federation.write(regions=regions, parts=parts, program=UNHURRIED, rounds=ROUNDS, optimizer=optimizer)


def seconds(run: Any) -> float:
    """From the first round's opening to the run's end."""
    return float(run.events("finished")[-1]["time"] - run.events("round_opened")[0]["time"])


def accuracy(run: Any) -> float:
    return float(run.events("evaluated")[-1]["accuracy"])


@pytest.mark.long
def test_versions_go_on_without_a_slow_trainer_and_twice_as_fast(federations: Callable[[], Any]) -> None:
    waits = federations().write(regions=STAR, parts=5, program=UNHURRIED, rounds=ROUNDS).run()
    run = stack(federations()).run()

    assert (waits.status, run.status) == (0, 0), waits.err + run.err
    assert len(run.events("round_closed")) == ROUNDS
    assert seconds(run) * 2 < seconds(waits), "twice as fast at least"
    assert accuracy(run) > accuracy(waits) - 0.05
    counted = run.events("update_counted")
    assert Counter(e["round"] for e in counted) == dict.fromkeys(range(1, ROUNDS + 1), 2)
    assert max(e["staleness"] for e in counted) > 0, "who is slower than the others is older"
    assert run.events("evaluated")[-1]["count"] == waits.events("evaluated")[-1]["count"], "all judge the last model"
    assert not run.events("dropped")


@pytest.mark.long
def test_no_more_train_at_a_time_than_may(federations: Callable[[], Any]) -> None:
    run = stack(federations(), concurrency=2).run()

    assert run.status == 0, run.err
    per_trainer = Counter(e["dataset"] for e in run.events("update_counted"))
    assert set(per_trainer) >= {"data-1", "data-2", "data-3", "data-4"}, "each gets its turns"
    assert not run.events("dropped")


@pytest.mark.long
def test_a_tree_waits_for_nobody_either(federations: Callable[[], Any]) -> None:
    graph = tag_text(Order(topologies()["asynchronous"], tuple(TREE), 3, 3), "tree", [])
    optimizer = {"sort": "fedbuff", "kwargs": {"aggGoal": 1}}
    federation = federations().write(
        regions=TREE, parts=6, program=UNHURRIED, graph=graph, rounds=ROUNDS, optimizer=optimizer
    )
    run = federation.run()

    assert run.status == 0, run.err
    assert len(run.events("round_closed")) == ROUNDS
    assert seconds(run) < ROUNDS * 0.6, "a round with the slow trainer takes 1.2 s"
    assert accuracy(run) > 0.9
    names = {e["dataset"] for e in run.events("update_counted") if e["worker"].startswith("top-")}
    assert names == {"middle-aggregator-eu", "middle-aggregator-us"}
    assert not run.events("dropped")


def test_nobody_waits_for_a_trainer_that_is_killed(federations: Callable[[], Any]) -> None:
    started = stack(federations()).start()
    started.until("round_opened", round=3)
    os.kill(started.worker("trainer-us-data-3"), signal.SIGKILL)
    run = started.finish()

    assert run.status == 0, run.err
    assert len(run.events("round_closed")) == ROUNDS
    assert accuracy(run) > 0.9


@pytest.mark.long
@pytest.mark.parametrize("replicas", [True, False])
def test_a_run_goes_on_when_its_leader_is_killed(federations: Callable[[], Any], *, replicas: bool) -> None:
    started = stack(federations()).start(*(["--replicas"] if replicas else []))
    leader = started.until("round_opened", round=4)["worker"]
    os.kill(started.worker(leader), signal.SIGKILL)
    run = started.finish()

    assert run.status == 0, run.err
    assert [e["round"] for e in run.events("round_closed")][-1] == ROUNDS
    assert len({e["term"] for e in run.events("leading")}) == 2
    assert accuracy(run) > 0.9
    by_term = Counter((e["worker"], e["round"], e["dataset"], e["digest"]) for e in run.events("update_counted"))
    assert max(by_term.values()) == 1, "no update counts twice"


@pytest.mark.long
def test_a_run_goes_on_when_a_middle_aggregator_is_killed(federations: Callable[[], Any]) -> None:
    graph = tag_text(Order(topologies()["asynchronous"], tuple(TREE), 3, 3), "tree", [])
    optimizer = {"sort": "fedbuff", "kwargs": {"aggGoal": 2}}
    federation = federations().write(
        regions=TREE, parts=6, program=UNHURRIED, graph=graph, rounds=ROUNDS, optimizer=optimizer
    )
    started = federation.start("--replicas")
    started.until("round_closed", round=3)
    os.kill(started.worker("middle-aggregator-us-0"), signal.SIGKILL)
    run = started.finish()

    assert run.status == 0, run.err
    assert [e["round"] for e in run.events("round_closed")] == list(range(1, ROUNDS + 1))
    assert accuracy(run) > 0.9
