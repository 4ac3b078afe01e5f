"""docs/stack.md says what the models say."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from tag.describe import attributes
from tag.kubernetes import Kubernetes
from tag.stack import Stack

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def text() -> str:
    return (ROOT / "docs" / "stack.md").read_text(encoding="utf-8")


def _rows(text: str, heading: str) -> dict[str, list[str]]:
    section = text.partition(f"### `{heading}`\n")[2].partition("\n### ")[0]
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in section.splitlines() if line.startswith("| `")]
    return {row[0].strip(" `"): [cell.strip() for cell in row[1:]] for row in cells}


def test_the_committed_reference_is_that_of_the_models(reference: ModuleType, text: str) -> None:
    assert text == reference.reference(), "a model has changed; run `make docs` and commit docs/stack.md"


@pytest.mark.parametrize(("heading", "kind"), [("fedtag:federation", Stack), ("kubernetes", Kubernetes)])
def test_every_field_has_its_row_by_the_name_that_users_write(text: str, heading: str, kind: type[Stack]) -> None:
    assert set(_rows(text, heading)) == {field.alias for field in kind.model_fields.values()}


def test_a_row_has_type_default_meaning_and_bounds(text: str) -> None:
    assert _rows(text, "kubernetes")["timeout"] == [
        "whole number",
        "`120`",
        "seconds that an object may take to become ready",
        "≥ 10, ≤ 3600",
    ]
    assert _rows(text, "datasets.*[]")["uri"][1] == "**required**"
    assert _rows(text, "kubernetes.storage")["size"][:2] == ["quantity (`500m`, `2Gi`)", "`1Gi`"]


def test_rules_between_fields_stand_below_their_table(text: str) -> None:
    assert "- `production: true` needs `tls.enabled`.\n" in text


def test_every_link_leads_to_a_heading(reference: ModuleType, text: str) -> None:
    headings = {reference._anchor(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
    links = set(re.findall(r"\]\(#([^)]+)\)", text))

    assert len(links) > 10
    assert links <= headings


def test_a_field_without_description_is_an_error() -> None:
    class Bare(Stack):
        """Says nothing of its field."""

        novelty: int = 1

    with pytest.raises(ValueError, match=r"Bare has no description of novelty; add it under Attributes"):
        attributes(Bare)
