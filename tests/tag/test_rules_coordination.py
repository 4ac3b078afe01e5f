"""Coordinators that pair nobody, and roles that wait for pairs in vain: each said by name, with its remedy (T069)."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tag.faults import Fault, TagError
from tag.library import Order, tag_text, topologies
from tag.load import load_job_plan, load_stack

Graph = dict[str, Any]


def graph() -> Graph:
    """The TAG that `fedtag new coordinated` writes, of two groups."""
    found: Graph = YAML(typ="safe").load(tag_text(Order(topologies()["coordinated"], ("eu", "us"), 3), "mine", []))
    return found


def faults(folder: Path, tag: Graph, datasets: dict[str, int]) -> list[Fault]:
    """The faults of a TAG with so many datasets in each group."""
    names = {group: [f"{group}-{k}" for k in range(count)] for group, count in datasets.items()}
    for name in (name for each in names.values() for name in each):
        (folder / f"dataset-{name}.json").write_text(json.dumps({"name": name, "url": f"program:{name}"}))
    (folder / "dataSpec.json").write_text(json.dumps([{"role": "trainer", "datasetGroups": names}]))
    (folder / "tag.json").write_text(json.dumps(tag))
    try:
        return list(load_job_plan(folder / "tag.json", folder).warnings)
    except TagError as error:
        return list(error.faults)


def role(tag: Graph, name: str) -> Graph:
    found: Graph = next(role for role in tag["roles"] if role["name"] == name)
    return found


def channel(tag: Graph, name: str) -> Graph:
    found: Graph = next(channel for channel in tag["channels"] if channel["name"] == name)
    return found


def without(name: str) -> Callable[[Graph], object]:
    """Leaves out a channel of the coordinator."""

    def change(tag: Graph) -> None:
        tag["channels"].remove(channel(tag, name))
        for each in tag["roles"]:
            for entry in each.get("groupAssociation", []):
                entry.pop(name, None)

    return change


def everywhere(tag: Graph) -> None:
    """The aggregators are in every group."""
    entry = role(tag, "middle-aggregator")["groupAssociation"][0]
    role(tag, "middle-aggregator")["groupAssociation"] = [entry | {"param-channel": "*"}]


def uploading(tag: Graph) -> None:
    """The coordinator is a follower, too."""
    functions = {"coordinator": ["fetch"], "top-aggregator": ["distribute"]}
    tag["channels"].append({"name": "news", "pair": ["coordinator", "top-aggregator"], "funcTags": functions})
    for name in ("coordinator", "top-aggregator"):
        role(tag, name)["groupAssociation"][0]["news"] = "default"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            without("trainer-coord-channel"),
            {"coordinator": "no role with data", "middle-aggregator": "not coordinated"},
        ),
        (without("middle-coord-channel"), {"coordinator": "no role that aggregates", "trainer": "is not; give that"}),
        (without("top-coord-channel"), {"coordinator": "does not hear of rounds"}),
        (everywhere, {"middle-aggregator": "in every group of 'param-channel'"}),
        (uploading, {"coordinator": "does something else on 'news'"}),
    ],
)
def test_whoever_lacks_somebody_is_named(
    tmp_path: Path, change: Callable[[Graph], object], said: dict[str, str]
) -> None:
    tag = graph()
    change(tag)

    found = faults(tmp_path, tag, {"eu": 2, "us": 2})

    assert {fault.code for fault in found} == {"T069"}
    assert {fault.subject for fault in found} == {f"role {name!r}" for name in said}
    for fault in found:
        assert any(text in fault.message for text in said.values()), fault.message


@pytest.mark.parametrize(("datasets", "codes"), [({"eu": 2, "us": 2}, []), ({"eu": 3, "us": 1}, ["T069"])])
def test_a_group_with_fewer_trainers_than_aggregators_leaves_one_without(
    tmp_path: Path, datasets: dict[str, int], codes: list[str]
) -> None:
    found = faults(tmp_path, graph(), datasets)

    assert [fault.code for fault in found] == codes
    for fault in found:
        assert "group 'us' has 1 of role 'trainer' for 2 of role 'middle-aggregator'" in fault.message


def test_a_coordinator_has_no_replicas(tmp_path: Path) -> None:
    tag = graph()
    role(tag, "coordinator")["replica"] = 2

    (fault,) = faults(tmp_path, tag, {"eu": 2, "us": 2})

    assert fault.code == "T018"
    assert "has no standby" in fault.message


def stack(folder: Path, tag: Graph, datasets: dict[str, int], **settings: Any) -> Path:
    """A stack file of a TAG, with so many datasets in each group."""
    (folder / "mine.py").touch()
    (folder / "tag.json").write_text(json.dumps(tag))
    listed = {g: [{"name": f"{g}-{k}", "uri": f"program:{g} {k}"} for k in range(n)] for g, n in datasets.items()}
    said = {"tag": "tag.json", "program": "mine.py", "datasets": listed, **settings}
    path = folder / "Pulumi.mine.yaml"
    path.write_text(json.dumps({"config": {"fedtag:federation": said}}))
    return path


def test_a_quorum_counts_at_each_aggregator_who_has_only_its_share_of_the_group(tmp_path: Path) -> None:
    with pytest.raises(TagError) as caught:
        load_stack(stack(tmp_path, graph(), {"eu": 4, "us": 5}, quorum=3, deadline=60))

    assert [fault.code for fault in caught.value.faults if fault.severity == "error"] == ["T040", "T040"]
    assert "the 2 trainers of group 'eu'" in str(caught.value)


def test_a_coordinated_stack_names_each_aggregator_and_seeds_its_coordinator(tmp_path: Path) -> None:
    plan = load_stack(stack(tmp_path, graph(), {"eu": 3, "us": 3}, seed=7)).plan

    assert plan.rosters["global-channel"] == {
        "default": tuple(f"middle-aggregator-{group}-{index}" for group in ("eu", "us") for index in (0, 1))
    }
    assert {w.spec.worker: w.spec.seed for w in plan.workers if w.spec.seed is not None} == {"coordinator-default-0": 7}
