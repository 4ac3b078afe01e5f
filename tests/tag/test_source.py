"""Files keep their values as YAML 1.2 and JSON mean them, and the line of every key."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tag.faults import TagError
from tag.source import read, shown


def _write(folder: Path, text: str, name: str = "a.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_values_are_what_yaml_1_2_says(tmp_path: Path) -> None:
    text = "no: no\non: [yes, 0o17, 017, -3, 1_000, 1.5, 1e-3, .inf, true, ~, 2024-01-01, '8', !secret x]\n"

    data = read(_write(tmp_path, text)).data

    values = ["yes", 15, 17, -3, 1000, 1.5, 0.001, float("inf"), True, None, "2024-01-01", "8", "x"]
    assert data == {"no": "no", "on": values}
    assert [type(v) for v in data["on"]] == [type(v) for v in values], "plain Python types, not ruamel's"


def test_every_place_has_its_line(tmp_path: Path) -> None:
    document = read(_write(tmp_path, "# comment\na:\n  - x: 1\n    y: 2\n  - z\nb: {c: 3}\n"))

    lines = {w: document.line(w) for w in [("a",), ("a", 0, "y"), ("a", 1), ("b", "c")]}
    assert lines == {("a",): 2, ("a", 0, "y"): 4, ("a", 1): 5, ("b", "c"): 6}
    assert document.line(("b", "missing")) == 6, "a place that is not there is where its parent is"


def test_json_with_tabs_and_flames_comments_is_read(tmp_path: Path) -> None:
    document = read(_write(tmp_path, '{\n\t"//": "a comment",\n\t"url": "a\\/b \\u00e9"\n}', "a.json"))

    assert document.data == {"url": "a/b é"}
    assert document.line(("url",)) == 3


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.text(alphabet="abc", min_size=1), x),
    )
)
def test_whatever_json_writes_is_read_back(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    path = _write(tmp_path_factory.mktemp("json"), json.dumps({"value": value}), "a.json")

    assert read(path).data == {"value": value}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: [1\nc: 2\n", 3, "neither YAML 1.2 nor JSON"),
        ("", 1, "empty"),
        ("a: 1\n---\nb: 2\n", 2, "neither YAML"),
        ("a: 1\n\nb:\n  c: 1\n  c: 2\n", 5, "twice, first in line 4"),
        ("a: &x\n  - *x\n", 1, "anchor"),
        ("? [1, 2]\n: 3\n", 1, "no text"),
        ("a: \x01\n", 1, "neither YAML"),
    ],
)
def test_a_malformed_file_is_a_fault_with_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(TagError) as caught:
        read(_write(tmp_path, text))

    (fault,) = caught.value.faults
    assert (fault.line, words in fault.message) == (line, True), str(fault)


def test_a_file_that_is_missing_a_folder_or_no_text_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff\xfe")

    for path in (tmp_path / "none.yaml", tmp_path, tmp_path / "latin.yaml"):
        with pytest.raises(TagError, match="T001 file: cannot be read"):
            read(path)


def test_paths_are_shown_as_the_user_would_type_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert shown(tmp_path / "stacks" / "a.yaml") == "stacks/a.yaml"
    assert shown(Path("stacks/../a.yaml")) == "a.yaml"
    assert shown(Path("/elsewhere/a.yaml")) == "/elsewhere/a.yaml"
