"""Topologies of Flame's further examples, in our own words, with the workers that Flame's controller makes of each."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tag.faults import TagError
from tag.load import Expanded, load_job_plan
from tag.rules.topology import missing
from tag.schema import Tag

STAR = {"trainer": ["fetch", "upload"], "aggregator": ["distribute", "aggregate"]}


def _role(name: str, *associations: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"name": name, "groupAssociation": list(associations)} | more


def _trainer(*associations: dict[str, str]) -> dict[str, Any]:
    return _role("trainer", *associations, isDataConsumer=True)


def _channel(name: str, lower: str, upper: str, *groups: str, **more: Any) -> dict[str, Any]:
    functions = {lower: STAR["trainer"], upper: STAR["aggregator"]}
    made: dict[str, Any] = {"name": name, "pair": [lower, upper], "funcTags": functions}
    return made | {"groupBy": {"type": "tag", "value": list(groups)}} | more


def _ring(*groups: str, **more: Any) -> dict[str, Any]:
    return _channel("param-channel", "trainer", "trainer", *groups, **more) | {
        "funcTags": {"trainer": ["ring_allreduce"]}
    }


def _coordinated(name: str, role: str, function: str) -> dict[str, Any]:
    functions = {role: ["coordinate"], "coordinator": [function]}
    return _channel(name, role, "coordinator", "default") | {"funcTags": functions}


def _tree(middle: list[dict[str, str]], groups: list[str], top: str, replica: int) -> dict[str, Any]:
    return {
        "roles": [
            _trainer(*({"param-channel": group} for group in groups)),
            _role("middle-aggregator", *middle, replica=replica),
            _role("top-aggregator", {"global-channel": top}),
        ],
        "channels": [
            _channel("param-channel", "trainer", "middle-aggregator", *groups),
            _channel("global-channel", "middle-aggregator", "top-aggregator", top),
        ],
    }


HYBRID = {
    "roles": [
        _trainer(*({"param-channel": group, "global-channel": "default"} for group in ("us", "eu"))),
        _role("aggregator", {"global-channel": "default"}),
    ],
    "channels": [
        _ring("eu", "us", backend="p2p"),
        {"name": "global-channel", "pair": ["trainer", "aggregator"], "backend": "mqtt", "funcTags": STAR},
    ],
}
PARALLEL = {
    "roles": [
        _trainer(*({"param-channel": group} for group in ("us", "eu", "asia"))),
        _role("aggregator", *({"param-channel": group} for group in ("us", "eu", "asia"))),
    ],
    "channels": [_channel("param-channel", "trainer", "aggregator", "us", "eu", "asia")],
}
COORDINATED = {
    "roles": [
        _role("coordinator", dict.fromkeys(("trainers", "middles", "tops"), "default")),
        _role("top-aggregator", {"tops": "default", "global-channel": "default"}),
        _role(
            "middle-aggregator",
            {"middles": "default", "param-channel": "default", "global-channel": "default"},
            replica=2,
        ),
        _trainer({"trainers": "default", "param-channel": "default"}),
    ],
    "channels": [
        _coordinated("tops", "top-aggregator", "coordinateWithTopAgg"),
        _coordinated("middles", "middle-aggregator", "coordinateWithMidAgg"),
        _coordinated("trainers", "trainer", "coordinateWithTrainer"),
        _channel("param-channel", "trainer", "middle-aggregator", "default"),
        _channel("global-channel", "middle-aggregator", "top-aggregator", "default"),
    ],
}
REGIONS = [{"param-channel": group, "global-channel": "default"} for group in ("eu", "na")]
ASYNCHRONOUS = _tree(REGIONS, ["eu", "na"], "default", 1)
BALANCED = _tree([{"param-channel": "red", "global-channel": "black"}], ["red"], "black", 2)
DISTRIBUTED = {"roles": [_trainer({"param-channel": "us"})], "channels": [_ring("us")]}


def _expand(folder: Path, graph: dict[str, Any], datasets: dict[str, int]) -> Expanded:
    """The plan of a graph and a job with so many datasets in each group."""
    ids = {group: [f"dataset_{group}_{k}" for k in range(count)] for group, count in datasets.items()}
    for name in (name for names in ids.values() for name in names):
        record = {"name": "digits", "url": f"https://example.com/{name}.npz", "realm": "default", "dataFormat": "npz"}
        (folder / f"{name}.json").write_text(json.dumps(record))
    (folder / "dataSpec.json").write_text(json.dumps([{"role": "trainer", "datasetGroups": ids}]))
    (folder / "schema.json").write_text(json.dumps({"name": "a topology"} | graph))
    return load_job_plan(folder / "schema.json", folder)


@pytest.mark.parametrize(
    ("graph", "datasets", "roles"),
    [
        pytest.param(HYBRID, {"eu": 2, "us": 2}, {"trainer": 4, "aggregator": 1}, id="hybrid"),
        pytest.param(PARALLEL, {"us": 1, "eu": 1, "asia": 1}, {"trainer": 3, "aggregator": 3}, id="parallel"),
        pytest.param(
            ASYNCHRONOUS,
            {"eu": 2, "na": 2},
            {"trainer": 4, "middle-aggregator": 2, "top-aggregator": 1},
            id="asynchronous",
        ),
        pytest.param(
            BALANCED, {"red": 1}, {"trainer": 1, "middle-aggregator": 2, "top-aggregator": 1}, id="load-balanced"
        ),
        pytest.param(DISTRIBUTED, {"us": 3}, {"trainer": 3}, id="distributed"),
        pytest.param(
            COORDINATED,
            {"default": 3},
            {"trainer": 3, "middle-aggregator": 2, "top-aggregator": 1, "coordinator": 1},
            id="coordinated",
        ),
    ],
)
def test_a_topology_of_flames_has_its_workers(
    tmp_path: Path, graph: dict[str, Any], datasets: dict[str, int], roles: dict[str, int]
) -> None:
    plan = _expand(tmp_path, graph, datasets).plan

    assert Counter(worker.spec.role for worker in plan.workers) == roles
    for worker in plan.workers:
        own = {channel["name"] for channel in graph["channels"] if worker.spec.role in channel["pair"]}
        assert {place.channel for place in worker.spec.memberships} == own, "each worker has a group on each channel"


def test_each_ring_of_a_hybrid_holds_its_group_and_all_report_to_one_group(tmp_path: Path) -> None:
    expanded = _expand(tmp_path, HYBRID, {"eu": 2, "us": 2})

    groups = {w.spec.worker: {m.channel: m.group for m in w.spec.memberships} for w in expanded.plan.trainers}
    assert groups["trainer-eu-dataset-eu-0"] == {"param-channel": "eu", "global-channel": "default"}
    assert Counter(g["param-channel"] for g in groups.values()) == {"eu": 2, "us": 2}
    assert [w.message for w in expanded.warnings if "p2p" in w.message], "p2p does not run, which must be said"


def test_replicas_are_in_the_same_groups_and_told_apart_by_their_index(tmp_path: Path) -> None:
    plan = _expand(tmp_path, BALANCED, {"red": 1}).plan

    first, second = (w.spec for w in plan.workers if w.spec.role == "middle-aggregator")
    assert (first.memberships, first.index, second.index) == (second.memberships, 0, 1)


def test_parallel_experiments_share_no_group(tmp_path: Path) -> None:
    plan = _expand(tmp_path, PARALLEL, {"us": 1, "eu": 1, "asia": 1}).plan

    assert sorted(w.spec.memberships[0].group for w in plan.aggregators) == ["asia", "eu", "us"]


def test_a_dataset_group_without_association_is_a_fault_though_flame_deploys_it_with_none(tmp_path: Path) -> None:
    """Flame's own test of parallel experiments has a dataset in `uk` where the schema says `eu`."""
    with pytest.raises(TagError) as caught:
        _expand(tmp_path, PARALLEL, {"us": 1, "uk": 1, "asia": 1})

    fault = next(f for f in caught.value.faults if f.code == "T033")
    assert fault.file.endswith("dataSpec.json")
    assert "'uk'" in fault.message


