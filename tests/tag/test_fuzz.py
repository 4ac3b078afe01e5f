"""Whatever is in the files, loading gives a model or a list of faults, each at a place that exists."""

import json
import random
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cli.__main__ import main
from cli.excerpts import told
from tag.faults import Fault, TagError
from tag.load import load_job_plan, load_stack, load_tag
from tag.reading.source import read

ROOT = Path(__file__).parents[2]
FLAME = ROOT / "tests" / "fixtures" / "flame"
REAL = sorted([*(ROOT / "stacks").rglob("*.*"), *FLAME.rglob("*.json")])
SYNTAX = [
    *"[]{}:,-?#&*!|>%@`'\"\\ \t\n\r\0",
    ": ",
    "- ",
    "\n  ",
    "<<",
    "---",
    "...",
    "&a ",
    "*a",
    "!!int ",
    "\\u",
    "no",
]
ALIEN = [
    "-1",
    "0",
    "1e999",
    ".nan",
    "9" * 120,
    "null",
    "[]",
    "{}",
    "''",
    "~",
    "ü",
    "日本",
    "\ud7ff",
    "\U0001f600",
    "\x85",
]
ALIEN += ["x" * 300, "a/b", "a\\0b", "../..", "~nobody", "*", "\u202e", "\ufeff", "true", '"\\ud800"']


def _checked(faults: tuple[Fault, ...], lines: dict[str, list[str]]) -> None:
    """Each fault can be told, and is at a place of its file."""
    assert faults, "an error without a fault says nothing"
    assert list(told(faults))
    for fault in faults:
        assert fault.severity in ("error", "warning", "note")
        assert (fault.line, fault.column) >= (1, 1)
        if fault.file in lines:
            text = lines[fault.file]
            assert fault.line <= max(1, len(text)), fault
            assert fault.column <= len(text[fault.line - 1] if text else "") + 1, fault


def _lines(*paths: Path) -> dict[str, list[str]]:
    found = {}
    for path in paths:
        text = path.read_bytes().removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
        found[str(path)] = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return found


def _only_faults(load: Callable[[], object], *paths: Path) -> None:
    try:
        load()
    except TagError as error:
        _checked(error.faults, _lines(*paths))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("fuzz")
    (made / "tags").mkdir()
    (made / "program.py").touch()
    return made


@settings(max_examples=150)
@given(st.binary(max_size=200), st.sampled_from(["a.yaml", "a.json"]))
@example(b"\xef\xbb\xbf", "a.json")
@example(b"%YAML 1.", "a.yaml")
@example(b'"\\U00110000"', "a.yaml")
@example(b"!<tag:x", "a.yaml")
def test_any_bytes_are_a_document_or_faults(folder: Path, data: bytes, name: str) -> None:
    path = folder / name
    path.write_bytes(data)

    _only_faults(lambda: read(path), path)


@settings(max_examples=150)
@given(st.lists(st.sampled_from([*SYNTAX, *ALIEN, "a", "b"]), max_size=40), st.sampled_from(["a.yaml", "a.json"]))
def test_any_syntax_is_a_document_or_faults(folder: Path, parts: list[str], name: str) -> None:
    path = folder / name
    path.write_text("".join(parts), encoding="utf-8", newline="")

    _only_faults(lambda: read(path), path)


@st.composite
def mutant(draw: st.DrawFn, text: str) -> str:
    """A file's text with a few pieces cut out, doubled, replaced or put in."""
    pieces = [*SYNTAX, *ALIEN]
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        end = min(len(text), at + draw(st.integers(0, 12)))
        new = draw(st.sampled_from(pieces) | st.sampled_from(text.split() or ["x"]) | st.just(text[at:end] * 2))
        text = text[:at] + new + text[end:]
    return text


@pytest.mark.parametrize("path", [p for p in REAL if "Pulumi" not in p.name], ids=lambda p: f"{p.parent.name}-{p.name}")
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_broken_tag_is_a_model_or_faults(folder: Path, path: Path, data: st.DataObject) -> None:
    broken = folder / f"broken{path.suffix}"
    broken.write_text(data.draw(mutant(path.read_text(encoding="utf-8"))), encoding="utf-8", newline="")

    _only_faults(lambda: load_tag(broken), broken)


