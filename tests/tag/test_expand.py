"""Expansion depends on what is written, never on the order in which it is written."""

import random
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tag.datasets import Dataset
from tag.expand import expand
from tag.infer import complete
from tag.plan import Plan
from tag.schema import Tag
from tag.settings import DatasetSpec, TrainSettings
from tag.spec import EVERY_GROUP

GROUPS = ["asia", "eu", "us"]


def _tag(levels: int, groups: list[str], replica: int, *, every: bool) -> Tag:
    """A star (one level) or a tree whose trainers meet the others on a channel with groups."""
    roles: list[dict[str, Any]] = [{"name": "trainer", "isDataConsumer": True}]
    channels: list[dict[str, Any]] = []
    below = "trainer"
    for level in range(levels):
        role = f"aggregator{level}"
        association = [{"channel0": EVERY_GROUP}] if every and levels == 1 else []
        roles.append({"name": role, "replica": replica, "groupAssociation": association})
        group_by = {"type": "tag", "value": groups} if level == 0 else {}
        channels.append({"name": f"channel{level}", "pair": [below, role], "groupBy": group_by})
        below = role
    return Tag.model_validate({"name": "made", "roles": roles, "channels": channels})


def _datasets(groups: list[str], count: int) -> list[Dataset]:
    return [
        Dataset(
            "trainer", groups[i % len(groups)], DatasetSpec(name=f"d{i}", uri=f"mnist:{i + 1}/{count}"), TrainSettings()
        )
        for i in range(count)
    ]


jobs = st.tuples(
    st.integers(1, 3),
    st.lists(st.sampled_from(GROUPS), min_size=1, unique=True),
    st.integers(1, 3),
    st.booleans(),
    st.integers(3, 12),
)


