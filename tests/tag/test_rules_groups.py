"""Groups that are written as paths stand everywhere as their slugs."""

from pathlib import Path
from typing import Any

import pytest

from components.access import access_list
from components.names import worker_labels
from tag.names import group_name, group_region, is_group
from tag.plan import Plan
from tag.topics import access_rules


@pytest.fixture
def paths(project: Any) -> Any:
    """The project with its groups written as paths."""
    project.edit(project.tag, "[eu, us, asia]", "[default/eu, default/us, asia/east]")
    for group, path in (("eu", "default/eu"), ("us", "default/us"), ("asia", "asia/east")):
        project.edit(project.stack, f"      {group}:", f"      {path}:")
    return project


def test_a_path_is_a_slug_in_ids_groups_topics_and_labels(paths: Any) -> None:
    plan: Plan = paths.load().plan

    assert [w.spec.worker for w in plan.workers] == [
        "aggregator-all-0",
        "trainer-asia-east-tokyo",
        "trainer-default-eu-default-eu",
        "trainer-default-us-default-us",
    ]
    assert list(plan.rosters[plan.model_channel]) == ["asia-east", "default-eu", "default-us"]
    assert access_rules(plan.workers)["trainer-asia-east-tokyo"][0] == "fedtag/1/demo/param-channel/asia-east/state/+"
    assert "/asia/east" not in access_list(plan)
    assert worker_labels(plan.trainers[0].spec, plan.model_channel)["fedtag/group"] == "asia-east"


def test_the_region_of_a_path_is_that_of_a_realm(paths: Any) -> None:
    assert [w.region for w in paths.load().plan.trainers] == ["asia-east", "eu", "us"]


@pytest.mark.parametrize("written", ["default/eu", "default-eu"])
def test_an_association_and_a_dataset_may_write_the_path_or_its_slug(paths: Any, written: str) -> None:
    entries = f"[{{param-channel: {written}}}, {{param-channel: default/us}}, {{param-channel: asia-east}}]"
    paths.edit(paths.tag, "isDataConsumer: true", f"isDataConsumer: true\n    groupAssociation: {entries}")
    paths.edit(paths.stack, "      default/eu:", f"      {written}:")

    assert "trainer-default-eu-default-eu" in {w.spec.worker for w in paths.load().plan.workers}


def test_a_wrong_path_is_named_as_it_was_written(paths: Any) -> None:
    paths.edit(paths.tag, 'param-channel: "*"', "param-channel: default/uk")

    (fault,) = [f for f in paths.faults() if f.code == "T023"]

    assert "group 'default/uk'" in fault.message
    assert "'asia-east', 'default-eu', 'default-us'" in fault.message


def test_paths_that_become_one_name_are_told_in_the_tag_and_in_the_stack(paths: Any) -> None:
    paths.edit(paths.tag, "asia/east]", "asia/east, asia-east]")
    paths.edit(paths.stack, "      default/us:", "      default-eu:")

    found = [(Path(f.file).name, f.subject) for f in paths.faults() if f.code == "T052"]

    assert found == [("Pulumi.demo.yaml", "group 'default-eu'"), ("regions.yaml", "group 'asia-east'")]


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("eu", True),
        ("default/us/west", True),
        ("a/" * 31 + "b", True),
        ("a/" * 32 + "b", False),
        ("/us", False),
        ("us/", False),
        ("a//b", False),
        ("A/b", False),
        ("a-/b", False),
        ("+", False),
        ("", False),
    ],
)
def test_a_group_is_a_name_or_a_path_of_names(text: str, *, valid: bool) -> None:
    assert is_group(text) is valid


def test_other_texts_are_left_as_they_are() -> None:
    assert [group_name(text) for text in ("*", "eu", "A/b", "a/b")] == ["*", "eu", "A/b", "a-b"]
    assert [group_region(text) for text in ("eu", "default", "default/us/west", "asia/east")] == [
        "eu",
        "default",
        "us-west",
        "asia-east",
    ]
