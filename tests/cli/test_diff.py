"""`fedtag diff OLD NEW`."""

import json
import shutil
from pathlib import Path

import pytest

from cli.__main__ import main
from tag.load import STACKS

TAG = str(STACKS / "tags" / "regions.yaml")


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """The example's stack with a round more, in another folder."""
    shutil.copytree(STACKS, tmp_path / "stacks")
    path = tmp_path / "stacks" / "Pulumi.eu-us-asia.yaml"
    text = path.read_text().replace("../worker", f"{STACKS.parent}/worker")
    path.write_text(text.replace("rounds: 5", "rounds: 6").replace("size: 1Gi", "size: 2Gi"))
    return path


def test_differences_are_told_and_are_no_failure(changed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "eu-us-asia", str(changed)]) == 0

    assert capsys.readouterr().out.splitlines() == [
        "= role trainer: unchanged (3 workers)",
        "~ run: rounds 5 → 6; aggregator-all-0, aggregator-all-1 start anew",
        "~ kubernetes: storage.size 1Gi → 2Gi",
        "",
        "workers: 0 new, 0 gone, 2 started anew, 3 as before",
    ]


def test_exit_code_tells_differences_on_demand(changed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "eu-us-asia", str(changed), "--exit-code"]) == 1
    assert main(["diff", "eu-us-asia", "eu-us-asia", "--exit-code"]) == 0
    assert capsys.readouterr().out.endswith("eu-us-asia and eu-us-asia say the same\n")


def test_json_has_each_change_with_its_parts(changed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "eu-us-asia", str(changed), "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    run = next(change for change in told["changes"] if change["kind"] == "run")
    assert told["differs"] is True
    assert (run["change"], run["before"], run["after"]) == ("changed", {"rounds": 5}, {"rounds": 6})
    assert run["restarts"] == told["restarting"] == ["aggregator-all-0", "aggregator-all-1"]
    assert told["goingOn"] == 3


def test_a_stack_and_a_tag_are_not_compared(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "eu-us-asia", TAG]) == 2
    assert "compare two stacks or two TAGs" in capsys.readouterr().err


def test_the_faults_of_both_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "nowhere", "neither", "--json"]) == 2

    told = json.loads(capsys.readouterr().out)
    assert {fault["subject"] for fault in told["faults"]} == {"stack 'nowhere'", "stack 'neither'"}
