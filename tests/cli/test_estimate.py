"""`fedtag estimate TARGET`."""

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from cli.__main__ import main
from local.measure import measure
from tag.load import load_stack
from tag.spec import WorkerSpec
from worker.errors import InputError

FLAME = Path(__file__).parents[1] / "fixtures" / "flame"
STAR = """
config:
  fedtag:federation:
    tag: {tag}
    program: program.py
    datasets:
      eu: [{{name: a, uri: "program:1/3"}}]
      us: [{{name: b, uri: "program:2/3"}}]
      asia: [{{name: c, uri: "program:3/3"}}]
"""
PROGRAM = """
import numpy as np
class Net:
    def get_weights(self): return [np.zeros((100, 10), np.float32), np.zeros(10, np.float32)]
    def set_weights(self, weights): pass
def build_model(): return Net()
def load_data(dataset): raise RuntimeError("the estimate needs no data")
"""


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """A stack whose program needs numpy only."""
    tag = Path(__file__).resolve().parents[2] / "stacks" / "tags" / "regions.yaml"
    (tmp_path / "program.py").write_text(PROGRAM)
    path = tmp_path / "Pulumi.mine.yaml"
    path.write_text(STAR.format(tag=tag))
    return path


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["estimate", *arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_people_get_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estimate", "eu-us-asia", "--model-size", "139832", "--link", "100mbit"]) == 0

    lines = capsys.readouterr().out.splitlines()
    rows = [re.split(r"  +", line) for line in lines]
    assert lines[0] == "eu-us-asia: 5 workers, 3 with data; 5 rounds"
    assert ["trainer", "asia, eu, us", "3", "–", "141 kB", "141 kB"] in rows
    assert ["asia, eu, us", "3 (1 each)", "141 kB", "141 kB", "0.0225"] in rows
    assert ["aggregator", "at most 96.5 Mi", "768 Mi", "4 × the model and 96 MiB"] in rows
    assert ["as planned", "423 kB", "422 kB", "4.22 MB", "0.0225", "0.0675"] in rows
    assert lines[-1] == "raw data to one place, once: 54.9 MB, 13 × what the run takes"
    assert max(map(len, lines)) <= 120


def test_json_has_the_same_numbers_with_their_units(capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, "eu-us-asia", "--model-size", "139832", "--link", "100mbit")

    assert (found["workers"], found["trainers"], found["brokerConnections"]) == (5, 3, 6)
    assert found["modelBytes"] == 139_832
    assert found["rawDataBytes"] == pytest.approx(70_000 * 785, abs=3)
    links = found["regionLinks"]
    assert [link["region"] for link in links] == ["asia", "eu", "us"]
    assert sum(link["upBytesPerRound"] for link in links) == found["layouts"][0]["upBytesPerRound"]
    assert links[0]["secondsPerRound"] == pytest.approx(
        8 * (links[0]["upBytesPerRound"] + links[0]["downBytesPerRound"]) / 100e6, abs=1e-6
    )
    assert found["layouts"][0]["runBytes"] == 5 * sum(
        link["upBytesPerRound"] + link["downBytesPerRound"] for link in links
    )
    assert found["warnings"] == []


def test_a_program_builds_its_model_without_data(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, str(stack))

    assert found["modelParameters"] == 1_010
    assert 4_040 < found["modelBytes"] < 4_400, "the weights and the file's header"
    trainer = next(pod for pod in found["pods"] if pod["role"] == "trainer")
    assert 20e6 < trainer["memoryBytes"] < 300e6, "as this process took, not as Keras does"


def test_a_stack_is_scaled_up_on_paper(capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, "eu-us-asia", "--model-size", "40MB", "--regions", "100", "--trainers", "1000")

    assert found["trainers"] == 1_000
    assert len(found["regionLinks"]) == 100
    assert max(group["fanIn"] for group in found["groups"]) == 1_000
    assert "put aggregators between" in "".join(found["warnings"])


def test_rows_with_the_same_numbers_are_one(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--model-size", "40MB", "--regions", "90", "--trainers", "900"]
    assert main(["estimate", "eu-us-asia", *arguments]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < 30
    assert any("(90 groups)" in line and " 900 " in line for line in lines)
    assert lines[-1].startswith("warning: ")


@pytest.mark.parametrize("example", ["hier_mnist", "distributed_training", "medmnist", "mnist"])
def test_flames_examples_are_estimated(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    schema = str(FLAME / example / "schema.json")
    found = told(capsys, schema, "--job", str(FLAME / example), "--model-size", "1MB")

    assert found["brokerOutBytesPerRound"] > 2_000_000


def test_a_tree_is_compared_with_a_star(capsys: pytest.CaptureFixture[str]) -> None:
    schema = str(FLAME / "hier_mnist" / "schema.json")
    found = told(capsys, schema, "--regions", "20", "--trainers", "1000", "--model-size", "40MB")

    planned, beside, star = (layout["upBytesPerRound"] for layout in found["layouts"])
    assert beside < planned / 20
    assert star == pytest.approx(planned, rel=0.01)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["eu-us-asia", "--model-size", "1x"], "size '1x' is none"),
        (["eu-us-asia", "--model-size", "1MB", "--link", "fast"], "speed 'fast' is none"),
        (["eu-us-asia", "--model-size", "1MB", "--trainers", "2"], "fewer than the 3 regions"),
        (["eu-us-asia", "--model-size", "1MB", "--regions", "0"], "0 is not from 1 to"),
        (["eu-us-asia", "--model-size", "1MB", "--trainers", "9999999"], "is not from 1 to"),
        (["eu-us-asia", "--model-size", "1MB", "--job", "."], "--job: goes with a TAG"),
        (["stacks/tags/regions.yaml", "--model-size", "1MB"], "add --job DIR or --trainers N"),
        (["stacks/tags/regions.yaml", "--trainers", "9"], "as in --model-size 40MB"),
        (["nowhere"], "no stack has this name"),
    ],
)
def test_bad_input_says_what_to_do(
    arguments: list[str], text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).resolve().parents[2])

    assert main(["estimate", *arguments]) == 2

    said = capsys.readouterr()
    assert text in said.err
    assert said.out == ""


