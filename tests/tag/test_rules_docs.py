"""The examples of docs/tag.md: each wrong one has its fault at its line and no other, each right one has none."""

import re
import struct
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cli.__main__ import main
from tag.deployable import obstacles_of
from tag.faults import Fault, TagError
from tag.load import load_job_plan, load_stack, load_tag
from tag.rules.catalogue import RULES

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "tag.md").read_text(encoding="utf-8")
FILES = {
    "TAG": "stacks/tags/regions.yaml",
    "stack": "stacks/Pulumi.demo.yaml",
    "dataSpec": "job/dataSpec.yaml",
    "modelSpec": "job/modelSpec.yaml",
}
HUGE_SAMPLES = 10**12


@dataclass
class Example:
    """The blocks of a rule's wrong or right example.

    Attributes:
        parts: text by kind of file.
        deployed: it is about a deployment.
    """

    parts: dict[str, str] = field(default_factory=dict)
    deployed: bool = False


def _sections() -> dict[str, str]:
    pieces = re.split(r"^### (T\d{3})\n", TEXT, flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def _blocks(text: str) -> dict[str, Example]:
    found: dict[str, Example] = {}
    for word, kind, more, block in re.findall(
        r"^```yaml\n# (base|wrong|right) (\w+)([^\n]*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL
    ):
        example = found.setdefault(word, Example())
        assert kind not in example.parts, f"two {word} blocks of a {kind}"
        example.parts[kind] = block
        example.deployed = "deployed" in more
    return found


SECTIONS = _sections()
BASE = _blocks(TEXT.partition("## Files\n")[0])["base"].parts
WITH_FILES = sorted(code for code, text in SECTIONS.items() if "```yaml" in text)
COMMANDS = sorted(code for code, text in SECTIONS.items() if "```console" in text)


def _whole(kind: str, part: str) -> str:
    """A file's text: what the example says, then what else the base has."""
    base = BASE.get(kind, "")
    if kind != "dataSpec":
        given = set(re.findall(r"^(\w+):", part, re.MULTILINE))
        pieces = re.split(r"^(?=\w+:)", base, flags=re.MULTILINE)
        part += "".join(piece for piece in pieces if piece and piece.partition(":")[0] not in given)
    elif not part:
        part = base
    if kind == "stack":
        part = "config:\n  fedtag:federation:\n" + re.sub(r"^(?=.)", "    ", part, flags=re.MULTILINE)
    return part


def _huge(path: Path) -> None:
    """An .npz file whose header says more samples than any sum can hold; sparse, so that it takes no room."""
    shape = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({HUGE_SAMPLES}, 1), }}".encode()
    with path.open("wb") as file:
        file.truncate(2**28)
        file.seek(0, 2)
        with zipfile.ZipFile(file, "a") as archive:
            archive.writestr("x_train.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(shape)) + shape)


def _write(root: Path, example: Example) -> dict[str, str]:
    for folder in ("stacks/tags", "programs", "job"):
        (root / folder).mkdir(parents=True)
    (root / "programs/mine.py").write_text("def build_model(): ...\n")
    (root / "programs/large.py").write_text("#" * 1_000_000)
    (root / "stacks/eu.npz").touch()
    if "huge.npz" in str(example.parts):
        _huge(root / "stacks/huge.npz")
    for k in (1, 2, 3):
        (root / f"job/dataset{k}.json").write_text(f'{{"name": "dataset{k}", "url": "mnist:{k}/3"}}')
    (root / "job/job.json").write_text('{"dataSpecPath": "dataSpec.yaml", "modelSpecPath": "modelSpec.yaml"}')
    parts = dict(example.parts)
    if "modelSpec" in parts:
        parts["stack"] = "job: ../job\ndatasets: {}\n"
    texts = {kind: _whole(kind, parts.get(kind, "")) for kind in FILES}
    for kind, path in FILES.items():
        (root / path).write_text(texts[kind] or "{}")
    return texts


def _faults(root: Path, example: Example) -> list[Fault]:
    tag, stack = root / FILES["TAG"], root / FILES["stack"]
    try:
        if example.deployed:
            loaded = load_stack(stack)
            found = obstacles_of(loaded.plan, loaded.stack.kubernetes)
            return [Fault(str(stack), 1, "T060", "deployment", obstacle) for obstacle in found]
        if "stack" in example.parts or "modelSpec" in example.parts:
            return list(load_stack(stack).warnings)
        if "dataSpec" in example.parts:
            return list(load_job_plan(tag, root / "job").warnings)
        return list(load_tag(tag).warnings)
    except TagError as error:
        return list(error.faults)


def _told_of(code: str, faults: list[Fault]) -> list[Fault]:
    """Those that a section is about: notes are none, but in their own section."""
    return [fault for fault in faults if fault.severity != "note" or fault.code == code]


def test_every_rule_has_its_section_with_its_severity_and_title() -> None:
    said = {
        code: (severity.lower(), title)
        for code, text in SECTIONS.items()
        for severity, title in re.findall(r"\A\*\*(\w+): (.+?)\.\*\*", text)
    }

    assert said == RULES


@pytest.mark.parametrize("code", WITH_FILES)
def test_a_wrong_example_has_its_fault_at_its_line_and_no_other(code: str, tmp_path: Path) -> None:
    example = _blocks(SECTIONS[code])["wrong"]
    texts = _write(tmp_path, example)
    marked = {
        (str(tmp_path / FILES[kind]), n)
        for kind, text in texts.items()
        for n, line in enumerate(text.splitlines(), 1)
        if line.endswith(f"# {code}")
    }

    faults = _told_of(code, _faults(tmp_path, example))

    assert {(f.code, f.severity) for f in faults} == {(code, RULES[code].severity)}, "\n".join(map(str, faults))
    assert marked or example.deployed, "no line is marked with the rule's code"
    assert {(f.file, f.line) for f in faults} == (marked or {(str(tmp_path / FILES["stack"]), 1)})


@pytest.mark.parametrize("code", WITH_FILES)
def test_a_right_example_has_no_fault(code: str, tmp_path: Path) -> None:
    example = _blocks(SECTIONS[code])["right"]
    _write(tmp_path, example)

    assert _told_of(code, _faults(tmp_path, example)) == []


@pytest.mark.parametrize("code", COMMANDS)
def test_a_wrong_command_says_its_code_and_a_right_one_succeeds(
    code: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    commands = {
        word: words.split() for words, word in re.findall(r"^\$ fedtag (.+) # (\w+)$", SECTIONS[code], re.MULTILINE)
    }

    assert main(commands["wrong"]) == 2
    assert f" {code} " in capsys.readouterr().err
    assert main(commands["right"]) == 0


def test_the_catalogue_has_all_codes_that_the_program_uses_and_no_other() -> None:
    files = [f for folder in ("tag", "cli") for f in (ROOT / folder).rglob("*.py") if f.stem != "catalogue"]
    used = {code for f in files for code in re.findall(r"\"(T\d{3})\"", f.read_text(encoding="utf-8"))}

    assert used == set(RULES)
