"""Memory of each kind of pod, as far as it is known before it runs, beside what its limit is. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tag.estimate.brokers import Load
from tag.estimate.traffic import Flow
from tag.kubernetes_resources import Resources, Share
from tag.kubernetes_values import amount
from tag.limits import CHUNK_BYTES, FIRST_WINDOW_BYTES, model_window
from tag.plan import Limits, Plan

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
    """Memory of the pods of a role, or of a broker.

    Attributes:
        role: name; `broker` is the federation's broker, and others have the names that channels give them.
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


def aggregator_bytes(size: int, state: int = 0) -> int:
    """The most that an aggregator takes, however many trainers there are.

    Args:
        size: bytes of the model's file.
        state: values of its optimizer's state for each value of the model.
    """
    return (AGGREGATOR_MODELS + state) * size + AGGREGATOR_BYTES


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
        readers[flow.channel, flow.group] += flow.part not in ("lead", "coordinate")
    senders = sum(flow.part in ("follow", "ring") and flow.sent > 0 for flow in found)
    windows = sum(min(model_window(count) * CHUNK_BYTES, size) for count in readers.values())
    updates = 2 * min(FIRST_WINDOW_BYTES, senders * size)
    return BROKER_BYTES + updates + windows + connections * min(CHUNK_BYTES, size)


def pods(
    plan: Plan,
    resources: Resources,
    parted: Mapping[str, Sequence[Flow]],
    size: int,
    *,
    brokers: Sequence[Load],
    loaded: Mapping[str, int],
) -> tuple[Pod, ...]:
    """The memory of each role's pods and of the brokers.

    Args:
        plan: all workers.
        resources: of the stack.
        parted: all flows, by broker.
        size: bytes of the model's file.
        brokers: of the plan.
        loaded: peak bytes of a process that built the model, by role, where it was measured.
    """
    made = []
    for role, worker in sorted({w.spec.role: w for w in plan.workers}.items()):
        if worker.spec.dataset is not None:
            needs, because = trainer_bytes(size, loaded.get(role))
            limit, source = _limit(resources.trainer, "trainer", role, worker.limits)
            made.append(Pod(role, "trainer", "at least", needs, limit, source, because))
        else:
            state = worker.spec.run.optimizer.state if worker.spec.run is not None else 0
            kept = f", {state} × the model for its optimizer's state" if state else ""
            because = f"{AGGREGATOR_MODELS} × the model{kept} and 96 MiB"
            needs = aggregator_bytes(size, state)
            if worker.spec.coordinates:
                because, needs = "96 MiB, as it sees no model", AGGREGATOR_BYTES
            limit, source = _limit(resources.aggregator, "aggregator", role, worker.limits)
            made.append(Pod(role, "aggregator", "at most", needs, limit, source, because))
    because = "what may be under way; slow readers make it more"
    limit, source = _limit(resources.broker, "broker")
    for broker in brokers:
        needs = broker_bytes(parted.get(broker.name, ()), broker.connections, size)
        made.append(Pod(broker.name or "broker", "broker", "about", needs, limit, source, because))
    return tuple(made)


def _limit(share: Share, kind: str, role: str = "", limits: Limits | None = None) -> tuple[int, str]:
    own = limits is not None and limits.memory is not None
    source = f"resources.memory of role {role!r}" if own else f"kubernetes.resources.{kind}.limits.memory"
    return int(amount(share.within(limits).limits.memory)), source
