"""Which objects each change of a stack touches: the table of docs/changes.md, row by row."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tag.stack import FEDERATION
from tests.changes import CHANGES, Change, Edit

ROOT = Path(__file__).resolve().parents[2]
Built = Callable[[list[Edit], list[Edit]], dict[str, Any]]


@pytest.fixture
def built(deploy: Callable[..., Any], settings: Callable[..., Any], variant: Callable[..., Path]) -> Built:
    """The objects of the stack eu-us-asia after edits of its stack file and its TAG, without the federation's name."""

    def _built(stack: list[Edit], tag: list[Edit]) -> dict[str, Any]:
        path = variant()
        for file, edits in ((path, stack), (path.parent / "tags" / "regions.yaml", tag)):
            yaml = YAML()
            document = yaml.load(file)
            for edit in edits:
                edit(document["config"][FEDERATION] if file == path else document)
            yaml.dump(document, file)
        found = (r for r in deploy(settings(path)).registered if r.typ.startswith("kubernetes:"))
        return {f"{r.typ.rpartition(':')[2]}/{r.name.removeprefix('eu-us-asia-')}": r.inputs for r in found}

    return _built


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.row)
def test_a_change_touches_the_objects_of_its_row_and_no_other(built: Built, change: Change) -> None:
    before = built([change.stack_before], [change.tag_before])
    after = built([change.stack_before, change.stack], [change.tag_before, change.tag])

    differ = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    restarted = {
        name.removeprefix("Deployment/")
        for name in differ & before.keys() & after.keys()
        if name.startswith("Deployment/") and before[name]["spec"]["template"] != after[name]["spec"]["template"]
    }

    assert differ == change.objects
    assert restarted == change.restarted


def test_the_table_of_the_docs_has_these_rows_and_their_numbers() -> None:
    lines = (ROOT / "docs" / "changes.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")][2:]

    shown = [(row[0], *(int(re.match(r"\d+", cell)[0]) for cell in row[1:3])) for row in rows]  # type: ignore[index]
    assert shown == [(change.row, len(change.objects), len(change.restarted)) for change in CHANGES]
