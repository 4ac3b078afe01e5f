"""Plans whose estimates are known by hand."""

from collections import defaultdict

from tag.datasets import Dataset
from tag.estimate.traffic import Flow
from tag.expand import expand
from tag.plan import Plan
from tag.schema import Channel, GroupBy, Role, Tag
from tag.settings import DatasetSpec, RunSettings, TrainSettings

MODEL = 139_832
"""Bytes of the demo's model.safetensors: 34,826 weights of 4 bytes and their header."""


def placed(datasets: dict[str, str]) -> list[Dataset]:
    return [
        Dataset("trainer", group, DatasetSpec(name=name, uri="mnist:1/3"), TrainSettings(), group)
        for name, group in datasets.items()
    ]


def star_tag(datasets: dict[str, str], replica: int = 1) -> Tag:
    groups = tuple(sorted(set(datasets.values())))
    return Tag(
        name="star",
        roles=(
            Role(name="trainer", is_data_consumer=True),
            Role(name="aggregator", replica=replica, group_association=({"c": "*"},)),
        ),
        channels=(Channel(name="c", pair=("trainer", "aggregator"), group_by=GroupBy(value=groups)),),
    )


def a_star(datasets: dict[str, str], replica: int = 1) -> Plan:
    return planned(star_tag(datasets, replica), datasets)


def tree_tag(datasets: dict[str, str]) -> Tag:
    groups = tuple(sorted(set(datasets.values())))
    return Tag(
        name="tree",
        roles=(
            Role(name="trainer", is_data_consumer=True),
            Role(name="middle", group_association=tuple({"low": g, "high": "default"} for g in groups)),
            Role(name="top", group_association=({"high": "default"},)),
        ),
        channels=(
            Channel(name="low", pair=("trainer", "middle"), group_by=GroupBy(value=groups)),
            Channel(name="high", pair=("middle", "top")),
        ),
    )


def a_tree(datasets: dict[str, str]) -> Plan:
    return planned(tree_tag(datasets), datasets)


def planned(tag: Tag, datasets: dict[str, str]) -> Plan:
    return expand(tag, placed(datasets), federation="f", run=RunSettings(rounds=5))


def totals(found: list[Flow]) -> dict[str, tuple[int, int]]:
    sums: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for flow in found:
        sent, received = sums[flow.worker.spec.worker]
        sums[flow.worker.spec.worker] = (sent + flow.sent, received + flow.received)
    return dict(sums)
