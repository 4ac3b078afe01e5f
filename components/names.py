"""Names and labels of Kubernetes objects, as pure functions: the 63-character rule stands here only."""

import hashlib
import re
from typing import Literal

from tag.spec import EVERY_GROUP, WorkerSpec
from tag.summary import home_group

NAME_LIMIT = 63
SUFFIX_ROOM = 9
"""Characters kept free for a suffix such as `-1a2b3c4d`."""

PART_OF = "app.kubernetes.io/part-of"
INSTANCE = "app.kubernetes.io/instance"
COMPONENT = "app.kubernetes.io/component"
ROLE = "fedtag/role"
GROUP = "fedtag/group"
WORKER = "fedtag/worker"
RESIDENCY = "fedtag/residency"
BROKER = "fedtag/broker"
PRODUCTION = "fedtag/production"

Kind = Literal["broker", "channel-broker", "worker", "federation"]
"""What an object belongs to; the federation's broker and those that channels name are chosen apart."""


def digest8(*texts: str) -> str:
    """Eight hexadecimal digits that stand for these texts."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:8]


def _fit(text: str, slug: str, limit: int) -> str:
    """The text itself where it is its own slug; else the slug and a digest, so that two texts stay two names."""
    if slug == text and len(text) <= limit:
        return text
    return f"{slug[: limit - SUFFIX_ROOM].strip('-._')}-{digest8(text)}".lstrip("-")


def object_name(federation: str, *parts: str) -> str:
    """The name of a federation's object: up to 54 characters, so that a digest or suffix still fits."""
    text = "-".join((federation, *parts))
    return _fit(text, re.sub(r"[^a-z0-9-]", "-", text.lower()).strip("-"), NAME_LIMIT - SUFFIX_ROOM)


def label_value(text: str) -> str:
    """The text as a label's value; other texts than valid ones end in a digest."""
    if text == EVERY_GROUP:
        return "every-group"
    return _fit(text, re.sub(r"[^A-Za-z0-9._-]", "-", text).strip("-._"), NAME_LIMIT)


def selector(federation: str, kind: Kind, worker: str | None = None) -> dict[str, str]:
    """The labels that single out a component's pods: all workers, one worker, or the broker of one federation."""
    chosen = {INSTANCE: label_value(federation), COMPONENT: kind}
    return chosen if worker is None else {**chosen, WORKER: label_value(worker)}


def broker_kind(name: str) -> Kind:
    """The federation's broker, which has no name, or one that channels name."""
    return "channel-broker" if name else "broker"


def broker_labels(name: str) -> dict[str, str]:
    """The label that tells a broker from others that channels name; the federation's has none."""
    return {BROKER: label_value(name)} if name else {}


def labels(federation: str, kind: Kind, *, production: bool, extra: dict[str, str] | None = None) -> dict[str, str]:
    """The labels of every object of a federation."""
    return {
        **(extra or {}),
        "app.kubernetes.io/name": "fedtag",
        "app.kubernetes.io/managed-by": "pulumi",
        PART_OF: label_value(federation),
        PRODUCTION: str(production).lower(),
        **selector(federation, kind),
    }


def worker_labels(spec: WorkerSpec, model_channel: str) -> dict[str, str]:
    """The labels that tell one worker from another."""
    return {
        ROLE: label_value(spec.role),
        GROUP: label_value(home_group(spec, model_channel)),
        WORKER: label_value(spec.worker),
    }
