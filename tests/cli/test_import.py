"""`fedtag import`, as a user calls it."""

import json
import shutil
from pathlib import Path

import pytest

from cli.__main__ import main

FLAME = Path(__file__).parents[1] / "fixtures" / "flame"


def _import(*words: object) -> int:
    return main(["import", *map(str, words)])


def test_an_example_becomes_two_files_that_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _import(FLAME / "mnist", "--out", tmp_path, "--name", "mine") == 0

    out = capsys.readouterr().out
    assert "1 worker with data, 1 without" in out
    assert f"fedtag run {tmp_path / 'Pulumi.mine.yaml'}" in out
    assert main(["check", str(tmp_path / "Pulumi.mine.yaml")]) == 0
    assert (tmp_path / "tags" / "mine.yaml").read_text().startswith("# yaml-language-server: $schema=")


def test_what_cannot_run_yet_is_written_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = shutil.copytree(FLAME / "distributed_training", tmp_path / "job")
    schema, data = (json.loads((job / name).read_text()) for name in ("schema.json", "dataSpec.json"))
    schema["roles"][0]["groupAssociation"].append({"param-channel": "eu"})
    schema["channels"][0]["groupBy"]["value"].append("eu")
    fourth = json.loads((job / "dataset_1.json").read_text())
    fourth |= {"name": "a fourth", "url": fourth["url"].replace("mnist_1", "mnist_4")}
    (job / "dataset_4.json").write_text(json.dumps(fourth))
    groups = data[0]["datasetGroups"]
    groups["eu"] = [groups["us"].pop(), "6270772a081ef2787befd975"]
    (job / "schema.json").write_text(json.dumps(schema))
    (job / "dataSpec.json").write_text(json.dumps(data))

    assert _import(job, "--out", tmp_path, "--json") == 0

    said = json.loads(capsys.readouterr().out)
    assert (said["ok"], said["runs"]) == (True, False)
    assert "separate rings" in said["faults"][0]["message"]
    assert len([left for left in said["notCarriedOver"] if left["subject"].startswith("url ")]) == 4
    assert Path(said["stack"]) == tmp_path / "Pulumi.job.yaml"
    assert Path(said["tag"]).is_file()


def test_notes_alike_are_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _import(FLAME / "medmnist", "--out", tmp_path) == 0

    out = capsys.readouterr().out
    assert out.count("isPublic") == 1
    assert out.count("and 9 more like it") == 3


def test_code_for_flames_library_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = shutil.copytree(FLAME / "mnist", tmp_path / "job")
    (job / "trainer").mkdir()
    (job / "trainer" / "main.py").write_text("")
    (job / "mnist.zip").write_bytes(b"")

    assert _import(job, "--out", tmp_path) == 0

    out = capsys.readouterr().out
    assert "main.py:1: code: it is written for Flame's library" in out
    assert "mnist.zip:1: code" in out


def test_nothing_is_overwritten_but_by_force(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _import(FLAME / "mnist", "--out", tmp_path) == 0
    (tmp_path / "Pulumi.mnist.yaml").write_text("mine\n")

    assert _import(FLAME / "mnist", "--out", tmp_path) == 2
    assert "would be overwritten" in capsys.readouterr().err
    assert (tmp_path / "Pulumi.mnist.yaml").read_text() == "mine\n"
    assert _import(FLAME / "mnist", "--out", tmp_path, "--force") == 0
    assert (tmp_path / "Pulumi.mnist.yaml").read_text() != "mine\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "T001"),
        ([FLAME / "mnist", "--name", "My Stack"], "the stack's name 'My Stack'"),
        ([FLAME / "mnist", "--data", "adult"], "T036 --data"),
        ([FLAME / "mnist", "--data", "program:"], "name yours with --program FILE"),
        ([FLAME / "mnist", "--program", "none.py"], "program 'none.py' does not exist"),
    ],
)
def test_bad_input_is_told_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[object], said: str
) -> None:
    assert _import(*words, "--out", tmp_path) == 2

    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_faults_of_the_example_are_told_of_its_own_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = shutil.copytree(FLAME / "mnist", tmp_path / "job")
    (job / "dataSpec.json").write_text('[{"role": "trainer", "datasetGroups": {"uk": ["dataset"]}}]')

    assert _import(job, "--out", tmp_path, "--json") == 2

    said = json.loads(capsys.readouterr().out)
    assert [(Path(f["file"]).name, f["code"]) for f in said["faults"] if f["severity"] == "error"] == [
        ("dataSpec.json", "T033")
    ]
