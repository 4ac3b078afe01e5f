"""Numbers, units and names as a person reads them, the same in the terminal, the charts and the page."""

import math

DIGEST_LETTERS = 12
MINUTE = 60
HOUR = 3600
UNKNOWN = "–"

_THOUSAND, _HUNDRED = 999.5, 99.95
"""What is shown as 1000 takes the next unit, and what is shown as 100 has three figures, which say enough."""


def clean(text: object) -> str:
    """Text without what could move a cursor, break a line or not be encoded; such characters become `�`."""
    return "".join(c if c.isprintable() else "�" for c in str(text))


def shorten(text: str, letters: int) -> str:
    """Text of at most so many letters; a longer one keeps its beginning and its end."""
    if len(text) <= letters:
        return text
    tail = (letters - 1) // 3
    return f"{text[: letters - 1 - tail]}…{text[len(text) - tail :]}"


def percent(share: float | None, digits: int = 2) -> str:
    """A share of one as `98.60 %`."""
    return UNKNOWN if share is None or math.isnan(share) else f"{100 * share:.{digits}f} %"


def points(difference: float | None) -> str:
    """A difference of two shares as `+0.30` percentage points."""
    if difference is None or math.isnan(difference):
        return UNKNOWN
    text = f"{100 * difference:+.2f}"
    return "0.00" if text in ("+0.00", "-0.00") else text.replace("-", "\N{MINUS SIGN}")


def loss(value: float | None) -> str:
    """A loss as `0.1123`."""
    if value is None:
        return UNKNOWN
    return f"{value:.4f}" if abs(value) < 10**4 else f"{value:.3g}"


def seconds(value: float | None) -> str:
    """A duration as `0.04 s`, `9.8 s`, `2 min 05 s` or `1 h 02 min`."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if value < 1:
        return f"{value:.2f} s"
    if round(value, 1) < MINUTE:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE:02d} s"
    return f"{whole // HOUR} h {whole % HOUR // MINUTE:02d} min"


def clock(value: float) -> str:
    """A duration as a stop watch shows it: `0:23`, `1:02:03`."""
    whole = max(0, int(value))
    minutes = f"{whole % HOUR // MINUTE}:{whole % MINUTE:02d}"
    return minutes if whole < HOUR else f"{whole // HOUR}:{minutes.rjust(5, '0')}"


def volume(count: float | None) -> str:
    """Bytes in decimal units, as `139 kB` or `40.1 MB`."""
    if count is None:
        return UNKNOWN
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < _THOUSAND:
            break
        value, unit = value / 1000, larger
    digits = 0 if unit == "B" or value >= _HUNDRED else 1
    return f"{value:.{digits}f} {unit}"


def count(number: int | None) -> str:
    """A whole number with separators, as `54,000`."""
    return UNKNOWN if number is None else f"{number:,}"


def plural(number: int, noun: str) -> str:
    """A number and its noun, as `1 round` or `5 rounds`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listing(names: list[str], most: int = 6) -> str:
    """Names joined as a person writes them: `a, b and c`; many are cut to `a, b and 7 more`."""
    shown = names if len(names) <= most else [*names[: most - 1], f"{len(names) - most + 1} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else ""


def digest(sha256: str | None) -> str:
    """The first letters of a SHA-256."""
    return clean(sha256)[:DIGEST_LETTERS] if sha256 else UNKNOWN
