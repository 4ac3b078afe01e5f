"""Topic names and who may say what on them.

`fedtag/1/{federation}/{channel}/{group}/{kind}/{sender}[/{to}]`: a worker publishes only under its own `{sender}`.
"""

from typing import Literal, NamedTuple

from tag.plan import PlannedWorker
from tag.spec import EVERY_GROUP, Part, WorkerSpec

Kind = Literal[
    "here",
    "state",
    "want",
    "model",
    "update",
    "evaluation",
    "checkpoint",
    "claim",
    "alive",
    "part",
    "stand",
    "pairing",
    "event",
    "say",
]
ROOT = "fedtag/1"
OPERATOR = "operator"
"""The name of whoever watches a federation; it may read state, beats, events and models, and want a model."""


class Topic(NamedTuple):
    """A topic, taken apart. `to` is empty where a message is for all."""

    federation: str
    channel: str
    group: str
    kind: str
    sender: str
    to: str = ""

    def __str__(self) -> str:
        """The topic's text."""
        text = f"{ROOT}/{self.federation}/{self.channel}/{self.group}/{self.kind}/{self.sender}"
        return f"{text}/{self.to}" if self.to else text


def parse(text: str) -> Topic | None:
    """The parts of a topic's text; None if it is not one of ours."""
    parts = text.split("/")
    if len(parts) not in (7, 8) or parts[0] != "fedtag" or parts[1] != "1":
        return None
    return Topic(*parts[2:])


_HEARD: dict[Part, tuple[str, ...]] = {
    "lead": (
        "here/+",
        "state/+",
        "claim/+",
        "alive/+",
        "checkpoint/+",
        "want/+/{me}",
        "update/+/{me}",
        "evaluation/+/{me}",
        "model/+/{me}",
    ),
    "follow": ("state/+", "model/+", "model/+/{me}", "want/+/{me}"),
    "ring": (
        "here/+",
        "state/+",
        "claim/+",
        "alive/+",
        "want/+/{me}",
        "update/+/{me}",
        "evaluation/+/{me}",
        "model/+",
        "model/+/{me}",
        "part/+/{me}",
        "stand/+/{me}",
    ),
    "coordinate": ("pairing/+/{group}",),
    "other": ("say/+", "say/+/{me}"),
}
"""What each part hears in its groups."""


_GONE = "here/+"
"""Replicas of a follower look sooner after the one of them that has left."""


_TOLD = ("here/+", "state/+")
"""What a coordinator hears: who is here, and which round is open."""


def filters(spec: WorkerSpec, broker: str = "") -> list[str]:
    """The subscriptions of a worker at one of its brokers, in order; they are also its read rules there."""
    lines: list[str] = []
    for place in spec.memberships:
        if place.broker != broker:
            continue
        group = "+" if place.group == EVERY_GROUP else place.group
        base = f"{ROOT}/{spec.federation}/{place.channel}/{group}"
        kinds = _TOLD if place.coordinates else _HEARD[place.part]
        if place.part == "coordinate" and not place.coordinates and not spec.pairing_group:
            continue  # a root tells, and is told nothing
        if place.part == "follow" and spec.dataset is None:
            kinds = (_GONE, *kinds)
        lines += [f"{base}/{kind.format(me=spec.worker, group=spec.pairing_group)}" for kind in kinds]
    return lines


def access_rules(workers: tuple[PlannedWorker, ...], broker: str = "") -> dict[str, list[str]]:
    """The read rules of each worker of a broker; the write rule is one pattern for all (`write_pattern`)."""
    found = {w.spec.worker: filters(w.spec, broker) for w in workers}
    return {worker: lines for worker, lines in found.items() if lines}


def write_pattern(federation: str) -> str:
    """The mosquitto ACL pattern that lets each user write under its own name only (`%u`)."""
    return f"{ROOT}/{federation}/+/+/+/%u/#"
