"""What fedtag writes as YAML is read back as it was, by its own reader and by one of YAML 1.1."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tag.reading.source import read
from tag.yaml_lines import block, scalar

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
TWISTED = [
    "no",
    "on",
    "Off",
    "null",
    "~",
    "1",
    "1e-3",
    "12:30",
    "0x1f",
    "1_000",
    ".5",
    ".inf",
    "*",
    "&a",
    "- a",
    "a: b",
]
SCALARS = st.one_of(TEXTS, st.sampled_from(TWISTED), st.integers(-(10**6), 10**6), st.booleans(), st.none())
KEYS = st.one_of(TEXTS.filter(lambda text: text and not text.startswith("//")), st.sampled_from(TWISTED))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, value: dict[str, Any]) -> None:
    path = tmp_path_factory.mktemp("text") / "file.yaml"
    path.write_text("\n".join(block(value)) + "\n", encoding="utf-8")

    assert read(path).data == value


@pytest.mark.parametrize(
    "text", [*TWISTED, "yes", "y", "2001-01-01", "eu", "us-west", "mnist:1/3", "npz:../a b.npz#1/2"]
)
def test_a_text_stays_a_text_to_readers_of_yaml_1_1(text: str) -> None:
    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 1)  # type: ignore[assignment]

    assert reader.load(f"key: {scalar(text)}\n") == {"key": text}


def test_names_and_data_uris_need_no_quotes() -> None:
    assert [scalar(text) for text in ("us-west", "tags/a.yaml", "mnist:1/3")] == ["us-west", "tags/a.yaml", "mnist:1/3"]


def test_an_association_stays_in_one_line() -> None:
    lines = list(
        block({"roles": [{"name": "a", "groupAssociation": [{"low": "eu", "high": "default"}, {"low": "us"}]}]})
    )

    assert lines[2:] == ["    groupAssociation:", "      - {low: eu, high: default}", "      - low: us"]
