"""Sizes and speeds as people write them."""

from pathlib import Path

import pytest

from tag.estimate.sizes import data_bytes, parse_size, parse_speed


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("40MB", 40_000_000),
        ("139 KB", 139_000),
        ("1.5 GB", 1_500_000_000),
        ("38MiB", 38 * 2**20),
        ("139304", 139_304),
        ("34826 parameters", 139_304),
        ("34,826 parameters", 139_304),
        ("25M parameters", 100_000_000),
    ],
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "40 pounds", "-1MB", "0", "0.1", "MB", "1e3", "40MB40", "nan"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write such as 40MB"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "speed"),
    [
        ("100mbit", 100_000_000),
        ("100 Mbit/s", 100_000_000),
        ("1gbit", 10**9),
        ("100Mbps", 10**8),
        ("10MB/s", 80_000_000),
        ("56kbit", 56_000),
    ],
)
def test_speeds_are_read_as_people_write_them(text: str, speed: int) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["", "fast", "100", "100MB", "0mbit", "-1mbit", "10 parsecs"])
def test_what_is_no_speed_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write such as 100mbit"):
        parse_speed(text)


def test_the_size_of_raw_data_is_known_where_it_lies_here(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    path.write_bytes(b"\0" * 1_000)

    assert data_bytes("mnist:1/1") == 70_000 * 785
    assert data_bytes(f"npz:{path}#1/4") == 250
    assert data_bytes("npz:nowhere.npz") is None
    assert data_bytes("program:1/3") is None
    assert data_bytes("https://example.com/x") is None