def _shuffled(tag: Tag, chance: random.Random) -> Tag:
    def mixed(items: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(chance.sample(items, len(items)))

    channels = [
        c.model_copy(
            update={"pair": mixed(c.pair), "group_by": c.group_by.model_copy(update={"value": mixed(c.groups)})}
        )
        for c in tag.channels
    ]
    roles = [r.model_copy(update={"group_association": mixed(r.group_association)}) for r in tag.roles]
    return tag.model_copy(update={"roles": mixed(tuple(roles)), "channels": mixed(tuple(channels))})


@given(jobs, st.randoms(use_true_random=False))
def test_the_order_of_roles_channels_pairs_groups_and_datasets_does_not_matter(job: Any, chance: random.Random) -> None:
    levels, groups, replica, every, count = job
    tag, datasets = _tag(levels, groups, replica, every=every), _datasets(groups, count)

    plan = expand(_shuffled(tag, chance), chance.sample(datasets, count), federation="f")

    assert plan == expand(tag, datasets, federation="f")


@given(jobs)
def test_every_worker_has_exactly_one_group_on_each_channel_of_its_role(job: Any) -> None:
    levels, groups, replica, every, count = job
    tag = _tag(levels, groups, replica, every=every)

    for worker in expand(tag, _datasets(groups, count), federation="f").workers:
        channels = [c.name for c in tag.channels_of(worker.spec.role)]
        assert [m.channel for m in worker.spec.memberships] == channels
        for place in worker.spec.memberships:
            assert place.group in (*groups, "default", EVERY_GROUP)


@given(jobs)
def test_ids_are_unique_sorted_and_say_role_group_and_dataset_or_index(job: Any) -> None:
    levels, groups, replica, every, count = job

    plan = expand(_tag(levels, groups, replica, every=every), _datasets(groups, count), federation="f")

    ids = [w.spec.worker for w in plan.workers]
    assert ids == sorted(set(ids))
    for trainer in plan.trainers:
        assert trainer.spec.dataset is not None
        assert trainer.spec.worker == f"trainer-{trainer.spec.memberships[0].group}-{trainer.spec.dataset.name}"
    assert sum(w.spec.role == "aggregator0" for w in plan.workers) == replica * (
        1 if every and levels == 1 else len(groups)
    )


@given(jobs, st.data())
def test_a_dataset_that_comes_or_goes_changes_no_other_worker(job: Any, data: st.DataObject) -> None:
    levels, groups, replica, every, count = job
    tag, datasets = _tag(levels, groups, replica, every=every), _datasets(groups, count)
    gone = data.draw(st.sampled_from(datasets))
    before = expand(tag, datasets, federation="f")

    after = expand(tag, [d for d in datasets if d is not gone], federation="f")

    lost = {w.spec.worker: w for w in before.workers}.keys() - {w.spec.worker for w in after.workers}
    assert lost == {f"trainer-{gone.group}-{gone.spec.name}"}
    assert [w for w in before.workers if w.spec.worker not in lost] == list(after.workers)


@given(jobs)
def test_renaming_groups_changes_only_ids_and_groups(job: Any) -> None:
    levels, groups, replica, every, count = job
    names = {group: f"{group}-x" for group in groups}
    plan = expand(_tag(levels, groups, replica, every=every), _datasets(groups, count), federation="f")

    renamed = expand(
        _tag(levels, list(names.values()), replica, every=every), _datasets(list(names.values()), count), federation="f"
    )

    assert _without_groups(renamed) == _without_groups(plan)


def _without_groups(plan: Plan) -> list[str]:
    return sorted(
        w.spec.model_copy(
            update={"worker": "", "memberships": tuple(m.model_copy(update={"group": ""}) for m in w.spec.memberships)}
        ).model_dump_json()
        for w in plan.workers
    )


def test_an_aggregator_of_every_group_is_the_same_when_a_region_is_added() -> None:
    """Its spec decides its restart: it must not change when others come."""
    two = expand(_tag(1, ["eu", "us"], 2, every=True), _datasets(["eu", "us"], 2), federation="f")
    three = expand(_tag(1, GROUPS, 2, every=True), _datasets(GROUPS, 3), federation="f")

    assert two.aggregators == three.aggregators
    assert [w.spec.worker for w in two.aggregators] == ["aggregator0-all-0", "aggregator0-all-1"]


def test_a_trainer_knows_no_run_settings_and_an_aggregator_no_training() -> None:
    plan = expand(_tag(2, GROUPS, 1, every=False), _datasets(GROUPS, 3), federation="f")

    assert {(w.spec.run, w.spec.index) for w in plan.trainers} == {(None, None)}
    assert {(w.spec.train, w.spec.dataset) for w in plan.aggregators} == {(None, None)}


def test_a_tree_has_an_aggregator_per_group_with_the_upper_channel_filled_in() -> None:
    """Flame's hierarchical example, with nothing but groupBy written."""
    tag = complete(_tag(2, ["eu", "na"], 1, every=False), {"trainer": {"eu", "na"}}).tag

    middle = tag.role("aggregator0")
    assert middle is not None
    assert middle.group_association == (
        {"channel0": "eu", "channel1": "default"},
        {"channel0": "na", "channel1": "default"},
    )


def test_two_channels_with_several_groups_are_not_guessed() -> None:
    tag = _tag(2, ["eu", "na"], 1, every=False)
    upper = tag.channels[1].model_copy(update={"group_by": tag.channels[0].group_by})
    whole = complete(tag.model_copy(update={"channels": (tag.channels[0], upper)}), {})

    assert set(whole.unclear) == {"aggregator0"}
    assert "[{channel0: eu, channel1: eu}]" in whole.unclear["aggregator0"], "it says what to write"


def test_functions_left_out_follow_from_who_has_data() -> None:
    plan = expand(_tag(1, ["eu"], 1, every=False), _datasets(["eu"], 1), federation="f")

    functions = {w.spec.role: w.spec.memberships[0].functions for w in plan.workers}
    assert functions == {"trainer": ("fetch", "upload"), "aggregator0": ("distribute", "aggregate")}


def test_a_plan_is_read_back_as_it_was_written() -> None:
    plan = expand(_tag(3, GROUPS, 2, every=False), _datasets(GROUPS, 6), federation="f")

    assert Plan.model_validate_json(plan.model_dump_json(by_alias=True)) == plan


def test_a_group_that_no_association_has_is_an_error_of_the_caller() -> None:
    with pytest.raises(LookupError, match="mars"):
        expand(_tag(1, ["eu"], 1, every=False), _datasets(["mars"], 1), federation="f")


def test_ten_thousand_datasets_expand_in_less_than_half_a_second() -> None:
    """The figure is 100,000 in a second; this finds what is quadratic, on busy machines too."""
    tag, datasets = _tag(1, GROUPS, 2, every=True), _datasets(GROUPS, 10_000)
    start = time.process_time()

    expand(tag, datasets, federation="f")

    assert time.process_time() - start < 0.5


def test_as_many_groups_as_datasets_cost_no_more() -> None:
    """Associations are looked up, not searched: 10,000 groups for 10,000 datasets."""
    groups = [f"region{i}" for i in range(10_000)]
    tag, datasets = _tag(1, groups, 1, every=True), _datasets(groups, 10_000)
    start = time.process_time()

    plan = expand(tag, datasets, federation="f")

    assert time.process_time() - start < 1
    assert len(plan.rosters[plan.model_channel]) == 10_000


def test_a_plan_made_without_pydantics_checks_is_the_one_that_they_would_make() -> None:
    plan = expand(_tag(2, GROUPS, 2, every=False), _datasets(GROUPS, 6), federation="f")

    checked = Plan.model_validate(plan.model_dump())

    assert checked == plan
    assert checked.model_dump_json(by_alias=True) == plan.model_dump_json(by_alias=True)
    assert plan.workers[0].spec.model_copy(update={"worker": "x"}).worker == "x"


def test_a_tag_that_was_looked_into_equals_one_that_was_not_and_its_copies_have_their_own_channels() -> None:
    tag, same = _tag(2, GROUPS, 1, every=False), _tag(2, GROUPS, 1, every=False)
    assert [c.name for c in tag.channels_of("aggregator0")] == ["channel0", "channel1"]

    fewer = tag.model_copy(update={"channels": tag.channels[:1]})

    assert tag == same
    assert tag.model_dump() == same.model_dump()
    assert [c.name for c in fewer.channels_of("aggregator0")] == ["channel0"]
