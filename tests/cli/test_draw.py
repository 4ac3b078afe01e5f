"""`fedtag draw`, as a user calls it."""

import io
import json
import time
from pathlib import Path

import pytest
from matplotlib.image import imread

from cli.__main__ import main
from report.chart_tag import picture
from tests.report.topologies import grown, many, star_tag
from tests.report.topologies import names as data_of

ROOT = Path(__file__).resolve().parents[2]
TAG = str(ROOT / "stacks" / "tags" / "regions.yaml")
FLAME = ROOT / "tests" / "fixtures" / "flame"
Out = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is written without a name is written where the user is."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_stack_becomes_an_svg_of_its_name(here: Path, capsys: Out) -> None:
    assert main(["draw", "eu-us-asia"]) == 0

    assert capsys.readouterr().out == "eu-us-asia.svg: aggregator (2 workers), trainer (3 workers); param-channel\n"
    assert (here / "eu-us-asia.svg").read_text(encoding="utf-8").startswith("<?xml")
    assert [path.name for path in here.iterdir()] == ["eu-us-asia.svg"], "no draft is left"


def test_the_ending_of_the_file_says_the_format(here: Path, capsys: Out) -> None:
    for name, begins in (("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.mmd", b"---\ntitle"), ("a.dot", b"graph ")):
        assert main(["draw", TAG, "--out", name]) == 0
        assert (here / name).read_bytes().startswith(begins)
    assert main(["draw", TAG, "--out", "plain", "--format", "png"]) == 0
    high, wide, _ = imread(io.BytesIO((here / "plain").read_bytes())).shape
    assert wide == 1440
    assert 400 < high < 800
    capsys.readouterr()


def test_text_goes_to_the_standard_output(here: Path, capsys: Out) -> None:
    assert main(["draw", "eu-us-asia", "--format", "mermaid"]) == 0
    assert "flowchart TB" in capsys.readouterr().out
    assert main(["draw", "eu-us-asia", "--format", "dot"]) == 0
    assert capsys.readouterr().out.startswith("graph ")
    assert main(["draw", "eu-us-asia", "--out", "-"]) == 0
    assert capsys.readouterr().out.startswith("<?xml")
    assert list(here.iterdir()) == []


def test_a_tag_alone_is_drawn_without_numbers_of_workers_and_with_a_job_with_them(capsys: Out) -> None:
    schema = FLAME / "hier_mnist" / "schema.json"
    assert main(["draw", str(schema), "--format", "mermaid"]) == 0
    assert "role trainer: a worker per dataset" in capsys.readouterr().out

    assert main(["draw", str(schema), "--job", str(schema.parent), "--format", "mermaid"]) == 0
    out = capsys.readouterr().out
    assert "role trainer: 4 workers" in out
    assert out.index("top-aggregator") < out.index("middle-aggregator") < out.index("role trainer")


def test_a_stack_that_can_not_run_yet_is_drawn(here: Path, capsys: Out) -> None:
    (here / "program.py").touch()
    tag = "{name: Around, roles: [{name: t, isDataConsumer: true}], channels: [{name: c, pair: [t, t]}]}"
    (here / "tag.yaml").write_text(tag)
    data = "{default: [{name: a, uri: 'program:1'}, {name: b, uri: 'program:2'}]}"
    (here / "Pulumi.around.yaml").write_text(
        f"config:\n  fedtag:federation: {{tag: tag.yaml, program: program.py, datasets: {data}}}\n"
    )

    assert main(["draw", "Pulumi.around.yaml"]) == 0

    assert capsys.readouterr().out == "around.svg: t (2 workers); c\n"


def test_json_says_what_was_drawn_and_where(capsys: Out) -> None:
    assert main(["draw", "eu-us-asia", "--json", "--out", "a.svg"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is True
    assert said["file"] == "a.svg"
    assert said["roles"] == [
        {"name": "aggregator", "tier": 1, "workers": 2, "groups": 1},
        {"name": "trainer", "tier": 0, "workers": 3, "groups": 3},
    ]
    assert said["channels"] == [
        {"name": "param-channel", "pair": ["aggregator", "trainer"], "groups": ["asia", "eu", "us"]}
    ]

    assert main(["draw", TAG, "--json", "--format", "dot"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["file"] is None
    assert said["text"].startswith("graph ")
    assert said["roles"][1]["workers"] is None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["eu-us-asi"], "did you mean 'eu-us-asia'"),
        (["missing.yaml"], "missing.yaml"),
        (["eu-us-asia", "--out", "a.pdf"], "'a.pdf' ends in no known format"),
        (["eu-us-asia", "--out", "no/such/folder/a.svg"], "can't be written"),
        (["eu-us-asia", "--out", "."], "add --format"),
        (["eu-us-asia", "--out", ".", "--format", "svg"], "can't be written"),
        (["eu-us-asia", "--job", "x"], "goes with a TAG"),
        ([TAG, "--job", "no-job"], "no-job"),
    ],
)
def test_bad_input_is_told_as_everywhere(words: list[str], told: str, here: Path, capsys: Out) -> None:
    assert main(["draw", *words]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert "Traceback" not in err

    assert main(["draw", *words, "--json"]) == 2
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is False
    assert any(told in fault["message"] or told in fault["file"] for fault in said["faults"]), "JSON tells the same"
    assert list(here.iterdir()) == []


def test_png_is_not_put_into_json(capsys: Out) -> None:
    assert main(["draw", TAG, "--out", "-", "--format", "png", "--json"]) == 2

    assert "name a FILE" in capsys.readouterr().out


@pytest.mark.parametrize("groups", [3, 100])
def test_ten_thousand_workers_are_drawn_in_three_seconds(groups: int) -> None:
    names = data_of(many(groups), 10_000 // groups)
    began = time.process_time()

    picture(grown(star_tag(list(names)), names), "svg")

    assert time.process_time() - began < 3
