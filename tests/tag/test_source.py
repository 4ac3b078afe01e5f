"""Files keep their values as YAML 1.2 and JSON mean them, and the line and column of each."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tag.reading.paths import shown
from tag.reading.places import Where
from tag.reading.source import read

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda x: st.lists(x) | st.dictionaries(st.text(alphabet="abc", min_size=1), x),
)


def _write(folder: Path, text: str, name: str = "a.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


# Written in YAML, and what YAML 1.2's core schema says that it is; YAML 1.1 would twist most of them.
CORE = [
    ("no", "no"),
    ("Yes", "Yes"),
    ("on", "on"),
    ("y", "y"),
    ("true", True),
    ("FALSE", False),
    ("tRue", "tRue"),
    ("~", None),
    ("NULL", None),
    ("12:30", "12:30"),
    ("12:30:45", "12:30:45"),
    ("2024-01-01", "2024-01-01"),
    ("0o14", 12),
    ("014", 14),
    ("0x1F", 31),
    ("0b1", "0b1"),
    ("-0o7", "-0o7"),
    ("+5", 5),
    ("1_000", "1_000"),
    ("1e-3", 0.001),
    ("1E3", 1000.0),
    (".5", 0.5),
    ("1.", 1.0),
    ("-.Inf", float("-inf")),
    (".", "."),
    ("+", "+"),
    ("1.2.3", "1.2.3"),
    ("'8'", "8"),
    ("!!str 8", "8"),
    ("!!int '8'", 8),
    ("!!float 8", 8.0),
    ("! 8", "8"),
    ("!secret x", "x"),
    ("=", "="),
]


@pytest.mark.parametrize(("text", "value"), CORE)
def test_a_value_is_what_yaml_1_2_says(tmp_path: Path, text: str, value: object) -> None:
    data = read(_write(tmp_path, f"{text}: {text}\n" if text == "no" else f"a: {text}\n")).data

    (found,) = data.values()
    assert (found, type(found)) == (value, type(value)), "plain Python types"


def test_a_key_is_always_a_text(tmp_path: Path) -> None:
    assert read(_write(tmp_path, "no: 1\n8: 2\n~: 3\n1.0: 4\n")).data == {"no": 1, "8": 2, "~": 3, "1.0": 4}


YAML_TEXT = """\
# comment
a:
  - x: 1
    y:   2
  - z
  -   [p, "q"]
b: {c: 3, "d":
  text
 }
e:
f:
  long
"""
PLACES = [
    (("a",), (2, 1), "a block is where its key is"),
    (("a", 0), (3, 5), "an item of a list is where it starts"),
    (("a", 0, "y"), (4, 10), "a value"),
    (("a", 1), (5, 5), "an item"),
    (("a", 2, 1), (6, 11), "an item in brackets"),
    (("b",), (7, 4), "brackets beside their key"),
    (("b", "c"), (7, 8), "a value in brackets"),
    (("e",), (10, 1), "no value: its key"),
    (("f",), (12, 3), "a text below its key"),
    (("b", "missing"), (7, 4), "the nearest place around it"),
    (("nowhere", 1), (2, 1), "the whole file"),
]


@pytest.mark.parametrize(("where", "place", "why"), PLACES)
def test_a_fault_is_at_the_line_and_column_of_its_value(
    tmp_path: Path, where: Where, place: tuple[int, int], why: str
) -> None:
    fault = read(_write(tmp_path, YAML_TEXT)).fault(where, "T006", "s", "m")

    assert (fault.line, fault.column) == place, why


def test_a_fault_of_a_key_is_at_the_key(tmp_path: Path) -> None:
    document = read(_write(tmp_path, 'a:\n  bb: 1\nc: {"d": 2}\n'))

    places = [document.fault(w, "T004", "s", "m", part="key") for w in [("a", "bb"), ("c", "d"), ("c", "no")]]
    assert [(f.line, f.column) for f in places] == [(2, 3), (3, 5), (3, 4)]


@given(JSON, st.sampled_from([None, 1, "\t"]))
def test_places_are_the_same_in_json_and_yaml(
    tmp_path_factory: pytest.TempPathFactory, value: object, indent: int | str | None
) -> None:
    """Each value is found in the text at its place, whoever reads it."""
    folder = tmp_path_factory.mktemp("places")
    text = json.dumps({"value": value}, indent=indent)
    first = read(_write(folder, text, "a.json"))
    yaml = None if "\t" in text else read(_write(folder, f"# YAML\n{text}"))
    lines = text.splitlines()

    for where, inner in _walk(first.data):
        line, column = first.places.position(where)
        rest = lines[line - 1][column - 1 :]
        opening = json.dumps(inner)[:1] if isinstance(inner, dict | list) else json.dumps(inner)
        assert rest.startswith(opening), where
        if yaml is not None:
            below, same = yaml.places.position(where)
            assert (below, same) == (line + 1, column), where


def _walk(value: Any, where: Where = ()) -> Iterator[tuple[Where, Any]]:
    yield where, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _walk(inner, (*where, key))


def test_columns_count_characters_and_not_the_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes("\ufeff日本: 1\r\nb: 2\rc: 3\n".encode())

    places = [read(path).places.position((key,)) for key in ("日本", "b", "c")]
    assert places == [(1, 5), (2, 4), (3, 4)], "a line ends as in editors: CR LF, LF or CR"


def test_json_with_tabs_and_flames_comments_is_read(tmp_path: Path) -> None:
    text = '{\n\t"//": "a comment",\n\t"//": "another",\n\t"url": "a\\/b \\u00e9 \\ud83d\\ude00"\n}'

    document = read(_write(tmp_path, text, "a.json"))

    assert document.data == {"url": "a/b é 😀"}
    assert document.places.position(("url",)) == (4, 9)


@given(JSON)
def test_whatever_json_writes_is_read_back(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    folder = tmp_path_factory.mktemp("json")
    text = json.dumps({"value": value})

    for name, head in (("a.json", ""), ("a.yaml", ""), ("b.yaml", "# YAML\n"), ("c.yaml", "---\n")):
        assert read(_write(folder, head + text, name)).data == {"value": value}


def test_an_alias_is_the_value_of_its_anchor_which_is_where_faults_in_it_are(tmp_path: Path) -> None:
    document = read(_write(tmp_path, "a: &one\n  b: [1, 2]\nc: *one\n"))

    assert document.data == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}}
    assert [document.places.position(w) for w in [("c",), ("c", "b", 1)]] == [(3, 4), (2, 10)]


def test_paths_are_shown_as_the_user_would_type_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert shown(tmp_path / "stacks" / "a.yaml") == "stacks/a.yaml"
    assert shown(Path("stacks/../a.yaml")) == "a.yaml"
    assert shown(Path("/elsewhere/a.yaml")) == "/elsewhere/a.yaml"