def test_a_program_that_fails_is_named_with_the_way_around(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (stack.parent / "program.py").write_text(PROGRAM.replace("return Net()", "return 1 / 0"))

    assert main(["estimate", str(stack)]) == 2

    said = capsys.readouterr().err
    assert "build_model raised ZeroDivisionError" in said
    assert said.rstrip().endswith("or give --model-size")


def test_a_program_that_never_ends_is_ended(stack: Path) -> None:
    (stack.parent / "program.py").write_text("while True: pass\ndef build_model(): ...\n")
    spec: WorkerSpec = load_stack(stack).plan.trainers[0].spec
    begun = time.monotonic()

    with pytest.raises(InputError, match="has not built its model after 1 s"):
        measure(spec, timeout=1)
    assert time.monotonic() - begun < 10


def test_rings_under_an_aggregator_are_estimated_and_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "hybrid", "--groups", "eu,us", "--name", "ring", "--out", str(tmp_path)]) == 0
    stack = str(tmp_path / "Pulumi.ring.yaml")
    assert main(["check", stack]) == 0
    capsys.readouterr()

    assert main(["estimate", stack, "--model-size", "1MB"]) == 0
    assert "aggregator" in capsys.readouterr().out
    assert main(["diff", stack, stack]) == 0
    assert "say the same" in capsys.readouterr().out


def test_what_is_assumed_of_an_asynchronous_stack_is_said(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estimate", str(stack)]) == 0
    assert "assumed:" not in capsys.readouterr().out

    stack.write_text(stack.read_text() + "    optimizer: {sort: fedbuff, kwargs: {aggGoal: 2}}\n")

    assert main(["estimate", str(stack)]) == 0
    assert "assumed: the run is asynchronous" in capsys.readouterr().out
    assert main(["estimate", str(stack), "--json"]) == 0
    assert "as 2 updates at an aggregator will do" in json.loads(capsys.readouterr().out)["assumed"][0]
