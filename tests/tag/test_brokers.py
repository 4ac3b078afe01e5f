"""Channels with brokers of their own, and workers in the region of their group."""

from pathlib import Path
from typing import Any

import pytest

from tag.faults import TagError
from tag.load import load_stack
from tag.topics import access_rules, filters

TAG = """\
name: tree
roles:
  - {name: trainer, isDataConsumer: true}
  - name: middle
    placement: {region: "{group}"}
    groupAssociation: [{low: eu, high: default}, {low: us, high: default}]
  - {name: top, groupAssociation: [{high: default}]}
channels:
  - {name: low, broker: "near-{group}", pair: [trainer, middle], groupBy: {type: tag, value: [eu, us]}}
  - {name: high, pair: [middle, top], groupBy: {type: tag, value: [default]}}
"""
STACK = """\
config:
  fedtag:federation:
    tag: tag.yaml
    program: program.py
    datasets:
      eu: [{name: a, uri: "program:1"}]
      us: [{name: b, uri: "program:2"}, {name: c, uri: "program:3", region: us-west}]
"""


def plan(folder: Path, tag: str = TAG) -> Any:
    (folder / "program.py").write_text("")
    (folder / "tag.yaml").write_text(tag)
    (folder / "Pulumi.t.yaml").write_text(STACK)
    return load_stack(folder / "Pulumi.t.yaml").plan


def test_each_group_has_its_broker_where_all_its_data_is(tmp_path: Path) -> None:
    found = plan(tmp_path).brokers

    assert [(b.name, b.region, b.workers) for b in found] == [
        ("", None, 3),
        ("near-eu", "eu", 2),
        ("near-us", None, 3),  # of two regions
    ]


def test_without_names_there_is_one_broker(tmp_path: Path) -> None:
    found = plan(tmp_path, TAG.replace('broker: "near-{group}", ', ""))

    assert [b.name for b in found.brokers] == [""]
    assert found.top_broker == ""


def test_a_worker_runs_in_the_region_that_its_group_names(tmp_path: Path) -> None:
    regions = {w.spec.worker: w.region for w in plan(tmp_path).aggregators}

    assert regions == {"middle-eu-0": "eu", "middle-us-0": "us", "top-default-0": None}


def test_each_broker_knows_its_own_channels_only(tmp_path: Path) -> None:
    made = plan(tmp_path)
    rules = {broker.name: access_rules(made.workers, broker.name) for broker in made.brokers}

    assert set(rules["near-eu"]) == {"middle-eu-0", "trainer-eu-a"}
    assert set(rules[""]) == {"middle-eu-0", "middle-us-0", "top-default-0"}
    assert all("/low/eu/" in line for lines in rules["near-eu"].values() for line in lines)
    assert all("/high/" in line for lines in rules[""].values() for line in lines)
    middle = next(w.spec for w in made.workers if w.spec.worker == "middle-eu-0")
    assert {*filters(middle), *filters(middle, "near-eu")} == {
        *rules[""]["middle-eu-0"],
        *rules["near-eu"]["middle-eu-0"],
    }


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("near-{group}", "near-{grp}", "broker 'near-{grp}': can't stand in the names of objects"),
        ("near-{group}", "Near", "broker 'Near': can't stand in the names of objects"),
        ("near-{group}", f"{'n' * 61}{{group}}{{group}}", f"becomes '{'n' * 61}eueu', which can't stand in the names"),
        ('"{group}"', '"{grp}"', "region '{grp}': can't be a label of machines"),
    ],
)
def test_names_that_no_object_may_have_are_told_as_each_group_makes_them(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert TAG.count(old) == 1, "else the change means nothing"

    with pytest.raises(TagError) as raised:
        plan(tmp_path, TAG.replace(old, new))

    assert [(fault.code, said in str(fault)) for fault in raised.value.faults] == [("T010", True)]
