"""Estimated traffic against hand computations, against the protocol's own messages, and against what was measured."""

from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tag.datasets import Dataset
from tag.estimate.scale import datasets_of, scale
from tag.estimate.totals import Settings, estimate
from tag.estimate.traffic import (
    EVENT_BYTES,
    MANIFEST_BYTES,
    NAME_BYTES,
    PAIRING_BYTES,
    ROUND_BYTES,
    STATE_BYTES,
    UPDATE_TALK_BYTES,
    Flow,
    flows,
    framed,
)
from tag.expand import expand
from tag.limits import CHUNK_BYTES
from tag.load import load_job_plan, load_stack
from tag.schema import Channel, GroupBy, Role, Tag
from tests.tag.estimating import MODEL, a_star, a_tree, placed, star_tag, totals
from worker.protocol.messages import Counts, Evaluation, ModelManifest, Pairing, State, UpdateManifest, encode

FLAME = Path(__file__).parents[1] / "fixtures" / "flame"

some_datasets = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=3), st.sampled_from(["eu", "us", "asia"]), min_size=1, max_size=12
)
sizes = st.integers(1, 100_000_000)


def test_a_star_against_a_computation_by_hand() -> None:
    """Two trainers in one group and one in another, a model of two and a half chunks, names of one letter."""
    size = 5 * CHUNK_BYTES // 2
    found = totals(flows(a_star({"a": "eu", "b": "eu", "c": "us"}), size))

    update = size + 3 * 32 + 450
    manifest = 155 + 3 * 4
    to_eu = size + 3 * 32 + manifest + 2 * (222 + 2 * 4)
    to_us = size + 3 * 32 + manifest + 2 * (222 + 4)
    assert found == {
        "aggregator-all-0": (to_eu + to_us, 3 * update),
        "trainer-eu-a": (update + EVENT_BYTES, to_eu),
        "trainer-eu-b": (update + EVENT_BYTES, to_eu),
        "trainer-us-c": (update + EVENT_BYTES, to_us),
    }


def test_a_tree_passes_sums_of_twice_the_weights_upwards() -> None:
    found = totals(flows(a_tree({"a": "eu", "b": "eu", "c": "us"}), 40_000_000))
    talk = 40_000

    assert found["middle-eu-0"] == pytest.approx((40e6 + 80e6, 80e6 + 40e6), abs=talk)
    assert found["middle-us-0"] == pytest.approx((40e6 + 80e6, 40e6 + 40e6), abs=talk)
    assert found["top-default-0"] == pytest.approx((40e6, 160e6), abs=talk)


def test_replicas_get_a_checkpoint_and_the_leader_hears_its_own() -> None:
    alone, doubled = (totals(flows(a_star({"a": "eu"}, replica), 1_000_000)) for replica in (1, 2))
    checkpoint = framed(1_000_000, MANIFEST_BYTES + 4)

    assert doubled["aggregator-all-1"] == (0, checkpoint)
    assert doubled["aggregator-all-0"] == tuple(n + checkpoint for n in alone["aggregator-all-0"])
    assert doubled["trainer-eu-a"] == alone["trainer-eu-a"]


def test_a_ring_passes_what_ring_all_reduce_passes() -> None:
    plan = load_job_plan(FLAME / "distributed_training" / "schema.json", FLAME / "distributed_training").plan
    moved = 2 * 2 / 3 * 2 * 40_000_000

    assert all(pair == pytest.approx((moved, moved), rel=0.001) for pair in totals(flows(plan, 40_000_000)).values())


def test_of_a_ring_below_an_aggregator_one_passes_the_sum_on_and_all_take_the_model() -> None:
    tag = Tag(
        name="hybrid",
        roles=(
            Role(name="trainer", is_data_consumer=True, group_association=({"ring": "eu", "c": "default"},)),
            Role(name="aggregator", group_association=({"c": "default"},)),
        ),
        channels=(
            Channel(name="ring", pair=("trainer", "trainer"), group_by=GroupBy(value=("eu",))),
            Channel(name="c", pair=("trainer", "aggregator")),
        ),
    )
    plan = expand(tag, placed({"a": "eu", "b": "eu", "d": "eu", "e": "eu"}), federation="f")
    around = 2 * 3 / 4 * 2 * 40e6
    found = totals(flows(plan, 40_000_000))

    assert found["trainer-eu-a"] == pytest.approx((around + 80e6, around + 40e6), rel=0.01)
    assert found["trainer-eu-b"] == pytest.approx((around, around + 40e6), rel=0.01)
    assert found["aggregator-default-0"] == pytest.approx((40e6, 80e6), rel=0.01)


@given(some_datasets, sizes, st.booleans())
@settings(deadline=None)
def test_what_is_sent_in_a_group_is_what_is_received_there(datasets: dict[str, str], size: int, deep: bool) -> None:  # noqa: FBT001
    """The broker copies a leader's words to each member; events go to nobody who is counted."""
    plan = a_tree(datasets) if deep else a_star(datasets)
    groups: dict[tuple[str, str], list[Flow]] = defaultdict(list)
    for flow in flows(plan, size):
        groups[flow.channel, flow.group].append(flow)

    for members in groups.values():
        heads = [flow for flow in members if flow.part == "lead"]
        rest = [flow for flow in members if flow.part == "follow"]
        events = EVENT_BYTES * sum(flow.worker.spec.dataset is not None for flow in rest)
        assert len(heads) == 1
        assert sum(flow.received for flow in rest) == len(rest) * heads[0].sent
        assert heads[0].received == sum(flow.sent for flow in rest) - events
        assert heads[0].updates == len(rest)


