"""A TAG scaled up on paper is a TAG like any other."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tag.estimate.scale import datasets_for, datasets_of, scale
from tag.expand import expand
from tag.load import load_job_plan, load_stack, load_tag
from tag.names import LONGEST
from tag.plan import Plan

FLAME = Path(__file__).parents[1] / "fixtures" / "flame"


def scaled(name: str, regions: int | None, trainers: int | None) -> Plan:
    if name in ("eu-us-asia", "medmnist-stack"):
        loaded = load_stack(name.removesuffix("-stack"))
        tag, plan = loaded.tag, loaded.plan
    else:
        expanded = load_job_plan(FLAME / name / "schema.json", FLAME / name)
        tag, plan = expanded.tag, expanded.plan
    tag, datasets = scale(tag, datasets_of(plan), regions=regions, trainers=trainers)
    return expand(tag, datasets, federation=plan.federation, run=plan.workers[0].spec.run)


targets = st.sampled_from(["eu-us-asia", "medmnist-stack", "hier_mnist", "distributed_training", "medmnist"])


@given(targets, st.integers(1, 12), st.integers(12, 60))
@settings(deadline=None, max_examples=60)
def test_it_has_the_regions_and_trainers_that_were_asked_for(name: str, regions: int, trainers: int) -> None:
    plan = scaled(name, regions, trainers)
    groups = Counter(group for group, members in plan.rosters[plan.model_channel].items() for _ in members)
    datasets = [w.spec.dataset.name for w in plan.trainers if w.spec.dataset is not None]

    assert len(plan.trainers) == trainers
    assert len(groups) == regions
    assert max(groups.values()) - min(groups.values()) <= 1, "shared out evenly"
    assert len(set(datasets)) == trainers
    assert len({w.spec.worker for w in plan.workers}) == len(plan.workers)
    assert all(len(w.spec.worker) <= LONGEST for w in plan.workers)


@given(targets)
@settings(deadline=None, max_examples=10)
def test_without_a_wish_nothing_changes(name: str) -> None:
    same = scaled(name, None, None)

    assert [w.spec.dataset for w in same.trainers] == [w.spec.dataset for w in datasets_plan(name).trainers]


def datasets_plan(name: str) -> Plan:
    if name in ("eu-us-asia", "medmnist-stack"):
        return load_stack(name.removesuffix("-stack")).plan
    return load_job_plan(FLAME / name / "schema.json", FLAME / name).plan


def test_each_further_region_of_a_tree_gets_a_middle_aggregator() -> None:
    plan = scaled("hier_mnist", 20, None)
    roles = Counter(worker.spec.role for worker in plan.workers)

    assert roles == {"trainer": 40, "middle-aggregator": 20, "top-aggregator": 1}


def test_an_aggregator_of_every_group_stays_one_with_its_standby() -> None:
    plan = scaled("eu-us-asia", 100, 1_000)

    assert [w.spec.worker for w in plan.aggregators] == ["aggregator-all-0", "aggregator-all-1"]
    assert {"asia", "asia-2", "eu", "us"} <= {w.region for w in plan.trainers}
    assert len({w.region for w in plan.trainers}) == 100


def test_a_divided_dataset_is_divided_further() -> None:
    uris = {w.spec.dataset.uri for w in scaled("eu-us-asia", None, 30).trainers if w.spec.dataset is not None}

    assert uris == {f"mnist:{k}/30" for k in range(1, 31)}


def test_fewer_regions_keep_those_that_come_first() -> None:
    assert set(scaled("eu-us-asia", 2, None).rosters["param-channel"]) == {"asia", "eu"}


def test_fewer_trainers_than_regions_are_refused() -> None:
    with pytest.raises(ValueError, match="2 trainers are fewer than the 3 regions"):
        scaled("eu-us-asia", None, 2)


def test_a_tag_alone_gets_a_dataset_for_each_group() -> None:
    tag = load_tag(FLAME / "hier_mnist" / "schema.json").tag

    assert [(d.role, d.group) for d in datasets_for(tag)] == [("trainer", "eu"), ("trainer", "na")]
