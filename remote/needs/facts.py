"""What a cluster has and lacks, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from tag.kubernetes import Toleration

NamespaceState = Literal["missing", "ours", "other", "leaving"]


@dataclass(frozen=True, kw_only=True)
class Taint:
    """What keeps pods off a machine."""

    key: str
    effect: str
    value: str = ""

    def accepted_by(self, toleration: Toleration) -> bool:
        """Whether a pod with this toleration may run all the same."""
        if toleration.effect not in (None, self.effect):
            return False
        if toleration.operator == "Exists":
            return toleration.key in (None, self.key)
        return toleration.key == self.key and (toleration.value or "") == self.value


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A machine of a cluster.

    Attributes:
        labels: by name.
        taints: those that keep pods off.
        usable: whether it is ready and not cordoned.
        images: names of those that it has.
        images_known: whether it tells of all.
        cpu: cores that nobody else's pods keep.
        memory: bytes that nobody else's pods keep.
    """

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    usable: bool = True
    images: frozenset[str] = frozenset()
    images_known: bool = True
    cpu: Decimal = Decimal(0)
    memory: Decimal = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What a cluster has for one place; None is what the user may not read.

    Attributes:
        cluster: for messages.
        machines: all.
        classes: storage classes, and whether each is the default.
        namespace: its state.
        claims: volume claims there.
        secrets: there.
        quotas: what is left of the namespace's quotas, by `QUOTA/resource`.
        denied: `verb resource` that the user may not do.
    """

    cluster: str
    machines: tuple[Machine, ...] | None = ()
    classes: Mapping[str, bool] | None = field(default_factory=dict)
    namespace: NamespaceState | None = "missing"
    claims: frozenset[str] | None = frozenset()
    secrets: frozenset[str] | None = frozenset()
    quotas: Mapping[str, Decimal] = field(default_factory=dict)
    denied: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lack:
    """Something that a cluster lacks.

    Attributes:
        subject: what it is about, as `region 'eu'`.
        message: what is missing, and the remedy; lower case, no final period.
    """

    subject: str
    message: str

    def __str__(self) -> str:
        """The line that users see."""
        return f"{self.subject}: {self.message}"


def plain(number: Decimal | int) -> str:
    """A number without an exponent or zeros at its end."""
    return f"{Decimal(number).normalize():f}"


def mebibytes(number: Decimal) -> str:
    """Bytes as people read them."""
    return f"{int(number / 1024**2)}Mi"
