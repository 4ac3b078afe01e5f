"""Numbers and truth values as files and Pulumi write them: `8`, `"8"`, `true`, `"true"`; one is never the other."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field


def _no_truth(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"value {value} is not a number; write one")  # noqa: TRY004  pydantic makes a fault of no other
    return value


def _truth(value: Any) -> Any:
    if not isinstance(value, bool) and value not in ("true", "false"):
        raise ValueError(f"value {value!r} is not true or false; write one")
    return value


def _plain(value: float) -> float:
    """A whole number without its point, so that 2 and 2.0 are told alike."""
    return int(value) if value.is_integer() else value


# The bounds stand before the validator: after it, JSON Schemas would lose them.
_NUMBER = BeforeValidator(_no_truth)
Whole = Annotated[int, _NUMBER]
Natural = Annotated[int, Field(ge=0), _NUMBER]
Count = Annotated[int, Field(ge=1), _NUMBER]
Port = Annotated[int, Field(ge=1, le=65535), _NUMBER]
Wait = Annotated[int, Field(ge=10, le=3600), _NUMBER]
"""Seconds for something to come up."""
Positive = Annotated[float, Field(gt=0), _NUMBER]
NotNegative = Annotated[float, Field(ge=0), _NUMBER]
Number = Annotated[float, _NUMBER, AfterValidator(_plain)]
Fraction = Annotated[float, Field(ge=0, lt=1), _NUMBER]
Truth = Annotated[bool, BeforeValidator(_truth)]
