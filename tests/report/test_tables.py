"""The end of a run in a terminal."""

import json
from pathlib import Path

import pytest

from report.as_json import describe
from report.record import read_record
from report.tables import summarize
from tests.report.build import Story, comparison_of, keep, sha, star, story


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize(("regions", "each"), [(3, 1), (3, 10), (30, 1), (1, 1)])
def test_the_tables_fit_the_terminal_and_lose_nothing(tmp_path: Path, width: int, regions: int, each: int) -> None:
    told = story(regions, each, rounds=2)
    record = read_record(keep(told, tmp_path / "run", comparison=comparison_of(told)))
    text = summarize(record, width=width, colour=False)

    lines = text.splitlines()
    assert max(len(line) for line in lines) <= width
    table = lines[: lines.index("")]
    assert "…" not in "\n".join(table), "no figure of a round may be cut"
    assert sum(line.split()[:2] == ["2", "97.68"] for line in lines) == 1
    assert f"model SHA-256  {sha('model', 1, 2)}" in text
    assert "final accuracy 97.68 % on 10,000 test samples" in text
    assert {"region", "training", "finished"} <= {line.split()[0] for line in lines if line}


def test_each_round_shows_each_regions_samples_training_time_and_the_overhead(tmp_path: Path) -> None:
    text = summarize(read_record(keep(story(rounds=1), tmp_path / "run")), width=120, colour=False)
    head, _, first = text.splitlines()[:3]

    assert head.split() == ["round", "accuracy", "loss", "time", "overhead", "asia", "eu", "us"]
    assert first.split()[:2] == ["1", "96.60"]
    assert [first.split()[i] for i in (8, 11, 14)] == ["18,000", "17,990", "17,980"]


def test_an_interrupted_run_says_how_far_it_came_and_why_it_ended(tmp_path: Path) -> None:
    told = Story(star(), rounds=5).start()
    told.round(1)
    told.open(2)
    text = summarize(read_record(keep(told, tmp_path / "run")), width=80, colour=False)

    assert "interrupted after 1 of 5 rounds" in text
    assert "the run was ended by SIGINT" in text


def test_a_run_without_any_event_still_has_an_end(tmp_path: Path) -> None:
    told = Story(star(), rounds=5)

    text = summarize(read_record(keep(told, tmp_path / "run", outcome="failed", message="a worker ended")), width=80)

    assert "failed after 0 of 5 rounds" in text
    assert "a worker ended" in text


def test_names_can_neither_colour_nor_move_the_terminal(tmp_path: Path) -> None:
    told = story(rounds=1)
    text = summarize(
        read_record(keep(told, tmp_path / "run", message="\x1b[2J[red]boo[/red]", outcome="failed")),
        width=80,
        colour=False,
    )

    assert "\x1b" not in text
    assert "[red]boo[/red]" in text, "markup is shown, not obeyed"


def test_the_same_is_there_as_json(tmp_path: Path) -> None:
    told = story(rounds=2)
    found = json.loads(json.dumps(describe(read_record(keep(told, tmp_path / "run")))))

    assert (found["outcome"], found["accuracy"], found["model"]) == ("finished", 0.9768, sha("model", 1, 2))
    assert [r["round"] for r in found["rounds"]] == [1, 2]
    assert found["rounds"][0]["regions"]["eu"]["samples"] == 17_990
    assert found["comparison"] is None
