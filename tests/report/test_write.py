"""What a report leaves in the run's folder."""

import csv
import re
from pathlib import Path

import pytest

from report.write import ReportError, write_report
from tests.report.build import Story, comparison_of, keep, star, story

MADE = {"metrics.csv", "tag.png", "learning.png", "phases.png", "bytes.png", "report.html"}


def test_a_report_is_made_of_a_finished_run(tmp_path: Path) -> None:
    folder = keep(story(rounds=3), tmp_path / "run")
    before = {path.name for path in folder.iterdir()}

    files = write_report(folder)

    assert {path.name for path in files} == MADE
    assert {path.name for path in folder.iterdir()} == before | MADE, "no drafts are left"
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in files if path.suffix == ".png")
    with (folder / "metrics.csv").open() as file:
        assert [row["accuracy"] for row in csv.DictReader(file)] == ["0.966000", "0.976800", "0.981400"]


def test_a_comparison_has_its_own_picture(tmp_path: Path) -> None:
    told = story(rounds=2)

    files = write_report(keep(told, tmp_path / "run", comparison=comparison_of(told)))

    assert {path.name for path in files} == MADE | {"comparison.png"}


def test_the_same_run_gives_the_same_bytes_wherever_it_lies(tmp_path: Path) -> None:
    """A report can be made again at any time, and can be compared."""
    first, second = (write_report(keep(story(rounds=2), tmp_path / name / "run")) for name in ("one", "two"))
    again = {path.name: path.read_bytes() for path in first}
    write_report(first[0].parent)

    for path, other in zip(first, second, strict=True):
        assert path.read_bytes() == again[path.name], f"{path.name} changes when it is made again"
        if path.suffix != ".html":
            assert path.read_bytes() == other.read_bytes(), f"{path.name} depends on its folder"


def test_a_report_is_made_of_what_an_interrupted_run_reached(tmp_path: Path) -> None:
    told = Story(star()).start()
    told.round(1)
    told.open(2)
    told.judge(1)

    files = {path.name: path for path in write_report(keep(told, tmp_path / "run"))}

    assert set(files) == MADE
    assert files["metrics.csv"].read_text().count("\n") == 2, "the round that was closed, and the head"
    assert "SIGINT" in files["report.html"].read_text()


def test_a_report_is_made_of_a_run_in_which_nothing_happened(tmp_path: Path) -> None:
    folder = keep(story(), tmp_path / "run")
    (folder / "events.jsonl").write_text("")

    files = {path.name for path in write_report(folder)}

    assert files == {"metrics.csv", "tag.png", "report.html"}, "pictures without data are left out"


def test_the_page_refers_to_nothing_outside_itself(tmp_path: Path) -> None:
    folder = keep(story(rounds=2), tmp_path / "run")
    write_report(folder)

    page = (folder / "report.html").read_text()
    sources = re.findall(r'(?:src|href|srcset|action)\s*=\s*"([^"]*)"', page)
    assert all(source.startswith(("data:image/", "#")) for source in sources)
    assert not re.search(r"url\((?!['\"]?(?:data:|#))|@import|<script|<link|<iframe", page)


def test_a_folder_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    folder = keep(story(rounds=1), tmp_path / "run")
    (folder / "metrics.csv").mkdir()

    with pytest.raises(ReportError, match=r"can't keep the report \(.+\); make it writable, or copy it elsewhere"):
        write_report(folder)
