"""Trees of aggregators on this machine: a star's model to the last bit, whatever is lost on the way."""

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from tag.library import Order, tag_text, topologies
from tests.local.programs import PACED

PARTS = 6
STAR = {"eu": ["data-1", "data-2"], "us": ["data-3", "data-4"], "asia": ["data-5", "data-6"]}
UNEVEN = {"b": ["data-6", "data-1", "data-4"], "a": ["data-5"], "c": ["data-3", "data-2"]}
QUARTERS = {"eu-1": ["data-4"], "eu-2": ["data-2", "data-1"], "us-1": ["data-6", "data-3"], "us-2": ["data-5"]}
MIDDLE = "middle-aggregator-eu"


def tree(*groups: str, tiers: int = 3, replicas: int = 1) -> str:
    """The TAG that `fedtag new hierarchical` writes; its middle aggregators may have standbys."""
    text = tag_text(Order(topologies()["hierarchical"], groups, 2, tiers), "tree", [])
    middle = "  - name: middle-aggregator\n"
    assert middle in text or tiers > 3
    return text.replace(middle, f"{middle}    replica: {replicas}\n")


@pytest.fixture(scope="module")
def star(federations: Callable[[], Any]) -> Any:
    """The star's run, with which others are compared."""
    return federations().write(regions=STAR, parts=PARTS).run()


@pytest.mark.parametrize(
    ("groups", "tiers", "regions"),
    [
        pytest.param(("eu", "us", "asia"), 3, STAR, id="three tiers"),
        pytest.param(("a", "b", "c"), 3, UNEVEN, id="three tiers, other groups and orders"),
        pytest.param(("eu", "us"), 4, QUARTERS, id="four tiers"),
    ],
)
def test_a_tree_of_any_depth_ends_with_the_stars_model(
    federations: Callable[[], Any], star: Any, groups: tuple[str, ...], tiers: int, regions: dict[str, list[str]]
) -> None:
    run = federations().write(regions=regions, parts=PARTS, graph=tree(*groups, tiers=tiers)).run()

    assert (star.status, run.status) == (0, 0), star.err + run.err
    assert run.model == star.model
    assert not run.events("dropped"), "nobody says what another has no business with"
    last, of_star = run.events("evaluated")[-1], star.events("evaluated")[-1]
    assert [last[key] for key in ("correct", "count", "loss")] == [of_star[key] for key in ("correct", "count", "loss")]
    for closed, like in zip(run.events("round_closed"), star.events("round_closed"), strict=True):
        assert closed["participants"] == like["participants"], "the root knows whose samples are in its model"


def test_brokers_of_the_regions_own_change_nothing_of_the_model(federations: Callable[[], Any], star: Any) -> None:
    channel = "  - name: param-channel\n"
    graph = tree("eu", "us", "asia").replace(channel, f'{channel}    broker: "broker-{{group}}"\n')
    started = federations().write(regions=STAR, parts=PARTS, graph=graph).start()
    started.until("round_opened", round=1)
    brokers = [child for child in started.children() if "local.broker" in child.cmdline()]
    run = started.finish()

    assert run.status == 0, run.err
    assert len(brokers) == 4, "one for each region, and the federation's"
    assert run.model == star.model


def killed(started: Any, name: str) -> None:
    os.kill(started.worker(name), signal.SIGKILL)


@pytest.mark.long
def test_a_middle_aggregator_that_dies_after_its_sum_was_sent_is_counted_once(
    federations: Callable[[], Any], star: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLOW", "data-5")  # another region, so that the round goes on after this one's sum
    graph = tree("eu", "us", "asia")
    started = federations().write(regions=STAR, parts=PARTS, program=PACED, graph=graph).start()
    started.until("passed_on", name=MIDDLE, round=2)

    killed(started, f"{MIDDLE}-0")
    run = started.finish()

    assert run.status == 0, run.err
    assert run.model == star.model
    assert f"{MIDDLE}-0 | was ended by signal 9" in run.err


@pytest.mark.long
def test_a_standby_of_a_middle_aggregator_takes_its_place_and_its_region_counts_once(
    federations: Callable[[], Any], star: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAUSE", "0.5")
    graph = tree("eu", "us", "asia", replicas=2)
    started = federations().write(regions=STAR, parts=PARTS, program=PACED, graph=graph).start("--replicas")
    started.until("update_counted", worker=f"{MIDDLE}-0", round=2)

    stopped = started.worker(f"{MIDDLE}-0")
    os.kill(stopped, signal.SIGSTOP)
    started.until("leading", worker=f"{MIDDLE}-1")
    time.sleep(0.5)
    os.kill(stopped, signal.SIGCONT)
    run = started.finish()

    assert run.status == 0, run.err
    assert run.model == star.model, "what the woken one had queued changes nothing"


@pytest.mark.long
def test_the_root_dies_between_two_sums_and_goes_on_from_its_checkpoint(
    federations: Callable[[], Any], star: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLOW", "data-5")
    started = federations().write(regions=STAR, parts=PARTS, program=PACED, graph=tree("eu", "us", "asia")).start()
    started.until("update_counted", worker="top-aggregator-default-0", round=2)

    killed(started, "top-aggregator-default-0")
    run = started.finish()

    assert run.status == 0, run.err
    assert run.model == star.model


def test_bad_data_below_a_middle_aggregator_ends_the_run_as_bad_input(federations: Callable[[], Any]) -> None:
    federation = federations().write(regions=STAR, parts=PARTS, graph=tree("eu", "us", "asia"))
    text = federation.stack.read_text()
    federation.stack.write_text(text.replace("#3/6", "#3/6", 1).replace("blobs.npz#5/6", "none.npz#5/6"))

    run = federation.run()

    assert run.status == 2
    assert "none.npz" in run.err
    assert "Traceback" not in run.err