STACK = """\
config:
  fedtag:federation:
    tag: tags/t.yaml
    program: program.py
    rounds: 5
    quorum: all
    deadline: 30
    split: {kind: dirichlet, alpha: 0.5}
    datasets:
      eu: [{name: a, uri: "mnist:1/3", epochs: 2, region: eu, residency: eu}]
      us:
        - uri: npz:data/us.npz#1/2
          claim: us-data
      asia: [{uri: "program:1", learningRate: 1e-3, validation: 0.2}]
    kubernetes:
      context: demo
encryptionsalt: v1:abc
"""


def test_the_stack_that_is_broken_is_right_before(folder: Path) -> None:
    stack = folder / "Pulumi.right.yaml"
    stack.write_text(STACK.replace("tags/t.yaml", str(ROOT / "stacks" / "tags" / "regions.yaml")))

    assert [w.worker for w in (p.spec for p in load_stack(stack).plan.trainers)] == [
        "trainer-asia-asia",
        "trainer-eu-a",
        "trainer-us-us",
    ]


EXTREMES = [
    *ALIEN,
    '"npz:a\\0b"',
    '"npz:~nobody/x"',
    f"npz:{'x' * 300}",
    "x/" * 3000,
    "mnist:²/3",
    f"mnist:1/{'9' * 5000}",
]


@pytest.mark.parametrize("value", EXTREMES, ids=range(len(EXTREMES)))
def test_an_extreme_value_in_any_place_is_a_plan_or_faults(folder: Path, value: str) -> None:
    stack, tag = folder / "Pulumi.demo.yaml", folder / "tags" / "t.yaml"
    good = (ROOT / "stacks" / "tags" / "regions.yaml").read_text(encoding="utf-8").partition("\n")[2]
    for path, text in ((stack, STACK), (tag, good)):
        for place in re.finditer(r"(?<=[:\[,] )[^\s{\[,}\]]+(?: [a-z]\S*)*", text):
            stack.write_text(STACK)
            tag.write_text(good)
            path.write_text(text[: place.start()] + value + text[place.end() :], encoding="utf-8")

            _only_faults(lambda: load_stack(stack), stack, tag)


@settings(max_examples=120)
@given(data=st.data())
def test_a_broken_stack_is_a_plan_or_faults(folder: Path, data: st.DataObject) -> None:
    stack, tag = folder / "Pulumi.demo.yaml", folder / "tags" / "t.yaml"
    good = (ROOT / "stacks" / "tags" / "regions.yaml").read_text(encoding="utf-8")
    both = data.draw(st.integers(0, 2))
    stack.write_text(data.draw(mutant(STACK)) if both != 1 else STACK, encoding="utf-8", newline="")
    tag.write_text(data.draw(mutant(good)) if both != 0 else good, encoding="utf-8", newline="")

    _only_faults(lambda: load_stack(stack), stack, tag)


@pytest.mark.parametrize("name", ["mnist", "hier_mnist"])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_broken_flame_job_is_a_plan_or_faults(tmp_path: Path, name: str, data: st.DataObject) -> None:
    job = tmp_path / "job"
    shutil.copytree(FLAME / name, job, dirs_exist_ok=True)
    path = data.draw(st.sampled_from(sorted(job.glob("*.json"))))
    path.write_text(data.draw(mutant(path.read_text(encoding="utf-8"))), encoding="utf-8", newline="")

    _only_faults(lambda: load_job_plan(job / "schema.json", job), path)


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_check_ends_with_0_or_2_whatever_the_file_is(folder: Path, seed: int) -> None:
    """As the command prints it: no traceback, and JSON and SARIF that are JSON."""
    dice = random.Random(seed)
    path = folder / dice.choice(["c.yaml", "c.json", "Pulumi.c.yaml"])
    text = dice.choice(REAL).read_text(encoding="utf-8")
    at = dice.randrange(len(text))
    path.write_text(text[:at] + dice.choice([*SYNTAX, *ALIEN]) + text[at + dice.randrange(5) :], "utf-8", newline="")

    assert main(["check", str(path), dice.choice(["--json", "--sarif"])]) in (0, 2)
    assert main(["check", str(path)]) in (0, 2)


@settings(max_examples=100)
@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=3), lambda x: st.lists(x) | st.dictionaries(st.text(max_size=3), x)
    )
)
def test_a_document_of_any_shape_is_a_model_or_faults(folder: Path, value: object) -> None:
    for name in ("s.json", "Pulumi.s.yaml"):
        path = folder / name
        path.write_text(json.dumps(value), encoding="utf-8")

        _only_faults(lambda path=path: load_stack(path) if "Pulumi" in path.name else load_tag(path), path)  # type: ignore[misc]
