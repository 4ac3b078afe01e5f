"""Sizes of models and data and speeds of links, as users write them."""

import re
from decimal import Decimal
from pathlib import Path

from tag.reading.paths import is_file
from tag.uri import parse_uri

WEIGHT_BYTES = 4
"""Of one float32."""

_HUNDRED = 100
_UNITS = {
    "": 1,
    "k": 1000,
    "m": 1000**2,
    "g": 1000**3,
    "t": 1000**4,
    "ki": 2**10,
    "mi": 2**20,
    "gi": 2**30,
    "ti": 2**40,
}
_NUMBER = re.compile(r"([0-9][0-9_,]*(?:\.[0-9]+)?)\s*(.*)", re.DOTALL)
_SIZE = re.compile(r"([kmgt]?i?)b?")
_PARAMETERS = re.compile(r"([kmgt]?)\s*(?:parameters?|params?|weights?)")
_SPEED = re.compile(r"([kmgt]?)(bit|bps|b)(?:/s|ps)?")

_MNIST_BYTES = (60_000 + 10_000) * (28 * 28 + 1)
"""All images of MNIST as bytes, with a byte for each label."""


def parse_size(text: str) -> int:
    """Bytes in `40MB`, `139 KB` (1000 bytes each), `38MiB`, `139304`, or `34826 parameters` (float32).

    Raises:
        ValueError: it is no size, or not above zero.
    """
    number, unit = _number(text)
    scale = 0
    if match := _SIZE.fullmatch(unit):
        scale = _UNITS.get(match[1], 0)
    elif match := _PARAMETERS.fullmatch(unit):
        scale = _UNITS[match[1]] * WEIGHT_BYTES
    if number * scale < 1:
        raise ValueError(f"size {text!r} is none; write such as 40MB, 38MiB, 139304 (bytes) or '34826 parameters'")
    return int(number * scale)


def parse_speed(text: str) -> int:
    """Bits a second in `100mbit`, `1gbit`, `56 kbit/s` or `10MB/s` (bytes).

    Raises:
        ValueError: it is no speed, or not above zero.
    """
    number, unit = _number(text)
    match = _SPEED.fullmatch(unit)
    written_as_bytes = match is not None and match[2] == "b" and unit.endswith("/s")
    if match is None or (match[2] == "b" and not written_as_bytes) or number <= 0:
        raise ValueError(f"speed {text!r} is none; write such as 100mbit, 1gbit or 10MB/s")
    return max(1, int(number * _UNITS[match[1]] * (8 if written_as_bytes else 1)))


def _number(text: str) -> tuple[Decimal, str]:
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        return Decimal(0), "?"
    return Decimal(re.sub("[_,]", "", match[1])), match[2].strip().lower()


def data_bytes(uri: str) -> int | None:
    """Bytes of the raw data that a URI names, as far as they are known here: MNIST's images, or a file's share."""
    try:
        parsed = parse_uri(uri)
    except ValueError:
        return None
    if parsed.scheme == "mnist":
        return _MNIST_BYTES // parsed.parts
    path = Path(parsed.path)
    if parsed.scheme == "npz" and is_file(path):
        return path.stat().st_size // parsed.parts
    return None


def bytes_text(value: float) -> str:
    """Bytes in decimal units, as `139.8 kB`."""
    return _text(value, 1000, ("B", "kB", "MB", "GB", "TB", "PB"))


def memory_text(value: float) -> str:
    """Bytes in binary units, as Kubernetes counts memory: `96 Mi`."""
    return _text(value, 1024, ("B", "Ki", "Mi", "Gi", "Ti", "Pi"))


def _text(value: float, base: int, units: tuple[str, ...]) -> str:
    at = 0
    while at < len(units) - 1 and value >= base - 0.5:
        value, at = value / base, at + 1
    number = f"{value:,.0f}" if at == 0 else three_digits(value)
    return f"{number} {units[at]}"


def three_digits(value: float) -> str:
    """A number with three digits, or with as many as it has before the point: `0.125`, `9.6`, `1,250`."""
    return f"{value:,.0f}" if value >= _HUNDRED else f"{value:.3g}"
