"""Rings on this machine: a star's model to the last bit without an aggregator, whoever dies in whichever phase."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tag.library import Order, tag_text, topologies
from tests.local.programs import PACED
from worker.protocol.patience import STALLED_S

NAMES = ["data-1", "data-2", "data-3"]
ONE = {"default": NAMES}
LEADER, OTHER = "data-1", "data-3"
"""Whoever is first in the roster leads first."""
MORTAL = (
    PACED
    + """

import signal
from pathlib import Path

from worker.protocol import ring_io
from worker.roles.adding import Adding

_adding_step = Adding.step


def _phase(adding, event):
    legs, have = adding.member.legs, adding.member.have
    if isinstance(event, ring_io.Named) and event.attempt.members:
        return "before anything"
    if isinstance(event, ring_io.Came) and legs is not None:
        return "in reduce-scatter" if have < len(legs.coming) // 2 else "in all-gather"
    return "before commit" if isinstance(event, ring_io.Made) else ""


def _mortal(adding, event, now):
    attempt = event.attempt if isinstance(event, ring_io.Named) else adding.member.attempt
    mark = Path(os.environ["MARK"])
    doomed = attempt is not None and attempt.round == 2 and os.environ["DOOMED"] == _name
    if doomed and _phase(adding, event) == os.environ["PHASE"] and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return _adding_step(adding, event, now)


Adding.step = _mortal
"""
)
DEATHS = [
    ("before anything", OTHER),
    ("in reduce-scatter", LEADER),
    ("in all-gather", OTHER),
    ("before commit", LEADER),
]


RING = tag_text(Order(topologies()["ring"], ("default",), 3, 2), "ring", []).replace("[default]", "[{groups}]")
"""The TAG that `fedtag new ring` writes, with a group of any name."""


@pytest.fixture
def doom(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str, str], None]:
    """Lets a member die once, in a phase of round 2."""

    def settle(name: str, phase: str) -> None:
        for variable, value in {"MARK": str(tmp_path / "dead"), "DOOMED": name, "PHASE": phase}.items():
            monkeypatch.setenv(variable, value)

    return settle


@pytest.fixture(scope="module")
def star(federations: Callable[[], Any]) -> Any:
    """The star's run, with which others are compared."""
    return federations().write().run()


def models(run: Any, kind: str) -> set[tuple[int, str]]:
    """The rounds' models, as events of a kind name them."""
    return {(event["round"], event["model"]) for event in run.events(kind)}


def agreed(run: Any, star: Any) -> None:
    """Each round's model must be the star's, and all members must have judged it, so all hold it.

    Of a leader that is killed, the last tenth of a second's events are lost.
    """
    assert run.status == 0, run.err
    assert run.model == star.model
    assert {score["count"] for score in run.events("evaluated")} == {300}, "each judges its own part of the test set"
    judged = models(run, "evaluated")
    assert judged <= models(star, "evaluated")
    assert max(judged) == (3, star.model)
    assert models(run, "round_closed") <= models(star, "round_closed")


@pytest.mark.parametrize(
    ("group", "names"), [("default", NAMES), ("world", ["data-3", "data-1", "data-2"])], ids=["one", "another order"]
)
def test_a_ring_ends_with_the_stars_model(
    federations: Callable[[], Any], star: Any, group: str, names: list[str]
) -> None:
    run = federations().write(regions={group: names}, graph=RING).run()

    agreed(run, star)
    assert models(run, "evaluated") == models(star, "evaluated")
    assert not run.events("dropped"), "nobody says what another has no business with"
    assert len(run.events("leading")) == 1, "the first of the roster, at once"
    for mine, theirs in zip(run.events("round_closed"), star.events("round_closed"), strict=True):
        assert mine["participants"] == theirs["participants"]


@pytest.mark.long
@pytest.mark.parametrize(("phase", "doomed"), DEATHS)
def test_a_member_that_dies_in_an_attempt_comes_back_and_nothing_shows(
    federations: Callable[[], Any], star: Any, doom: Callable[[str, str], None], phase: str, doomed: str
) -> None:
    doom(doomed, phase)

    run = federations().write(regions=ONE, graph=RING, program=MORTAL).run()

    assert f"trainer-default-{doomed} | was ended by signal 9" in run.err, "or else this shows nothing"
    agreed(run, star)
    assert all(set(event["participants"]) == set(NAMES) for event in run.events("round_closed"))


