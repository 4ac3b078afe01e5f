"""Whatever a file is, it is read, or has faults with their places, within bounds of time and memory."""

import json
import os
import resource
import time
from pathlib import Path

import pytest

from tag.faults import Fault, TagError
from tag.reading.builder import MOST_PROBLEMS
from tag.reading.paths import is_file
from tag.reading.source import LARGEST, LARGEST_YAML, read


def _write(folder: Path, text: str, name: str = "a.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def _faults(path: Path) -> tuple[Fault, ...]:
    with pytest.raises(TagError) as caught:
        read(path)
    return caught.value.faults


@pytest.mark.parametrize(
    ("text", "code", "place", "words"),
    [
        ("a: 1\nb: [1\nc: 2\n", "T002", (3, 2), "neither YAML 1.2 nor JSON"),
        ("", "T002", (1, 1), "empty"),
        ("# only a comment\n", "T002", (1, 1), "empty"),
        ("a: 1\n---\nb: 2\n", "T002", (2, 1), "a second document"),
        ("a: 1\n\nb:\n  c: 1\n  c: 2\n", "T003", (5, 3), "twice, first in line 4"),
        ("{a: 1, 'a': 2}", "T003", (1, 8), "twice, first in line 1"),
        ("a: &x\n  - *x\n", "T002", (2, 5), "anchor"),
        ("a: *x\n", "T002", (1, 4), "no anchor &x"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "T002", (3, 3), "merge key"),
        ("? [1, 2]\n: 3\n", "T002", (1, 3), "no text"),
        ("a: \x01\n", "T002", (1, 4), "'\\x01', which YAML forbids"),
        ("a:\n\tb: 1\n", "T002", (2, 1), "a tab may not indent"),
        ('a: "\\ud800"\n', "T002", (1, 4), "one half of a character"),
        ("%YAML 3.0\n---\na: 1\n", "T002", (1, 1), "neither YAML"),
        ("a: " + "9" * 5000, "T007", (1, 4), "5,000 digits"),
        ("a:\n- !" + "%41" * 300_000 + " x", "T007", (2, 3), "900,001 characters"),
        ("a: 0x" + "f" * 5000, "T007", (1, 4), "digits"),
        ("[" * 101 + "]" * 101, "T007", (1, 101), "more than 100 levels"),
        ("{" + '"a": {' * 100 + "}" * 101, "T007", (1, 601), "more than 100 levels"),
        ("- &a0 []\n" + "".join(f"- &a{i} [*a{i - 1}]\n" for i in range(1, 200)), "T007", (100, 9), "levels"),
    ],
)
def test_a_malformed_file_is_a_fault_with_its_place(
    tmp_path: Path, text: str, code: str, place: tuple[int, int], words: str
) -> None:
    (fault,) = _faults(_write(tmp_path, text))

    assert (fault.code, (fault.line, fault.column), words in fault.message) == (code, place, True), str(fault)


@pytest.mark.parametrize(
    ("text", "code", "place", "words"),
    [
        ('{"a": 1,}', "T002", (1, 8), "a comma stands before the end"),
        ('{"a": [1,\n]}', "T002", (1, 9), "a comma stands before the end"),
        ('{"a": 1 "b": 2}', "T002", (1, 9), "',' or '}' is missing"),
        ('{"a" 1}', "T002", (1, 6), "':' is missing"),
        ("{a: 1}", "T002", (1, 2), "a key in double quotes"),
        ('{"a": }', "T002", (1, 7), "a value is missing"),
        ('{"a": True}', "T002", (1, 7), "'True' is no value"),
        ('{"a": NaN}', "T002", (1, 7), "'NaN' is no value"),
        ('{"a": -Infinity}', "T002", (1, 7), "'-Infinity' is no value"),
        ('{"a": 01}', "T002", (1, 7), "'01' is no value"),
        ('{"a": 1} x', "T002", (1, 10), "after the end"),
        ('{"a": 1', "T002", (1, 8), "',' or '}' is missing"),
        ('{"a": "b', "T002", (1, 7), "no closing quote"),
        ('{"a": "b\tc"}', "T002", (1, 9), "control character"),
        ('{"a": "\\x"}', "T002", (1, 8), "escape"),
        ('{"a": "\\ud800"}', "T002", (1, 7), "one half of a character"),
        ("{\n  // no\n}", "T002", (2, 3), "a key in double quotes"),
        ('{"a": // no\n 1}', "T002", (1, 7), "a comment"),
        ('{"a": 1,\n "a": 2}', "T003", (2, 2), "first in line 1"),
        ('{"a": ' + "9" * 5000 + "}", "T007", (1, 7), "5,000 digits"),
        ("", "T002", (1, 1), "empty"),
        ("[" * 200_000, "T007", (1, 101), "more than 100 levels"),
        ('{"a":' * 200_000, "T007", (1, 501), "more than 100 levels"),
    ],
)
def test_a_json_file_follows_the_rules_of_json(
    tmp_path: Path, text: str, code: str, place: tuple[int, int], words: str
) -> None:
    (fault,) = _faults(_write(tmp_path, text, "a.json"))

    assert (fault.code, (fault.line, fault.column), words in fault.message) == (code, place, True), str(fault)


def test_all_keys_that_are_written_twice_are_told(tmp_path: Path) -> None:
    text = "\n".join(f"k{i % 10}: {i}" for i in range(1000))

    assert [f.line for f in _faults(_write(tmp_path, text))] == list(range(11, 1001))


def test_a_file_with_endless_faults_is_not_read_on(tmp_path: Path) -> None:
    text = "{" + ",".join('"k": 1' for _ in range(50_000)) + "}"

    faults = _faults(_write(tmp_path, text, "a.json"))

    assert len(faults) == MOST_PROBLEMS + 1
    assert "the rest is not read" in faults[-1].message


def test_aliases_do_not_multiply_without_end(tmp_path: Path) -> None:
    """The billion laughs: each line has ten times the values of the one before."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 30)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    (fault,) = _faults(_write(tmp_path, "\n".join(lines)))

    assert (fault.code, fault.line) == ("T007", 6)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000, "KiB"


@pytest.mark.parametrize(("name", "size"), [("a.yaml", LARGEST_YAML), ("b.yaml", 10 << 20), ("a.json", 10 << 20)])
@pytest.mark.parametrize("text", ["[", '{"a":', "- ", "? ", "[{a: "])
def test_ten_megabytes_of_nesting_are_refused_in_bounded_time_and_memory(
    tmp_path: Path, text: str, name: str, size: int
) -> None:
    path = tmp_path / name
    path.write_text(text * (size // len(text)))
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()

    (fault,) = _faults(path)

    assert fault.code in ("T002", "T007")
    assert time.process_time() - begun < 5, "seconds; a hundredth of it without other work on the machine"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000, "KiB"


def test_a_tag_of_a_thousand_groups_is_read_in_well_under_a_second(tmp_path: Path) -> None:
    entries = "".join(f"      - param-channel: region-{i}\n" for i in range(1000))
    groups = "".join(f"        - region-{i}\n" for i in range(1000))
    path = _write(tmp_path, f"roles:\n  - groupAssociation:\n{entries}channels:\n  - groupBy:\n      value:\n{groups}")
    begun = time.process_time()

    data = read(path).data

    assert time.process_time() - begun < 1, "seconds; 0.2 are usual"
    assert data["channels"][0]["groupBy"]["value"][-1] == "region-999"


def test_a_file_beyond_the_bounds_of_size_is_refused(tmp_path: Path) -> None:
    yaml, data = tmp_path / "a.yaml", tmp_path / "a.json"
    yaml.write_text("#" * (LARGEST_YAML + 1))
    data.write_text(" " * (LARGEST + 1))

    assert [_faults(path)[0].code for path in (yaml, data)] == ["T007", "T007"]


def test_a_large_yaml_file_may_hold_json(tmp_path: Path) -> None:
    value = {"a": ["x" * 100] * (LARGEST_YAML // 100)}

    assert read(_write(tmp_path, json.dumps(value))).data == value


BYTES = [
    (b"a: 1\nbc: \xff\xfe", (2, 5), "byte 0xff is not UTF-8"),
    (b"a: \xed\xa0\x80", (1, 4), "byte 0xed is not UTF-8"),
    ("a: 1".encode("utf-16"), (1, 1), "UTF-16"),
    ("a: 1".encode("utf-32"), (1, 1), "UTF-32"),
    ("a: 1".encode("utf-16-le"), (1, 1), "zero bytes"),
    (b"\x7fELF\x02\x01\x01\x00\x00", (1, 1), "zero bytes"),
    (b"\x89PNG\r\n\x1a\n", (1, 1), "byte 0x89"),
]


@pytest.mark.parametrize(("data", "place", "words"), BYTES)
def test_bytes_that_are_no_text_are_a_fault(tmp_path: Path, data: bytes, place: tuple[int, int], words: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(data)

    (fault,) = _faults(path)

    assert (fault.code, (fault.line, fault.column), words in fault.message) == ("T001", place, True), str(fault)


def test_what_is_no_readable_file_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    wanted = {
        tmp_path / "none.yaml": "no such file",
        tmp_path: "it is a folder",
        tmp_path / "pipe.yaml": "it is a pipe",
        Path("/dev/zero"): "it is a device",
        tmp_path / "loop.yaml": "symbolic links",
        tmp_path / ("x" * 300): "name too long",
        tmp_path / "a\0b": "null byte",
    }
    for path, words in wanted.items():
        with pytest.raises(TagError, match=rf"T001 file: cannot be read: .*{words}"):
            read(path)

    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    secret = _write(tmp_path, "a: 1")
    monkeypatch.setattr(Path, "open", deny)  # root may read everything
    with pytest.raises(TagError, match="T001 file: cannot be read: permission denied; make it readable"):
        read(secret)


def test_a_path_in_a_file_that_can_be_no_file_is_none(tmp_path: Path) -> None:
    document = read(_write(tmp_path, "a: 1"))

    found = [document.resolve(path) for path in ("x" * 5000, "a\0b", "~no-such-user/x", "b/../c")]

    assert not any(is_file(path) for path in found)
    assert found[-1] == tmp_path / "c"
