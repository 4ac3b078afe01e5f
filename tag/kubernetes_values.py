"""The scalar values of the `kubernetes:` block: quantities, labels, names, addresses, each with Kubernetes' rule."""

import re
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

SCALE = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    "k": Decimal(1000),
    "M": Decimal(1000**2),
    "G": Decimal(1000**3),
    "T": Decimal(1000**4),
    "Ki": Decimal(1024),
    "Mi": Decimal(1024**2),
    "Gi": Decimal(1024**3),
    "Ti": Decimal(1024**4),
}


def amount(quantity: str) -> Decimal:
    """The number that a Kubernetes quantity such as `250m` or `1Gi` stands for.

    Raises:
        ValueError: if it is no quantity.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([A-Za-z]*)", quantity)
    if match is None or match[2] not in SCALE:
        raise ValueError(
            f"quantity {quantity!r} is no amount of a resource; write a number with a unit, "
            "such as 500m or 2 for cpu, 768Mi or 2Gi for memory"
        )
    return Decimal(match[1]) * SCALE[match[2]]


def _quantity(value: str) -> str:
    if amount(value) <= 0:
        raise ValueError(f"quantity {value!r} is not above zero; give what a process needs, such as 500m or 768Mi")
    return value


def _label_text(value: str) -> str:
    if not re.fullmatch(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?", value):
        raise ValueError(
            f"label value {value!r} breaks Kubernetes' rule; use up to 63 letters, digits, '-', '_' and '.', "
            "with a letter or digit at both ends"
        )
    return value


def _label_name(value: str) -> str:
    prefix, _, name = value.rpartition("/")
    if not name or not re.fullmatch(r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)?", prefix):
        raise ValueError(f"label name {value!r} breaks Kubernetes' rule; write name or example.com/name")
    return f"{prefix}/{_label_text(name)}" if prefix else _label_text(name)


def _own_label(value: str) -> str:
    if value.startswith(("fedtag/", "app.kubernetes.io/")):
        raise ValueError(f"label {value!r} is set by fedtag itself; name yours otherwise, such as example.com/team")
    return _label_name(value)


def _dns_label(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", value):
        raise ValueError(
            f"name {value!r} breaks Kubernetes' rule; use up to 63 lower-case letters, digits and '-', "
            "with a letter or digit at both ends"
        )
    return value


def _address(value: str) -> str:
    host, separator, port = value.rpartition(":") if value.count(":") == 1 else (value, "", "")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}", host) or (
        separator and not (port.isdigit() and 0 < int(port) < 2**16)
    ):
        raise ValueError(f"address {value!r} is no HOST or HOST:PORT; write such as broker.example.com:8883")
    return value


Quantity = Annotated[str, BeforeValidator(str), AfterValidator(_quantity)]
LabelName = Annotated[str, AfterValidator(_label_name)]
LabelText = Annotated[str, BeforeValidator(str), AfterValidator(_label_text)]
Address = Annotated[str, AfterValidator(_address)]
DnsLabel = Annotated[str, AfterValidator(_dns_label)]
OwnLabel = Annotated[str, AfterValidator(_own_label)]
