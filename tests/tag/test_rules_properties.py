"""No valid TAG is refused; every rule is found by its mutant; plans depend on nothing but what is written."""

import copy
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tag.faults import Fault, TagError
from tag.load import Expanded
from tag.names import group_name
from tag.rules.catalogue import RULES
from tests.tag.mutants import MUTANTS
from tests.tag.strategies import Case, cases

OF_COMMANDS = {"T048", "T050", "T060"}
"""Rules of a command's target and of a deployment, which no TAG breaks; docs/tag.md has their examples."""


def _load(case: Case) -> Expanded:
    with tempfile.TemporaryDirectory() as folder:
        return case.load(Path(folder))


def _workers(case: Case) -> dict[str, str]:
    """Each worker of the plan by its id, as JSON, in the plan's order; wherever its files lay."""
    with tempfile.TemporaryDirectory() as folder:
        return {
            worker.spec.worker: worker.model_dump_json().replace(folder, "FOLDER")
            for worker in case.load(Path(folder)).plan.workers
        }


def _faults(case: Case) -> tuple[Fault, ...]:
    try:
        return _load(case).warnings
    except TagError as error:
        return error.faults


@settings(max_examples=60)
@given(cases())
def test_no_valid_tag_is_refused_or_warned_of(case: Case) -> None:
    loaded = _load(case)

    assert loaded.warnings == ()
    assert len(loaded.plan.trainers) == len(case.datasets)


@pytest.mark.parametrize("code", MUTANTS)
@settings(max_examples=5)
@given(data=st.data())
def test_every_rule_is_found_by_its_mutant(code: str, data: st.DataObject) -> None:
    strategy, mutate, others = MUTANTS[code]
    case = copy.deepcopy(data.draw(strategy))
    mutate(case)

    found = _faults(case)

    assert code in {f.code for f in found}, "\n".join(map(str, found))
    assert {f.code for f in found} <= {code, *others}, "\n".join(map(str, found))
    assert all(f.severity == RULES[f.code].severity for f in found)


def test_every_rule_has_a_mutant() -> None:
    assert set(MUTANTS) | OF_COMMANDS == set(RULES)


@settings(max_examples=60)
@given(cases(), st.randoms(use_true_random=False))
def test_the_order_in_which_a_tag_is_written_does_not_matter(case: Case, chance: random.Random) -> None:
    other = copy.deepcopy(case)
    for items in (other.tag["roles"], other.tag["channels"], other.datasets):
        chance.shuffle(items)
    for channel in other.tag["channels"]:
        chance.shuffle(channel["pair"])
        chance.shuffle(channel.get("groupBy", {"value": []})["value"])
    for role in other.tag["roles"]:
        chance.shuffle(role.get("groupAssociation", []))

    assert list(_workers(other).items()) == list(_workers(case).items())


@settings(max_examples=60)
@given(cases(), st.data())
def test_a_dataset_that_comes_or_goes_renames_nobody(case: Case, data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(case.datasets))
    fewer = copy.deepcopy(case)
    fewer.datasets.remove(gone)
    homes = [(d["role"], group_name(d["group"])) for d in fewer.datasets]
    least = 2 if case.channel(case.tag["channels"][0]["name"])["pair"] == ["trainer", "trainer"] else 1
    if homes.count((gone["role"], group_name(gone["group"]))) < least:
        return  # an empty group, or a ring of one, is a fault of its own

    before, after = _workers(case), _workers(fewer)

    lost = f"{gone['role']}-{group_name(gone['group'])}-{gone['name']}"
    assert before.pop(lost)
    assert after == before


@settings(max_examples=60)
@given(cases())
def test_plans_topics_and_ids_hold_names_only(case: Case) -> None:
    for worker in _load(case).plan.workers:
        assert "/" not in worker.spec.worker
        assert not any("/" in place.group for place in worker.spec.memberships)
        assert "/" not in (worker.region or "")


few = st.sampled_from(["a", "b", "c", "up", "default", "*", "x/y", "x-y", "", "É"])
functions = st.sampled_from(
    ["fetch", "upload", "distribute", "aggregate", "ring_allreduce", "coordinate", "coordinateWithX"]
)
anything = st.fixed_dictionaries(
    {
        "name": few,
        "roles": st.lists(
            st.fixed_dictionaries(
                {"name": few},
                optional={
                    "isDataConsumer": st.booleans(),
                    "replica": st.integers(-1, 3),
                    "groupAssociation": st.lists(st.dictionaries(few, few, max_size=3), max_size=3),
                },
            ),
            max_size=4,
        ),
        "channels": st.lists(
            st.fixed_dictionaries(
                {"name": few, "pair": st.lists(few, max_size=3)},
                optional={
                    "groupBy": st.fixed_dictionaries({"type": st.just("tag"), "value": st.lists(few, max_size=3)}),
                    "funcTags": st.dictionaries(few, st.lists(functions, max_size=3), max_size=3),
                },
            ),
            max_size=4,
        ),
    }
)
entries = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from("abc"), "role": few, "group": few, "uri": st.just("program:1/1")}),
    max_size=3,
)


@settings(max_examples=200)
@given(anything, entries, st.sampled_from(["job", "stack"]))
def test_whatever_graph_is_written_gives_a_plan_or_faults(tag: Any, datasets: Any, via: Any) -> None:
    for fault in _faults(Case(tag, datasets, via=via)):
        assert fault.code in RULES
        assert fault.severity == RULES[fault.code].severity
