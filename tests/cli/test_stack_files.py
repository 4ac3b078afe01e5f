"""Where new and imported stacks go, and how they name what they need."""

import re
from pathlib import Path

import pytest

from cli.__main__ import main
from cli.stack_files import StackFiles
from tag import load

ROOT = Path(__file__).parents[2]


def test_a_stack_of_the_project_goes_by_its_name_and_names_files_relatively() -> None:
    made = StackFiles("mine", load.STACKS)

    assert made.shown == "mine"
    assert made.relative(ROOT / "worker" / "programs" / "softmax.py") == "../worker/programs/softmax.py"
    assert made.schema_line("stack") == "# yaml-language-server: $schema=../docs/schema/stack.json"
    assert made.schema_line("tag") == "# yaml-language-server: $schema=../../docs/schema/tag.json"


def test_a_stack_elsewhere_goes_by_its_path_and_names_files_absolutely(tmp_path: Path) -> None:
    made = StackFiles("mine", tmp_path)

    assert made.shown == str(tmp_path / "Pulumi.mine.yaml")
    assert made.relative(ROOT / "Makefile") == str(ROOT / "Makefile")
    assert made.relative(tmp_path / "a.py") == "a.py"


def test_new_stacks_are_found_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(load, "STACKS", tmp_path / "stacks")

    assert main(["new", "central", "--name", "mine"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "next: fedtag run mine"
    assert main(["check", "mine"]) == 0


@pytest.mark.parametrize("path", sorted((ROOT / "stacks" / "tags").glob("*.yaml")), ids=lambda path: path.name)
def test_every_committed_tag_leads_editors_to_its_schema(path: Path) -> None:
    found = re.match(r"# yaml-language-server: \$schema=(\S+)\n", path.read_text(encoding="utf-8"))

    assert found is not None
    assert (path.parent / found[1]).resolve() == ROOT / "docs" / "schema" / "tag.json"
