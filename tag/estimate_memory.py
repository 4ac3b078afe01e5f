"""Memory of each kind of pod, as far as it is known before it runs, beside what its limit is. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tag.estimate_traffic import Flow
from tag.kubernetes_resources import Resources, Share
from tag.kubernetes_values import amount
from tag.limits import CHUNK_BYTES, FAN_OUT_CHUNKS, FIRST_WINDOW_BYTES, WINDOW_CHUNKS
from tag.plan import Plan
from tag.schema import Tag

AGGREGATOR_BYTES = 96 * 2**20
"""Of an aggregator without a model: Python, numpy, its link."""
AGGREGATOR_MODELS = 4
"""The model, the sum (64 bits), and what is staged."""
KERAS_BYTES = 622_000_000
"""Peak of a Keras trainer of the demo: 34,826 parameters, 20,000 images of 28×28."""
TRAINER_MODELS = 9
"""Files of model and update, weights for training and for judging, gradients, Adam's two, and copies on the way."""
BROKER_BYTES = 4 * 2**20
"""Of mosquitto without anybody."""


@dataclass(frozen=True)
class Pod:
    """Memory of the pods of a role, or of the broker.

    Attributes:
        role: name; `broker` is the broker.
        kind: trainer, aggregator or broker.
        bound: whether it takes at most or at least so much, or about.
        needs: bytes.
        limit: bytes, beyond which it is killed.
        limit_is_from: where that is written.
        because: how `needs` is known.
    """

    role: str
    kind: Literal["trainer", "aggregator", "broker"]
    bound: Literal["at most", "at least", "about"]
    needs: int
    limit: int
    limit_is_from: str
    because: str

    @property
    def exceeded(self) -> bool:
        """Whether it may be killed for its memory."""
        return self.needs > self.limit


def aggregator_bytes(size: int) -> int:
    """The most that an aggregator takes, however many trainers there are."""
    return AGGREGATOR_MODELS * size + AGGREGATOR_BYTES


def trainer_bytes(size: int, loaded: int | None) -> tuple[int, str]:
    """The least that a trainer takes, and how that is known.

    Args:
        size: bytes of the model's file.
        loaded: peak of a process that built the model; None if none was measured.
    """
    known = "622 MB as Keras with MNIST took" if loaded is None else "the program as loaded here"
    why = f"{known}, {TRAINER_MODELS} × the model; data comes on top"
    return (KERAS_BYTES if loaded is None else loaded) + TRAINER_MODELS * size, why


def broker_bytes(found: Sequence[Flow], connections: int, size: int) -> int:
    """About what mosquitto takes: what is under way, and a chunk for each connection.

    Within 4 % of what was measured with 30 and with 300 trainers of 40 MB (docs/benchmarks.md); a slow aggregator makes
    it more.
    """
    readers: dict[tuple[str, str], int] = defaultdict(int)
    for flow in found:
        readers[flow.channel, flow.group] += flow.part != "lead"
    senders = sum(flow.part in ("follow", "ring") for flow in found)
    windows = sum(min(_window(count) * CHUNK_BYTES, size) for count in readers.values())
    updates = 2 * min(FIRST_WINDOW_BYTES, senders * size)
    return BROKER_BYTES + updates + windows + connections * min(CHUNK_BYTES, size)


def _window(readers: int) -> int:
    """Chunks that a model's sender may be ahead of the slowest of so many readers, as workers have it."""
    return max(2, min(WINDOW_CHUNKS, FAN_OUT_CHUNKS // max(1, readers)))


def pods(
    plan: Plan,
    tag: Tag,
    resources: Resources,
    found: Sequence[Flow],
    size: int,
    *,
    connections: int,
    loaded: Mapping[str, int],
) -> tuple[Pod, ...]:
    """The memory of each role's pods and of the broker.

    Args:
        plan: all workers.
        tag: whose roles may have resources of their own.
        resources: of the stack.
        found: all flows.
        size: bytes of the model's file.
        connections: to the broker.
        loaded: peak bytes of a process that built the model, by role, where it was measured.
    """
    kinds = {w.spec.role: "trainer" if w.spec.dataset is not None else "aggregator" for w in plan.workers}
    made = []
    for role, kind in sorted(kinds.items()):
        if kind == "trainer":
            needs, because = trainer_bytes(size, loaded.get(role))
            limit, source = _limit(tag, role, resources.trainer, "trainer")
            made.append(Pod(role, "trainer", "at least", needs, limit, source, because))
        else:
            because = f"{AGGREGATOR_MODELS} × the model and 96 MiB"
            limit, source = _limit(tag, role, resources.aggregator, "aggregator")
            made.append(Pod(role, "aggregator", "at most", aggregator_bytes(size), limit, source, because))
    needs = broker_bytes(found, connections, size)
    because = "what may be under way; slow readers make it more"
    limit, source = _limit(tag, "", resources.broker, "broker")
    return (*made, Pod("broker", "broker", "about", needs, limit, source, because))


def _limit(tag: Tag, name: str, share: Share, kind: str) -> tuple[int, str]:
    role = tag.role(name)
    if role is not None and role.resources.memory is not None:
        return int(amount(role.resources.memory)), f"resources.memory of role {name!r}"
    return int(amount(share.limits.memory)), f"kubernetes.resources.{kind}.limits.memory"
