"""`fedtag report`: finds the run, makes its report, prints its result."""

import json
from pathlib import Path

import pytest

from cli.__main__ import main
from tests.report.build import keep, sha, story


def test_the_newest_run_is_reported_by_latest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(story(rounds=1), tmp_path / "20260101T000000Z-eu-us-asia")
    newest = keep(story(rounds=2), tmp_path / "20260102T000000Z-eu-us-asia")
    (tmp_path / "zzz").mkdir()

    assert main(["report", "latest", "--runs", str(tmp_path)]) == 0

    out = capsys.readouterr().out
    assert "97.68 %" in out
    assert sha("model", 1, 2) in out
    assert max(len(line) for line in out.splitlines() if str(tmp_path) not in line) <= 80
    assert (newest / "report.html").is_file()


@pytest.mark.parametrize("inside", [True, False])
def test_a_run_is_named_by_its_folder_or_by_its_name_among_the_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, inside: bool
) -> None:
    folder = keep(story(rounds=1), tmp_path / "mine")
    arguments = ["mine", "--runs", str(tmp_path)] if inside else [str(folder)]

    assert main(["report", *arguments, "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert told["accuracy"] == 0.966
    assert told["model"] == sha("model", 1, 1)
    assert str(folder / "metrics.csv") in told["files"]
    assert all(Path(file).is_file() for file in told["files"])


def test_a_run_that_did_not_finish_gives_a_report_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = keep(story(rounds=1), tmp_path / "run", outcome="failed", message="the aggregator ended")

    assert main(["report", str(folder)]) == 0
    assert "failed" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["latest", "nowhere"])
def test_where_there_is_no_run_it_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main(["report", name, "--runs", str(tmp_path)]) == 2

    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert "fedtag run" in said
    assert said.count("\n") == 1
