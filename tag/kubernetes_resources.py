"""What each kind of process is promised and may take: the `resources:` of the `kubernetes:` block."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import model_validator

from tag.kubernetes_values import Quantity, amount
from tag.model import Model
from tag.plan import Limits


class Amounts(Model):
    """Processor time and memory.

    Attributes:
        cpu: cores, such as 500m or 2.
        memory: bytes, such as 768Mi or 2Gi.
    """

    cpu: Quantity
    memory: Quantity


class Share(Model):
    """What one process is promised and what it may take.

    Attributes:
        requests: kept free for it; a pod that finds no such machine stays pending.
        limits: more memory ends the process, more cpu slows it.
    """

    requests: Amounts
    limits: Amounts

    @model_validator(mode="after")
    def _promises_are_within_limits(self) -> Self:
        """What is requested is not above its limit."""
        for kind in ("cpu", "memory"):
            asked, limit = getattr(self.requests, kind), getattr(self.limits, kind)
            if amount(asked) > amount(limit):
                raise ValueError(f"requests.{kind} {asked!r} is above limits.{kind} {limit!r}; raise the limit to it")
        return self

    def within(self, limits: Limits | None) -> "Share":
        """The same with the limits that a worker's role sets; no more than these is promised."""
        if limits is None:
            return self
        given = limits.model_dump(exclude_none=True)
        asked = self.requests.model_dump()
        lower = {kind: value for kind, value in given.items() if amount(value) < amount(asked[kind])}
        return Share(requests=Amounts(**(asked | lower)), limits=Amounts(**(self.limits.model_dump() | given)))


def _share(cpu: str, memory: str, cpu_limit: str, memory_limit: str) -> Share:
    return Share(requests=Amounts(cpu=cpu, memory=memory), limits=Amounts(cpu=cpu_limit, memory=memory_limit))


# A Keras worker takes 622 MB at its peak with the MNIST network; an aggregator about 100 MB plus four models.
DEFAULTS = {
    "trainer": _share("500m", "768Mi", "2", "1536Mi"),
    "aggregator": _share("100m", "192Mi", "1", "768Mi"),
    "broker": _share("100m", "64Mi", "1", "512Mi"),
}

HELPER = _share("5m", "8Mi", "100m", "32Mi")
"""Of each of the broker's two helpers, which only copy small files; one of them stays beside it."""

LEAST_MEMORY = {"trainer": "32Mi", "aggregator": "32Mi", "broker": "4Mi"}
"""Without so much a process is killed before it has done anything: Python with numpy, and mosquitto."""

LEAST_KERAS_MEMORY = "256Mi"
"""The same of a trainer whose program uses Keras: what importing it takes and can't give back."""


def _merged(base: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    nested = {
        key: _merged(base[key], value)
        for key, value in given.items()
        if isinstance(value, Mapping) and isinstance(base.get(key), Mapping)
    }
    return {**base, **given, **nested}


class Resources(Model):
    """Resources of each kind of process; what is not given keeps its default.

    Attributes:
        trainer: of a worker with data.
        aggregator: of a worker without data.
        broker: of the broker.
    """

    trainer: Share = DEFAULTS["trainer"]
    aggregator: Share = DEFAULTS["aggregator"]
    broker: Share = DEFAULTS["broker"]

    @model_validator(mode="before")
    @classmethod
    def _rest_is_default(cls, data: Any) -> Any:
        """What is not given keeps its default: `trainer: {requests: {cpu: 1}}` changes only that."""
        if not isinstance(data, Mapping):
            return data
        whole = {role: share.model_dump() for role, share in DEFAULTS.items()}
        return _merged(whole, {role: share for role, share in data.items() if not isinstance(share, Share)}) | {
            role: share for role, share in data.items() if isinstance(share, Share)
        }
