"""What is too large: objects of a cluster, sums, ids, hints among many names."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.access import access_list
from tag.datasets import Dataset
from tag.deployable import OBJECT_BYTES, obstacles
from tag.expand import expand
from tag.faults import TagError
from tag.load import load_tag
from tag.names import hint
from tag.npz import samples
from tag.plan import Plan
from tag.reading.source import read
from tag.rules.sizes import check_objects
from tag.rules.tally import tally
from tag.schema import Tag
from tag.settings import DatasetSpec, TrainSettings
from tests.tag.mutants import huge


def _plan(trainers: int, groups: int = 5, broker: str | None = None) -> Plan:
    names = [f"region{i}" for i in range(groups)]
    above = [{"up": "*"}] if broker is None else [{"up": name} for name in names]
    roles = [{"name": "trainer", "isDataConsumer": True}, {"name": "top", "groupAssociation": above}]
    channel = {"name": "up", "broker": broker, "pair": ["trainer", "top"], "groupBy": {"type": "tag", "value": names}}
    tag = Tag.model_validate({"name": "made", "roles": roles, "channels": [channel]})
    datasets = [
        Dataset("trainer", names[i % groups], DatasetSpec(name=f"data{i}", uri="program:x"), TrainSettings())
        for i in range(trainers)
    ]
    return expand(tag, datasets, federation="made")


@pytest.mark.parametrize("trainers", [3, 400])
def test_the_access_lists_size_is_foretold(trainers: int) -> None:
    plan = _plan(trainers)
    operators = 1200  # the lines of the pattern and of the operator, which do not grow

    assert tally(plan).access_lists[""] == pytest.approx(len(access_list(plan)), abs=operators)


def test_a_plan_whose_access_list_no_secret_holds_is_a_warning(project: Any) -> None:
    few, many = (list(check_objects(tally(_plan(n)), read(project.tag), ())) for n in (2_000, 10_000))

    assert few == []
    assert [(f.code, f.severity, f.subject) for f in many] == [("T062", "warning", "access list of 10001 workers")]
    assert len(access_list(_plan(10_000))) > OBJECT_BYTES
    assert obstacles(_plan(2_000), {}) == ()
    assert "access list of 10001 workers has" in obstacles(_plan(10_000), {})[0]


def test_brokers_of_the_groups_divide_the_access_list() -> None:
    """Five groups of 2,000 trainers each fit, 10,000 in one list don't."""
    divided, one = _plan(10_000, broker="near-{group}"), _plan(10_000, broker="near")

    assert obstacles(divided, {}) == ()
    sizes = tally(divided).access_lists
    assert sorted(sizes) == [f"near-region{i}" for i in range(5)]
    assert sizes["near-region1"] == pytest.approx(len(access_list(divided, "near-region1")), abs=1200)
    assert "access list of broker 'near' of 10005 workers has" in obstacles(one, {})[0]
    assert '(broker: "broker-{group}")' in obstacles(one, {})[0]


def test_a_plans_count_is_that_of_its_workers_also_when_it_is_read_back() -> None:
    plan = _plan(40)
    again = Plan.model_validate_json(plan.model_dump_json())

    assert tally(again).present == tally(plan).present
    assert tally(plan).present["up", "trainer"] == {f"region{i}": 8 for i in range(5)}
    assert tally(again).access_lists == tally(plan).access_lists
    assert tally(plan).roster_bytes == sum(len(f'"data{i}", ') for i in range(40))


def test_samples_are_counted_in_the_header(tmp_path: Path) -> None:
    np.savez(tmp_path / "keras.npz", x_train=np.zeros((7, 2)), y_train=np.zeros(7))
    np.savez_compressed(tmp_path / "medmnist.npz", train_images=np.zeros((5, 3, 3), np.uint8))
    np.savez(tmp_path / "other.npz", mine=np.zeros(3))
    (tmp_path / "text.npz").write_text("no archive")
    huge(tmp_path / "huge.npz")

    names = ("keras", "medmnist", "huge", "other", "text", "missing")
    assert [samples(tmp_path / f"{name}.npz") for name in names] == [7, 5, 10**12, None, None, None]


def test_a_quorum_over_the_size_of_a_group_with_its_own_aggregator_is_a_fault(project: Any) -> None:
    project.edit(
        project.tag,
        '- param-channel: "*"',
        "- param-channel: eu\n      - param-channel: us\n      - param-channel: asia",
    )
    project.edit(project.stack, "quorum: all", "quorum: 2")

    found = [f.message for f in project.faults() if f.code == "T040"]

    assert [message.partition(",")[0] for message in found] == [
        f"quorum 2 is more than the 1 trainers of group {group!r}" for group in ("asia", "eu", "us")
    ]


def test_the_nearest_of_a_thousand_names_is_found_at_once() -> None:
    known = [f"region-{i}" for i in range(1000)]
    start = time.process_time()

    hints = [hint(wrong, known) for wrong in ("regoin-7", "region-77x", "rgion-777", "region_1") for _ in range(100)]

    assert hints[::100] == [
        "; did you mean 'region-7'",
        "; did you mean 'region-77'",
        "; did you mean 'region-777'",
        "; did you mean 'region-1'",
    ]
    assert time.process_time() - start < 2


def test_a_thousand_faults_are_found_in_seconds(project: Any) -> None:
    """Not a minute, which comparing each wrong name with all others would take."""
    known = ", ".join(f"region{i}" for i in range(1000))
    wrong = "\n".join(f"      - param-channel: rgion{i}" for i in range(1000))
    project.edit(project.tag, "[eu, us, asia]", f"[{known}]")
    project.edit(project.tag, '      - param-channel: "*"', wrong)
    start = time.process_time()

    found = [f for f in project.faults() if f.code == "T023"]

    assert len(found) == 1000
    assert "did you mean 'region999'" in found[-1].message
    assert time.process_time() - start < 10


def test_an_id_without_data_that_is_too_long_is_told_of_the_tag_alone(project: Any) -> None:
    project.tag.write_text(project.tag.read_text().replace("aggregator", "a" * 58))

    with pytest.raises(TagError) as caught:
        load_tag(project.tag)

    assert [(f.code, f.subject) for f in caught.value.faults] == [("T046", f"worker '{'a' * 58}-all-0'")]
    assert [f.code for f in project.faults()] == ["T046"], "a stack tells it once, too"