@given(some_datasets, sizes, st.integers(2, 5))
@settings(deadline=None, max_examples=30)
def test_what_goes_up_is_linear_in_the_trainers(datasets: dict[str, str], size: int, factor: int) -> None:
    tag, plan = star_tag(datasets), a_star(datasets)
    more_tag, more = scale(tag, datasets_of(plan), trainers=_evenly(datasets) * factor)
    few_tag, few = scale(tag, datasets_of(plan), trainers=_evenly(datasets))

    def up(tag: Tag, datasets: tuple[Dataset, ...]) -> int:
        found = estimate(expand(tag, datasets, federation="f"), Settings(model=size))
        return found.layouts[0].up

    assert up(more_tag, more) == factor * up(few_tag, few)


def _evenly(datasets: dict[str, str]) -> int:
    """As many trainers as there are groups."""
    return len(set(datasets.values()))


def test_the_demo_takes_what_was_measured() -> None:
    """The ranges of four runs (`metrics.csv`), which docs/benchmarks.md has as 1.017–1.020 and 1.014–1.016."""
    found = totals(flows(load_stack("eu-us-asia").plan, MODEL))

    for worker in ("trainer-asia-mnist-asia", "trainer-eu-mnist-eu", "trainer-us-mnist-us"):
        sent, received = found[worker]
        assert sent == pytest.approx(141_608, rel=0.02)
        assert sent == pytest.approx(142_636, rel=0.02)
        assert received == pytest.approx(141_453, rel=0.02)


def test_digits_take_what_was_measured() -> None:
    """A run of 2026-11-24: its model.safetensors has 19,592 bytes."""
    sent, received = totals(flows(load_stack("digits").plan, 19_592))["trainer-eu-digits-eu"]

    assert received == pytest.approx(20_283, rel=0.001)
    assert 20_366 <= sent <= 20_827


def test_many_names_in_a_group_take_what_was_measured() -> None:
    """A run of 2026-11-24: nine and three trainers, worker/programs/softmax.py, a model of 31,544 bytes."""
    groups = {f"data-{group}-{n}": group for group, count in (("eu", 9), ("us", 3)) for n in range(count)}
    found = totals(flows(a_star(groups), 31_544))

    assert found["trainer-eu-data-eu-0"][1] == pytest.approx(32_205, rel=0.015)
    assert found["trainer-us-data-us-0"][1] == pytest.approx(32_133, rel=0.015)
    assert 32_307 <= found["trainer-eu-data-eu-0"][0] <= 32_821


def test_what_is_said_has_the_sizes_of_the_protocols_messages() -> None:
    """The estimate can't import the worker; here they are held together."""
    digest, term = "0" * 64, (1, "aggregator-all-0")
    state = State(term, 1, 3, 5, "round", digest, MODEL, 3, ("a",), "1", "1")
    manifest = ModelManifest(1, 3, term, digest, MODEL, ("a",))
    counts = Counts(3_000, 3_333, 300_000_000)
    evaluation = Evaluation(1, term, digest, "a", counts, counts)
    update = UpdateManifest(1, 3, term, digest, "a", 18_000, digest, MODEL, 0.123456)

    assert len(encode(state)) == pytest.approx(STATE_BYTES + 4, rel=0.15)
    assert len(encode(manifest)) == pytest.approx(MANIFEST_BYTES + 4, rel=0.15)
    assert len(encode(update)) + len(encode(evaluation)) == pytest.approx(UPDATE_TALK_BYTES, rel=0.15)


def test_who_is_paired_takes_one_model_and_its_aggregator_gives_one_to_each() -> None:
    found = totals(flows(load_stack("coordinated").plan, 40_000_000))
    names = ["mnist-1", "mnist-2", "mnist-3", "middle-aggregator-eu-0", "middle-aggregator-eu-1"]
    pairs = PAIRING_BYTES + sum(len(name) + NAME_BYTES for name in names)
    said = len(encode(Pairing(1, 1, {"middle-aggregator-eu-0": ("mnist-1", "mnist-3"), names[4]: ("mnist-2",)})))
    told = len(encode(State((1, "top-aggregator-default-0"), 1, 1, 3, "evaluation")))
    talk = 40_000

    assert found["trainer-eu-mnist-1"] == pytest.approx((40e6, 40e6), abs=talk)
    assert found["middle-aggregator-eu-0"] == pytest.approx((80e6 + 80e6, 80e6 + 40e6), abs=talk), "two of three"
    assert found["middle-aggregator-eu-1"] == pytest.approx((40e6 + 80e6, 40e6 + 40e6), abs=talk)
    assert found["top-aggregator-default-0"] == pytest.approx((40e6, 320e6), rel=0.001)
    assert found["coordinator-default-0"] == (2 * 2 * pairs, 2 * ROUND_BYTES), "two groups, on two channels"
    assert pairs == pytest.approx(said, rel=0.1)
    assert told == pytest.approx(ROUND_BYTES, rel=0.1)
