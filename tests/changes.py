"""The rows of docs/changes.md: what is edited, which objects the preview must show, and whose pods start anew.

Shared by the tests on recorded objects (tests/components) and those on a cluster (tests/e2e).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tag.kubernetes import Images

Edit = Callable[[Any], object]

AGGREGATORS = ("aggregator-all-0", "aggregator-all-1")
TRAINERS = tuple(f"trainer-{region}-mnist-{region}" for region in ("eu", "us", "asia"))
NEW_TRAINER = "trainer-africa-mnist-africa"
EVERYONE = (*AGGREGATORS, *TRAINERS, "broker")
TRAINER_IMAGE = Images().trainer
"""It has all that an aggregator needs, so that a test needs no third image."""

ROSTER = "ConfigMap/roster"
ACCESS = "Secret/broker-access"


@dataclass(frozen=True)
class Change:
    """A row.

    Attributes:
        row: its first cell.
        stack: changes the federation in the stack file.
        tag: changes the TAG.
        stack_before: changes the federation before: what the change starts from.
        tag_before: changes the TAG before.
        objects: that the preview must show, as Kind/name without the federation's.
        restarted: the deployments among them whose running pods start anew.
    """

    row: str
    stack: Edit = lambda _: None
    tag: Edit = lambda _: None
    stack_before: Edit = lambda _: None
    tag_before: Edit = lambda _: None
    objects: frozenset[str] = frozenset()
    restarted: frozenset[str] = frozenset()


def _spec(*workers: str) -> frozenset[str]:
    """What a change of these workers' specs touches: their ConfigMaps, made anew, and their Deployments."""
    return frozenset(f"ConfigMap/{worker}-config" for worker in workers) | _deployments(*workers)


def _deployments(*workers: str) -> frozenset[str]:
    return frozenset(f"Deployment/{worker}" for worker in workers)


def _whole(worker: str) -> frozenset[str]:
    return _spec(worker) | {f"Secret/{worker}-tls"}


def _kubernetes(federation: Any) -> Any:
    return federation.setdefault("kubernetes", {})


def _more_epochs(federation: Any) -> None:
    federation["datasets"]["eu"][0]["epochs"] = 2


def quarters(federation: Any) -> None:
    """Leave a quarter of the data to a region that comes."""
    for part, region in enumerate(("eu", "us", "asia"), 1):
        federation["datasets"][region][0]["uri"] = f"mnist:{part}/4"


def _add_region(federation: Any) -> None:
    """On any machine: a test's cluster has no machine in Africa."""
    federation["datasets"]["africa"] = [{"name": "mnist-africa", "uri": "mnist:4/4"}]
    _kubernetes(federation).setdefault("regions", {})["africa"] = {"nodeSelector": {}}


def _groups(*names: str) -> Edit:
    return lambda tag: tag["channels"][0]["groupBy"].update(value=list(names))


def _role(name: str, **fields: object) -> Edit:
    return lambda tag: next(role for role in tag["roles"] if role["name"] == name).update(fields)


ROUNDS = Change(
    "more `rounds`, or a greater `run`",
    stack=lambda federation: federation.update(rounds=int(federation["rounds"]) + 1),
    objects=_spec(*AGGREGATORS),
    restarted=frozenset(AGGREGATORS),
)
EPOCHS = Change(
    "`epochs` of one region's dataset",
    stack=_more_epochs,
    objects=_spec(TRAINERS[0]),
    restarted=frozenset(TRAINERS[:1]),
)
ADDED = Change(
    "a region is added",
    stack_before=quarters,
    stack=_add_region,
    tag=_groups("eu", "us", "asia", "africa"),
    objects=_whole(NEW_TRAINER) | {ROSTER, ACCESS},
)
REMOVED = Change(
    "a region is removed",
    stack=lambda federation: federation["datasets"].pop("asia"),
    tag=_groups("eu", "us"),
    objects=_whole(TRAINERS[2]) | {ROSTER, ACCESS},
)
REPLICA = Change(
    "`replica` of the aggregator from 1 to 2",
    tag_before=_role("aggregator", replica=1),
    tag=_role("aggregator", replica=2),
    objects=_whole(AGGREGATORS[1])
    | {ACCESS, f"PersistentVolumeClaim/{AGGREGATORS[1]}-state", "PodDisruptionBudget/aggregator-every-group"},
)
AGGREGATOR_IMAGE = Change(
    "another image of the aggregators",
    stack=lambda federation: _kubernetes(federation).setdefault("images", {}).update(aggregator=TRAINER_IMAGE),
    objects=_deployments(*AGGREGATORS),
    restarted=frozenset(AGGREGATORS),
)
TRAINERS_IMAGE = Change(
    "another image of the trainers",
    stack=lambda federation: _kubernetes(federation).setdefault("images", {}).update(trainer="localhost/other:1"),
    objects=_deployments(*TRAINERS),
    restarted=frozenset(TRAINERS),
)
ROTATION = Change(
    "`tls.rotation`",
    stack=lambda federation: _kubernetes(federation).update(tls={"rotation": 2}),
    objects=_deployments(*EVERYONE) | {f"Secret/{name}-tls" for name in EVERYONE},
    restarted=frozenset(EVERYONE),
)
REORDERED = Change("groups, roles or datasets in another order", tag=_groups("asia", "eu", "us"))
RENAMED = Change("a `description`", tag=_role("aggregator", description="Joins what the regions learnt."))

CHANGES = (
    ROUNDS,
    EPOCHS,
    ADDED,
    REMOVED,
    REPLICA,
    TRAINERS_IMAGE,
    AGGREGATOR_IMAGE,
    ROTATION,
    REORDERED,
    RENAMED,
)
