"""Who makes models, and whose data is behind whom, in plans of every topology."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tag.datasets import Dataset
from tag.expand import expand
from tag.plan import Plan
from tag.roots import NOBODY, behind, lineage, root_of, roots
from tag.schema import Tag
from tag.settings import DatasetSpec, TrainSettings
from tests.report import topologies as made


def plan_of(tag: Tag, names: dict[str, list[str]]) -> Plan:
    data = [
        Dataset("trainer", group, DatasetSpec(name=name, uri="mnist:1/2"), TrainSettings(), group)
        for group, own in names.items()
        for name in own
    ]
    return expand(tag, data, federation="world")


def parallel_tag(groups: list[str], replica: int = 1) -> Tag:
    roles = [
        made.trainers(),
        {"name": "aggregator", "replica": replica, "groupAssociation": [{"param": group} for group in groups]},
    ]
    return made.tag_of(
        "Parallel", roles, [made.channel("param", ["trainer", "aggregator"], groups, [made.FETCH, made.LEAD])]
    )


def star_tag(groups: list[str]) -> Tag:
    roles = [made.trainers(), {"name": "aggregator", "replica": 2, "groupAssociation": [{"param": "*"}]}]
    return made.tag_of(
        "Star", roles, [made.channel("param", ["trainer", "aggregator"], groups, [made.FETCH, made.LEAD])]
    )


EACH = {"eu": ["a", "b"], "us": ["c"]}


@pytest.mark.parametrize(
    ("tag", "names", "makers", "below"),
    [
        (star_tag(["eu", "us"]), EACH, {"aggregator-all": ("a", "b", "c")}, {}),
        (
            made.tree_tag(["eu", "us"]),
            EACH,
            {"top-aggregator-default": ("a", "b", "c")},
            {"middle-aggregator-eu": ("a", "b"), "middle-aggregator-us": ("c",)},
        ),
        (parallel_tag(["eu", "us"]), EACH, {"aggregator-eu": ("a", "b"), "aggregator-us": ("c",)}, {}),
        (made.ring_tag(), {"us": ["a", "b"]}, {"trainer-us": ("a", "b")}, {}),
        (
            made.hybrid_tag(["eu", "us"]),
            EACH,
            {"aggregator-default": ("a", "b", "c")},
            {"trainer-eu": ("a", "b"), "trainer-us": ("c",)},
        ),
    ],
    ids=["star", "tree", "parallel", "ring", "hybrid"],
)
def test_who_makes_models_and_who_is_behind_whom(
    tag: Tag,
    names: dict[str, list[str]],
    makers: dict[str, tuple[str, ...]],
    below: dict[str, tuple[str, ...]],
) -> None:
    plan = plan_of(tag, names)

    assert {root.name: root.datasets for root in roots(plan)} == makers
    assert behind(plan) == makers | below
    everybody = {worker.spec.worker for worker in plan.workers}
    assert set().union(*(root.crew for root in roots(plan))) == everybody


def test_replicas_of_an_experiment_are_one_root_each_and_titles_are_groups_in_natural_order() -> None:
    plan = plan_of(parallel_tag(["arm-10", "arm-2"], replica=2), {"arm-10": ["x"], "arm-2": ["y"]})

    assert [(root.title, root.workers) for root in roots(plan)] == [
        ("arm-2", ("aggregator-arm-2-0", "aggregator-arm-2-1")),
        ("arm-10", ("aggregator-arm-10-0", "aggregator-arm-10-1")),
    ]
    assert root_of(plan)["aggregator-arm-2-1"] == "aggregator-arm-2"


def test_roots_that_share_a_group_are_called_by_their_names() -> None:
    roles = [made.trainers(), {"name": "first"}, {"name": "second"}]
    both = [made.channel(name, ["trainer", name], (), [made.FETCH, made.LEAD]) for name in ("first", "second")]
    plan = plan_of(made.tag_of("Two", roles, both), {"default": ["a"]})

    assert {root.title for root in roots(plan)} == {"first-default", "second-default"}


def test_a_lineage_tells_makers_from_those_who_pass_on_and_believes_strangers() -> None:
    known = lineage(plan_of(made.tree_tag(["eu", "us"]), EACH))

    assert [known.makes(w) for w in ("top-aggregator-default-0", "middle-aggregator-eu-0", "stranger-7")] == [
        True,
        False,
        True,
    ]
    assert known.trainers(["middle-aggregator-eu", "c"]) == ("a", "b", "c")
    assert known.title("trainer-eu-a") == "", "there is but one model"
    assert NOBODY.makes("anybody-0")


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=8, unique=True), st.integers(1, 3))
@settings(max_examples=30, deadline=None)
def test_experiments_share_nobody_and_leave_out_nobody(groups: list[str], each: int) -> None:
    names = {group: [f"{group}-{k}" for k in range(each)] for group in groups}
    plan = plan_of(parallel_tag(groups), names)
    found = roots(plan)

    assert sorted(d for root in found for d in root.datasets) == sorted(d for own in names.values() for d in own)
    assert sum(len(root.crew) for root in found) == len(plan.workers) == len(set().union(*(r.crew for r in found)))
    titles = {w: lineage(plan).title(w) for root in found for w in root.crew}
    assert all(title in worker for worker, title in titles.items()) or len(groups) == 1


def test_a_circle_of_leaders_is_not_followed_for_ever() -> None:
    plan = plan_of(made.tree_tag(["eu"]), {"eu": ["a"]})
    top = next(w for w in plan.workers if w.spec.role == "top-aggregator")
    below = next(w for w in plan.workers if w.spec.role == "middle-aggregator").spec.memberships
    place: Callable[..., object] = below[0].model_copy
    again = top.model_copy(
        update={
            "spec": top.spec.model_copy(
                update={"memberships": (*top.spec.memberships, place(update={"group": "eu", "functions": ("fetch",)}))}
            )
        }
    )
    workers = tuple(again if w is top else w for w in plan.workers)

    assert behind(plan.model_copy(update={"workers": workers}))["middle-aggregator-eu"] == ("a",)
