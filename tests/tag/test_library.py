"""Templates: a TAG of each topology has no faults, whatever the groups, and has the workers that it promises."""

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tag.datasets import Dataset
from tag.expand import expand
from tag.library import TIERS, Order, stack_text, tag_text, topologies
from tag.load import load_stack, load_tag
from tag.plan import Plan
from tag.reading.source import read
from tag.settings import DatasetSpec, TrainSettings

PROGRAM = Path(__file__).parents[2] / "worker" / "programs" / "softmax.py"
NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,6}[a-z0-9])?", fullmatch=True) | st.sampled_from(
    ["no", "on", "1e3", "0x1"]
)
GROUPS = st.lists(NAMES, min_size=1, max_size=5, unique=True).map(tuple)


def _order(name: str, groups: tuple[str, ...] = ("eu", "us", "asia"), trainers: int = 2, tiers: int = 3) -> Order:
    return Order(topologies()[name], groups, trainers, tiers)


def _write(folder: Path, order: Order) -> Path:
    """The stack file of an order, its TAG beside it."""
    (folder / "tag.yaml").write_text(tag_text(order, "mine", ["# a"]))
    path = folder / "Pulumi.mine.yaml"
    path.write_text(stack_text(order, ["# a"], target="mine", tag="tag.yaml", program=str(PROGRAM)))
    return path


def _plan(folder: Path, order: Order) -> Plan:
    """The plan, also of what can't run yet."""
    stack = read(_write(folder, order)).data["config"]["fedtag:federation"]
    datasets = [
        Dataset("trainer", group, DatasetSpec(name=entry["name"], uri=entry["uri"]), TrainSettings())
        for group, entries in stack["datasets"].items()
        for entry in entries
    ]
    return expand(load_tag(folder / "tag.yaml").tag, datasets, federation="mine")


@pytest.mark.parametrize("name", topologies())
@given(groups=GROUPS, trainers=st.integers(2, 3))
@settings(max_examples=8, deadline=None)
def test_a_new_stack_of_any_topology_has_no_faults(
    tmp_path_factory: pytest.TempPathFactory, name: str, groups: tuple[str, ...], trainers: int
) -> None:
    path = _write(tmp_path_factory.mktemp("new"), _order(name, groups, trainers))

    assert load_tag(path.parent / "tag.yaml").warnings == ()
    notes = ["T064"] if name == "asynchronous" else []
    assert [fault.code for fault in load_stack(path).warnings] == notes


@pytest.mark.parametrize(
    ("name", "roles"),
    [
        ("central", {"trainer": 6, "aggregator": 1}),
        ("hierarchical", {"trainer": 6, "middle-aggregator": 3, "top-aggregator": 1}),
        ("coordinated", {"trainer": 6, "middle-aggregator": 6, "top-aggregator": 1, "coordinator": 1}),
        ("asynchronous", {"trainer": 6, "middle-aggregator": 6, "top-aggregator": 1}),
        ("hybrid", {"trainer": 6, "aggregator": 1}),
        ("ring", {"trainer": 6}),
        ("parallel", {"trainer": 6, "aggregator": 3}),
    ],
)
def test_a_topology_has_the_workers_that_it_promises(tmp_path: Path, name: str, roles: dict[str, int]) -> None:
    plan = _plan(tmp_path, _order(name))

    assert Counter(worker.spec.role for worker in plan.workers) == roles
    assert len({worker.spec.worker for worker in plan.workers}) == sum(roles.values())


@pytest.mark.parametrize("tiers", TIERS)
@pytest.mark.parametrize("groups", [("eu",), ("eu", "eu-1", "us")])
def test_a_tree_of_n_tiers_halves_each_group_below(tmp_path: Path, tiers: int, groups: tuple[str, ...]) -> None:
    order = _order("hierarchical", groups, 1, tiers)
    plan = _plan(tmp_path, order)

    count = Counter(worker.spec.role for worker in plan.workers)
    assert sorted(count.values()) == sorted([1, *(len(groups) * 2**k for k in range(tiers - 2)), order.total])
    parents = {{m.channel: m.group for m in w.spec.memberships}.get("global-channel") for w in plan.aggregators} - {
        None
    }
    assert parents == {"default"}
    for worker in plan.aggregators:
        places = sorted(worker.spec.memberships, key=lambda place: "upload" in place.functions)
        below, *above = (place.group for place in places)
        assert all(group in ("default", below.rpartition("-")[0]) for group in above), "a half reports to its whole"


def test_one_ring_goes_through_all_regions(tmp_path: Path) -> None:
    path = _write(tmp_path, _order("ring", trainers=1))

    datasets = read(path).data["config"]["fedtag:federation"]["datasets"]
    assert list(datasets) == ["default"]
    assert [entry["region"] for entry in datasets["default"]] == ["eu", "us", "asia"]


def test_every_trainer_has_its_own_part_of_the_data(tmp_path: Path) -> None:
    plan = _plan(tmp_path, _order("central"))

    uris = {w.spec.dataset.uri for w in plan.trainers if w.spec.dataset is not None}
    assert uris == {f"mnist:{k}/6" for k in range(1, 7)}


@pytest.mark.parametrize("name", topologies())
def test_a_template_explains_itself(name: str) -> None:
    text = tag_text(_order(name), "mine", [])

    assert topologies()[name].sentence in text
    assert len(re.findall(r" # \w", text)) >= 3, "a newcomer needs the choices explained"
    assert "$" not in text
