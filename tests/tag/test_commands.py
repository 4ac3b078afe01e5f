"""`fedtag check` and `fedtag expand`, as a user calls them."""

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from cli import check, expand
from tag.plan import Plan

FLAME = Path(__file__).parents[1] / "fixtures" / "flame"


def _fedtag(*words: object) -> int:
    parser = argparse.ArgumentParser(prog="fedtag")
    subparsers = parser.add_subparsers(required=True)
    for command in (check, expand):
        command.register(subparsers)
    args = parser.parse_args([str(word) for word in words])
    code: int = args.run(args)
    return code


def test_check_of_a_good_stack_says_who_works_and_that_it_is_exact(project: Any, capsys: Any) -> None:
    assert _fedtag("check", project.stack) == 0

    out = capsys.readouterr().out
    assert "no faults" in out
    assert "3 with data, 1 without" in out
    assert "exact       yes" in out


def test_check_says_why_a_stack_is_not_exact(project: Any, capsys: Any) -> None:
    project.edit(project.stack, "quorum: all", "quorum: 2\n    deadline: 30")

    assert _fedtag("check", project.stack, "--json") == 0

    facts = json.loads(capsys.readouterr().out)
    assert facts["ok"] is True
    assert [(f["code"], f["severity"]) for f in facts["faults"]] == [("T064", "note")]
    assert "30 s with 2 of 3 trainers" in facts["inexact"][0]


def test_check_lists_all_faults_and_exits_2(project: Any, capsys: Any) -> None:
    project.edit(project.tag, "replica: 1", "replica: 0")
    project.edit(project.stack, "rounds: 5", "rounds: 0")

    assert _fedtag("check", project.stack) == 2

    err = capsys.readouterr().err
    assert [word in err for word in ("T006", "T018", "Traceback")] == [True, True, False]


def test_faults_as_json_have_their_parts(project: Any, capsys: Any) -> None:
    project.edit(project.stack, "rounds: 5", "rounds: 0")

    assert _fedtag("expand", project.stack, "--json") == 2

    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is False
    assert set(answer["faults"][0]) == {"file", "line", "column", "code", "subject", "message", "severity"}


def test_check_of_a_tag_alone_names_its_roles(project: Any, capsys: Any) -> None:
    assert _fedtag("check", project.tag) == 0

    assert "aggregator, trainer" in capsys.readouterr().out


def test_expand_lists_workers_and_what_was_inferred(project: Any, capsys: Any) -> None:
    assert _fedtag("expand", project.stack) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if line.startswith("trainer-asia")] == [
        ["trainer-asia-tokyo", "trainer", "param-channel=asia", "asia", "tokyo", "(mnist:3/3)"]
    ]
    assert lines[-1].strip() == "trainer: [{param-channel: asia}, {param-channel: eu}, {param-channel: us}]"


def test_expand_as_json_is_the_plan(project: Any, capsys: Any) -> None:
    assert _fedtag("expand", project.stack, "--json") == 0

    assert Plan.model_validate_json(capsys.readouterr().out) == project.load().plan


def test_expand_of_a_tag_takes_a_flame_job(capsys: Any) -> None:
    folder = FLAME / "hier_mnist"

    assert _fedtag("expand", folder / "schema.json", "--job", folder) == 0

    assert "7 workers (4 with data, 3 without)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [([FLAME / "mnist" / "schema.json"], "T050 TARGET"), (["eu-us-asia", "--job", "x"], "T050 --job")],
)
def test_expand_says_when_a_job_is_missing_or_too_much(words: list[str | Path], told: str, capsys: Any) -> None:
    assert _fedtag("expand", *words) == 2

    assert told in capsys.readouterr().err
