"""Trainers that a coordinator pairs with aggregators, on this machine: a star's model, whoever follows whom."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tag.library import Order, tag_text, topologies
from tests.local.programs import PACED

PARTS = 8
REGIONS = {"eu": ["data-1", "data-2", "data-3", "data-4", "data-5"], "us": ["data-6", "data-7", "data-8"]}
OTHERWISE = {"b": ["data-8", "data-2"], "a": ["data-4", "data-7", "data-1", "data-6", "data-5", "data-3"]}
COORDINATOR = "coordinator-default-0"


def graph(*groups: str) -> str:
    """The TAG that `fedtag new coordinated` writes."""
    return tag_text(Order(topologies()["coordinated"], groups, 3), "coordinated", [])


def pairs(run: Any) -> dict[tuple[str, int], dict[str, list[str]]]:
    """Who followed whom, by group and round, as the coordinator told it; a later word holds."""
    return {(event["group"], event["round"]): event["followers"] for event in run.events("paired")}


@pytest.fixture(scope="module")
def star(federations: Callable[[], Any]) -> Any:
    """The star's run, with which others are compared."""
    return federations().write(regions=REGIONS, parts=PARTS).run()


@pytest.fixture(scope="module")
def undisturbed(federations: Callable[[], Any]) -> Any:
    """A run in which nothing fails."""
    return federations().write(regions=REGIONS, parts=PARTS, graph=graph("eu", "us")).run()


def test_whoever_follows_whom_the_model_is_the_stars(star: Any, undisturbed: Any) -> None:
    assert (star.status, undisturbed.status) == (0, 0), star.err + undisturbed.err
    assert undisturbed.model == star.model
    assert not undisturbed.events("dropped"), "nobody says what another has no business with"
    logs = {log.name: log.read_text() for log in (undisturbed.folder / "logs").iterdir()}
    assert not [name for name, text in logs.items() if "Traceback" in text]
    for closed, like in zip(undisturbed.events("round_closed"), star.events("round_closed"), strict=True):
        assert closed["participants"] == like["participants"]
    last, of_star = undisturbed.events("evaluated")[-1], star.events("evaluated")[-1]
    assert [last[key] for key in ("correct", "count", "loss")] == [of_star[key] for key in ("correct", "count", "loss")]


def test_sums_hold_whom_the_coordinator_has_paired_and_pairs_change(undisturbed: Any) -> None:
    found = pairs(undisturbed)
    passed = undisturbed.events("passed_on")

    assert len(passed) == 3 * 4, "each of the four aggregators has a sum of its own in each round"
    for event in passed:
        group = event["worker"].split("-")[2]
        assert sorted(event["participants"]) == found[group, event["round"]][event["worker"]]
    assert len({str(found["eu", number]) for number in (1, 2, 3)}) > 1


@pytest.mark.long
def test_other_groups_and_orders_end_with_the_same_model(federations: Callable[[], Any], star: Any) -> None:
    run = federations().write(regions=OTHERWISE, parts=PARTS, graph=graph("a", "b")).run()

    assert run.status == 0, run.err
    assert run.model == star.model


@pytest.mark.long
@pytest.mark.parametrize(
    "victim",
    [
        pytest.param(COORDINATOR, id="coordinator"),
        pytest.param("middle-aggregator-eu-1", id="middle aggregator"),
        pytest.param("trainer-eu-data-2", id="trainer"),
        pytest.param("top-aggregator-default-0", id="root"),
    ],
)
def test_whoever_is_killed_the_pairs_and_the_model_are_the_same(
    federations: Callable[[], Any], star: Any, undisturbed: Any, monkeypatch: pytest.MonkeyPatch, victim: str
) -> None:
    monkeypatch.setenv("PAUSE", "0.4")
    started = federations().write(regions=REGIONS, parts=PARTS, program=PACED, graph=graph("eu", "us")).start()
    started.until("round_opened", round=2)

    os.kill(started.worker(victim), signal.SIGKILL)
    run = started.finish()

    assert run.status == 0, run.err
    assert f"{victim} | was ended by signal 9" in run.err
    assert run.model == star.model
    told, same = pairs(run), pairs(undisturbed)
    assert told
    assert all(same[at] == found for at, found in told.items()), "who is killed may not have told its last ones"


@pytest.mark.long
def test_a_round_without_its_pairs_waits_for_the_coordinator_and_says_so(
    federations: Callable[[], Any], star: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAUSE", "0.4")
    started = federations().write(regions=REGIONS, parts=PARTS, program=PACED, graph=graph("eu", "us")).start()
    started.until("round_opened", round=1)
    coordinator = started.worker(COORDINATOR)
    os.kill(coordinator, signal.SIGSTOP)

    while "waits for its coordinator" not in started.until("waiting")["reason"]:
        pass  # others may wait for trainers
    os.kill(coordinator, signal.SIGCONT)
    run = started.finish()

    assert run.status == 0, run.err
    assert run.model == star.model