def test_a_dataspec_that_is_no_json_is_a_fault_beside_those_of_the_other_files(tmp_path: Path) -> None:
    """Flame's hybrid example has braces where the list should be, and a comma too many."""
    _expand(tmp_path, HYBRID, {"eu": 2, "us": 2})
    (tmp_path / "dataSpec.json").write_text('{ { "role": "trainer", "datasetGroups": { "eu": ["dataset_eu_0",] } } }')
    (tmp_path / "modelSpec.json").write_text('{"hyperparameters": {"rounds": 0}}')

    with pytest.raises(TagError) as caught:
        load_job_plan(tmp_path / "schema.json", tmp_path)

    assert {(Path(f.file).name, f.code) for f in caught.value.faults if f.severity == "error"} == {
        ("dataSpec.json", "T002"),
        ("modelSpec.json", "T006"),
    }


STAR_GRAPH = {
    "roles": [_trainer({"param-channel": "us"}), _role("aggregator", {"param-channel": "us"}, replica=2)],
    "channels": [_channel("param-channel", "trainer", "aggregator", "us")],
}
PEERS = {
    "roles": [_trainer({"param-channel": "us"}), _role("lead", {"param-channel": "us"}, isDataConsumer=True)],
    "channels": [_channel("param-channel", "trainer", "lead", "us")],
}


@pytest.mark.parametrize(
    ("graph", "datasets", "said"),
    [
        pytest.param(STAR_GRAPH, {"us": 1}, [], id="star"),
        pytest.param(HYBRID, {"eu": 2, "us": 2}, [], id="hybrid"),
        pytest.param(DISTRIBUTED, {"us": 2}, [], id="ring"),
        pytest.param(
            {"roles": [_trainer({"param-channel": "us"}, {"param-channel": "eu"})], "channels": [_ring("us", "eu")]},
            {"us": 2, "eu": 2},
            ["role 'trainer' is in 2 separate rings on 'param-channel'"],
            id="two rings",
        ),
        pytest.param(
            PARALLEL,
            {"us": 1, "eu": 1, "asia": 1},
            [],
            id="parallel",
        ),
        pytest.param(
            BALANCED,
            {"red": 1},
            [],
            id="tree",
        ),
        pytest.param(
            COORDINATED,
            {"default": 2},
            [],
            id="coordinated",
        ),
    ],
)
def test_what_no_program_does_yet_is_said_of_each_role(
    tmp_path: Path, graph: dict[str, Any], datasets: dict[str, int], said: list[str]
) -> None:
    assert missing(_expand(tmp_path, graph, datasets).tag) == said


def test_a_role_with_data_that_aggregates_has_no_program() -> None:
    tag = Tag.model_validate({"name": "peers"} | PEERS)

    assert missing(tag) == ["role 'lead' has data and aggregates on 'param-channel'"]