@pytest.mark.long
def test_a_leader_that_dies_while_it_trains_repeats_its_training(
    federations: Callable[[], Any], star: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAUSE", "0.5")
    started = federations().write(regions=ONE, graph=RING, program=PACED).start()
    started.until("round_opened", round=2)

    os.kill(started.worker(f"trainer-default-{LEADER}"), signal.SIGKILL)
    run = started.finish()

    agreed(run, star)


def test_with_a_smaller_quorum_the_attempt_is_repeated_without_the_lost_one(
    federations: Callable[[], Any], doom: Callable[[str, str], None]
) -> None:
    doom(OTHER, "in reduce-scatter")

    run = federations().write(regions=ONE, graph=RING, program=MORTAL, quorum=2, deadline=3600).run()

    assert run.status == 0, run.err
    closed = run.events("round_closed")
    assert [sorted(event["participants"]) for event in closed][:2] == [NAMES, ["data-1", "data-2"]]
    assert closed[1]["seconds"] < 10, "at once, and not at the deadline"


def test_a_leader_that_is_late_itself_takes_the_model_that_the_others_made(
    federations: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLOW", LEADER)
    monkeypatch.setenv("DELAY", "3")

    run = federations().write(regions=ONE, graph=RING, program=PACED, quorum=2, deadline=1, rounds=2).run()

    assert run.status == 0, run.err
    assert {event["worker"] for event in run.events("round_closed")} == {f"trainer-default-{LEADER}"}
    assert [sorted(event["participants"]) for event in run.events("round_closed")] == [["data-2", "data-3"]] * 2


def test_bad_data_of_a_member_ends_the_run_as_bad_input(federations: Callable[[], Any]) -> None:
    broken = PACED.replace("    return dataset.load()", '    raise ValueError("the disk is not mounted")')

    run = federations().write(regions=ONE, graph=RING, program=broken).run()

    assert run.status == 2
    assert "the disk is not mounted" in run.err


PAIRS = {"eu": ["data-1", "data-2"], "us": ["data-3", "data-4"], "asia": ["data-5", "data-6"]}
HYBRID = tag_text(Order(topologies()["hybrid"], tuple(PAIRS), 2, 2), "hybrid", [])
"""The TAG that `fedtag new hybrid` writes: a ring in each region, under one aggregator."""


@pytest.fixture(scope="module")
def larger(federations: Callable[[], Any]) -> Any:
    """A star of six, with which hybrids are compared."""
    return federations().write(regions=PAIRS, parts=6).run()


@pytest.mark.long
def test_a_ring_in_each_region_under_an_aggregator_ends_with_the_stars_model(
    federations: Callable[[], Any], larger: Any
) -> None:
    run = federations().write(regions=PAIRS, parts=6, graph=HYBRID).run()

    agreed(run, larger)
    assert models(run, "evaluated") == models(larger, "evaluated")
    assert not run.events("dropped")
    for mine, theirs in zip(run.events("round_closed"), larger.events("round_closed"), strict=True):
        assert mine["participants"] == theirs["participants"], "the root knows whose samples are in its model"
    assert all(e["receiving"] < STALLED_S for e in run.events("trained")), "a ring's leader gives it each model unasked"
    assert {e["group"] for e in run.events("ready")} == set(PAIRS)


@pytest.mark.long
@pytest.mark.parametrize(("phase", "doomed"), [("in reduce-scatter", "data-3"), ("before commit", "data-4")])
def test_a_ring_whose_member_dies_counts_once_above(
    federations: Callable[[], Any], larger: Any, doom: Callable[[str, str], None], phase: str, doomed: str
) -> None:
    doom(doomed, phase)

    run = federations().write(regions=PAIRS, parts=6, graph=HYBRID, program=MORTAL).run()

    assert f"trainer-us-{doomed} | was ended by signal 9" in run.err, "or else this shows nothing"
    agreed(run, larger)
