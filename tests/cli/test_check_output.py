"""What `fedtag check` prints of faults: their lines with carets, JSON, and SARIF."""

import json
import os
import resource
import subprocess
import sys
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.__main__ import main
from cli.excerpts import WIDTH, excerpt
from cli.sarif import uri

ROOT = Path(__file__).resolve().parents[2]
TAG = str(ROOT / "stacks" / "tags" / "regions.yaml")
FLAME = ROOT / "tests" / "fixtures" / "flame" / "mnist"

BROKEN = """\
name: two faults
roles:
  - name: trainer
    isDataConsumer: true
    colour: red
  - name: aggregator
    groupAssociation:
      - {param-channel: ue}
channels:
  - name: param-channel
    pair: [trainer, aggregator]
    groupBy: {type: tag, value: [eu]}
    isUnidirectional: true
"""


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A TAG with two faults and a warning, in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tags").mkdir()
    (tmp_path / "tags" / "broken one.yaml").write_text(BROKEN)
    return "tags/broken one.yaml"


def test_each_fault_has_its_source_line_with_a_caret(broken: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", broken]) == 2

    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert [line.split(": ")[0] for line in lines[0:9:3]] == [f"{broken}:{p}" for p in ("5:5", "8:25", "13:23")]
    assert lines[1:3] == ["    5 |     colour: red", "      |     ^~~~~~"], "an unknown field is wrong in its key"
    assert lines[4:6] == ["    8 |       - {param-channel: ue}", "      |                         ^~"]
    assert "T019 warning: " in lines[6]
    assert lines[9:] == ["2 faults, 1 warning"]


def test_several_targets_are_checked_at_once(broken: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", TAG, broken, broken, "eu-us-asia", "nope"]) == 2

    said = capsys.readouterr()
    assert [line.partition(" (")[0] for line in said.out.splitlines()] == [f"{TAG}: no faults", "eu-us-asia: no faults"]
    assert said.err.splitlines()[-1] == "3 faults, 1 warning", "a file that is named twice has its faults once"
    assert "T048 stack 'nope'" in said.err


def test_several_targets_as_json_are_a_list(broken: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", broken, "eu-us-asia", "--json"]) == 2

    said = json.loads(capsys.readouterr().out)
    assert (said["ok"], [fault["column"] for fault in said["faults"]]) == (False, [5, 25, 23])
    assert [(t["target"], t["ok"], t.get("trainers")) for t in said["targets"]] == [
        (broken, False, None),
        ("eu-us-asia", True, 3),
    ]


def test_good_targets_end_with_0_and_warnings_are_told(broken: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(broken)
    path.write_text(BROKEN.replace("    colour: red\n", "").replace(": ue", ": eu"))

    assert main(["check", broken]) == 0

    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.splitlines()[1:4] == [
        "   12 |     isUnidirectional: true",
        "      |                       ^~~~",
        f"{broken}: no faults, 1 warning",
    ]


def test_a_note_is_told_last_and_stops_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack = tmp_path / "Pulumi.here.yaml"
    stack.write_text((ROOT / "stacks" / "Pulumi.eu-us-asia.yaml").read_text().replace("../", f"{ROOT}/"))
    tag = str(ROOT / "stacks" / "tags" / "regions.yaml")
    text = stack.read_text().replace("tag: tags/regions.yaml", f"tag: {tag}")
    stack.write_text(text.replace("    datasets:", "    quorum: 2\n    deadline: 3600\n    datasets:"))

    assert main(["check", str(stack)]) == 0

    said = capsys.readouterr().out
    assert said.index(" T041 warning: ") < said.index(" T064 note: ")
    assert f"{stack}: no faults, 1 warning, 1 note\n" in said


def test_fifty_faults_are_printed_and_the_rest_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tag = tmp_path / "tag.yaml"
    tag.write_text(Path(TAG).read_text() + "".join(f"field{i}: 1\n" for i in range(1000)))

    assert main(["check", str(tag)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert main(["check", str(tag), "--json"]) == 2
    faults = json.loads(capsys.readouterr().out)["faults"]
    assert main(["expand", str(tag), "--job", str(FLAME)]) == 2
    others = capsys.readouterr().err.splitlines()

    assert sum(" T004 " in line for line in lines) == 50
    assert lines[-2:] == ["… and 950 more; --json prints all", "1,000 faults"]
    assert [f["line"] for f in faults] == list(range(faults[0]["line"], faults[0]["line"] + 1000)), "all, in order"
    assert len(others) == 52, "other commands print no more, each in a line"


@pytest.mark.parametrize("old", ["param-channel: ", "pair: [", "- name: "])
def test_a_thousand_faults_of_any_kind_take_no_minute(tmp_path: Path, old: str) -> None:
    """The nearest of a thousand names is sought for each of a thousand wrong ones."""
    many = [f"region-{i:04}" for i in range(1000)]
    text = "name: many\nroles:\n  - {name: trainer, isDataConsumer: true}\n"
    text += "".join(f"  - {{name: {name}, groupAssociation: [{{param-channel: {name[::-1]}}}]}}\n" for name in many)
    groups = ", ".join(many)
    text += f"channels:\n  - {{name: param-channel, pair: [trainer, region-0000], groupBy: {{value: [{groups}]}}}}\n"
    text += "".join(f"  - {{name: c{i}, pair: [trainer, regoin-{i:04}]}}\n" for i in range(1000))
    (tmp_path / "tag.yaml").write_text(text.replace(old, f"{old}x"))
    begun = time.process_time()

    assert main(["check", str(tmp_path / "tag.yaml")]) == 2

    assert time.process_time() - begun < 15, "seconds; 2 are usual"


def test_sarif_has_what_code_hosts_need(broken: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The required parts of SARIF 2.1.0's schema, and of what code hosts ask beyond it."""
    assert main(["check", broken, TAG, "--sarif"]) == 2

    log = json.loads(capsys.readouterr().out)
    assert (log["version"], "sarif" in log["$schema"]) == ("2.1.0", True)
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], run["columnKind"]) == ("fedtag", "unicodeCodePoints")
    assert [rule["id"] for rule in driver["rules"]] == ["T004", "T019", "T023"], "those that occur, once each"
    for rule in driver["rules"]:
        assert all(rule[part]["text"] for part in ("shortDescription", "fullDescription", "help"))
        assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note")
    for result in run["results"]:
        assert set(result) == {"ruleId", "ruleIndex", "level", "message", "locations"}
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert isinstance(result["message"]["text"], str)
        (location,) = result["locations"]
        physical = location["physicalLocation"]
        assert physical["artifactLocation"] == {"uri": "tags/broken%20one.yaml"}, "relative, with forward slashes"
    found = [(r["ruleId"], r["level"], r["locations"][0]["physicalLocation"]["region"]) for r in run["results"]]
    assert found == [
        ("T004", "error", {"startLine": 5, "startColumn": 5}),
        ("T023", "error", {"startLine": 8, "startColumn": 25}),
        ("T019", "warning", {"startLine": 13, "startColumn": 23}),
    ]


def test_sarif_of_good_files_has_no_results(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", TAG, "--sarif"]) == 0

    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert (run["results"], run["tool"]["driver"]["rules"]) == ([], [])


def test_a_file_outside_the_folder_has_an_absolute_uri() -> None:
    assert [uri("/home/a b/ü.yaml"), uri("tags/a.yaml")] == ["file:///home/a%20b/%C3%BC.yaml", "tags/a.yaml"]


@pytest.mark.parametrize(
    ("line", "column", "shown", "caret"),
    [
        ("rounds: 0 # no", 9, "rounds: 0 # no", "        ^"),
        ("\t\tname: x", 9, "        name: x", "              ^"),
        ("日本: [é, e\u0301, ü]", 13, "日本: [é, e\u0301, ü]", " " * 13 + "^"),
        ("日本: 'a b'", 5, "日本: 'a b'", "      ^~~~~"),
        ("name: Demo Stack # mine", 7, "name: Demo Stack # mine", "      ^~~~~~~~~~"),
        ("a: 12:30, b", 4, "a: 12:30, b", "   ^~~~~"),
        ("key:", 5, "key:", "    ^"),
        ("key:", 99, "key:", "    ^"),
        ("a: \x1b[31m\u202e", 4, "a: \ufffd[31m\ufffd", "   ^"),
        ("x" * 500, 250, "…" + "x" * 94 + "…", " " * 48 + "^" + "~" * 47),
        ("x" * 90 + ": " + "y" * 8, 93, "…" + "x" * 45 + ": " + "y" * 8, " " * 48 + "^" + "~" * 7),
    ],
)
def test_the_caret_stands_under_what_is_wrong(line: str, column: int, shown: str, caret: str) -> None:
    assert excerpt(line, column) == (shown, caret)


@given(st.text(st.characters(exclude_characters="\r\n")), st.integers(1, 300), st.integers(0, 3))
def test_an_excerpt_is_never_wider_than_it_may_be(text: str, column: int, times: int) -> None:
    shown, caret = excerpt(text * 4**times, column)

    assert max(_width(shown), _width(caret)) <= WIDTH + 1, "a wide character may be cut"
    assert all(c.isprintable() for c in shown)
    assert caret.count("^") == 1


def _width(text: str) -> int:
    wide = sum(unicodedata.east_asian_width(c) in ("W", "F") for c in text)
    return len(text) + wide - sum(unicodedata.category(c) in ("Mn", "Me") for c in text)


def test_a_terminal_without_a_users_letters_shows_them_escaped(broken: str) -> None:
    good = BROKEN.replace("    colour: red\n", "").replace(": ue", ": eu")
    Path(broken).write_text(good.replace("true\n", "true # ü\n"), encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-m", "cli", "check", str(Path(broken).resolve())],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )

    assert "isUnidirectional: true # \\xfc" in done.stdout


def test_check_of_the_example_takes_half_a_second_at_most() -> None:
    """Of the processor, with the interpreter's start; the machine may be busy, so the best of five counts."""

    def seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "cli", "check", "eu-us-asia"], cwd=ROOT, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(5)) < 0.5
