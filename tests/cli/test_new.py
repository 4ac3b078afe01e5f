"""`fedtag new`, as a user calls it."""

import json
from pathlib import Path

import pytest

from cli.__main__ import main


def _new(*words: object) -> int:
    return main(["new", *map(str, words)])


def test_a_new_star_has_no_faults_and_is_ready_to_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _new("central", "--groups", "eu, us", "--trainers", 2, "--name", "mine", "--out", tmp_path) == 0

    out = capsys.readouterr().out
    assert "central, 4 trainers" in out
    assert out.splitlines()[-1] == f"next: fedtag run {tmp_path / 'Pulumi.mine.yaml'}"
    assert main(["expand", str(tmp_path / "Pulumi.mine.yaml"), "--json"]) == 0
    workers = json.loads(capsys.readouterr().out)["workers"]
    assert [w["spec"]["worker"] for w in workers] == [
        "aggregator-all-0",
        *(f"trainer-{group}-mnist-{group}-{k}" for group in ("eu", "us") for k in (1, 2)),
    ]


def test_the_list_has_a_sentence_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert _new("--list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert _new("--list", "--json") == 0
    known = json.loads(capsys.readouterr().out)

    assert [line.split()[0] for line in lines] == list(known)
    assert {"central", "hierarchical", "coordinated", "hybrid", "ring", "asynchronous", "parallel"} == set(known)
    assert all(line.endswith(sentence) for line, sentence in zip(lines, known.values(), strict=True))


def test_json_says_what_was_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _new("central", "--out", tmp_path, "--json") == 0

    said = json.loads(capsys.readouterr().out)
    assert (said["ok"], said["runs"], said["trainers"], said["faults"]) == (True, True, 3, [])
    assert all(Path(said[key]).is_file() for key in ("stack", "tag"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "no topology is named; there are central, hierarchical"),
        (["centrl"], "topology 'centrl' is not known; did you mean 'central'"),
        (["central", "--groups", "eu,eu"], "group 'eu' stands twice"),
        (["central", "--groups", "eu,,us"], "group '' of --groups"),
        (["central", "--groups", "EU West"], "write 'eu-west'"),
        (["central", "--trainers", "0"], "--trainers 0 is below 1"),
        (["central", "--trainers", "10000"], "more than the 6000"),
        (["central", "--tiers", "3"], "--tiers goes with 'hierarchical'"),
        (["hierarchical", "--tiers", "2"], "--tiers 2 is not in 3..6"),
        (["central", "--name", "a/b"], "the stack's name 'a/b'"),
        (["central", "--name", "../up"], "the stack's name '../up'"),
    ],
)
def test_bad_input_is_told_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert _new(*words, "--out", tmp_path) == 2

    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert said in err
    assert list(tmp_path.iterdir()) == []


def test_files_that_exist_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tags").mkdir()
    (tmp_path / "tags" / "central.yaml").write_text("mine\n")

    assert _new("central", "--out", tmp_path) == 2
    assert "tags/central.yaml would be overwritten" in capsys.readouterr().err
    assert not (tmp_path / "Pulumi.central.yaml").exists()
    assert _new("central", "--out", tmp_path, "--force") == 0


def test_a_folder_that_cannot_be_written_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")

    assert _new("central", "--out", tmp_path / "file") == 2
    assert "can't be written" in capsys.readouterr().err


def test_names_that_make_too_long_ids_are_faults_of_the_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _new("central", "--groups", "a" * 40, "--out", tmp_path) == 1

    assert "T046" in capsys.readouterr().out
