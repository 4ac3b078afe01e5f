"""Estimates against hand computations, against the protocol's own messages, and against what was measured."""

from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.access import access_list
from tag.datasets import Dataset
from tag.estimate import BESIDE_DATA, STAR, Estimate, Settings, access_list_bytes, estimate, largest_packet
from tag.estimate_memory import aggregator_bytes, broker_bytes
from tag.estimate_sizes import data_bytes, parse_size, parse_speed
from tag.estimate_traffic import EVENT_BYTES, MANIFEST_BYTES, STATE_BYTES, UPDATE_TALK_BYTES, Flow, flows, framed
from tag.estimate_warnings import warnings
from tag.expand import expand
from tag.limits import CHUNK_BYTES, MAX_PACKET_BYTES
from tag.load import load_job_plan, load_stack
from tag.plan import DatasetSpec, Limits, Plan, RunSettings, TrainSettings
from tag.scale import datasets_of, scale
from tag.schema import Channel, GroupBy, Role, Tag
from worker.protocol.messages import Counts, Evaluation, ModelManifest, State, UpdateManifest, encode

FLAME = Path(__file__).parents[1] / "fixtures" / "flame"
MODEL = 139_832
"""Bytes of the demo's model.safetensors: 34,826 weights of 4 bytes and their header."""


def placed(datasets: dict[str, str]) -> list[Dataset]:
    return [
        Dataset("trainer", group, DatasetSpec(name=name, uri="mnist:1/3"), TrainSettings(), group)
        for name, group in datasets.items()
    ]


def a_star(datasets: dict[str, str], replica: int = 1) -> tuple[Tag, Plan]:
    groups = tuple(sorted(set(datasets.values())))
    tag = Tag(
        name="star",
        roles=(
            Role(name="trainer", is_data_consumer=True),
            Role(name="aggregator", replica=replica, group_association=({"c": "*"},)),
        ),
        channels=(Channel(name="c", pair=("trainer", "aggregator"), group_by=GroupBy(value=groups)),),
    )
    return tag, expand(tag, placed(datasets), federation="f", run=RunSettings(rounds=5))


def a_tree(datasets: dict[str, str]) -> tuple[Tag, Plan]:
    groups = tuple(sorted(set(datasets.values())))
    tag = Tag(
        name="tree",
        roles=(
            Role(name="trainer", is_data_consumer=True),
            Role(name="middle", group_association=tuple({"low": g, "high": "default"} for g in groups)),
            Role(name="top", group_association=({"high": "default"},)),
        ),
        channels=(
            Channel(name="low", pair=("trainer", "middle"), group_by=GroupBy(value=groups)),
            Channel(name="high", pair=("middle", "top")),
        ),
    )
    return tag, expand(tag, placed(datasets), federation="f", run=RunSettings(rounds=5))


def totals(found: list[Flow]) -> dict[str, tuple[int, int]]:
    sums: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for flow in found:
        sent, received = sums[flow.worker.spec.worker]
        sums[flow.worker.spec.worker] = (sent + flow.sent, received + flow.received)
    return dict(sums)


some_datasets = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=3), st.sampled_from(["eu", "us", "asia"]), min_size=1, max_size=12
)
sizes = st.integers(1, 100_000_000)


# --- traffic


def test_a_star_against_a_computation_by_hand() -> None:
    """Two trainers in one group and one in another, a model of two and a half chunks, names of one letter."""
    size = 5 * CHUNK_BYTES // 2
    found = totals(flows(a_star({"a": "eu", "b": "eu", "c": "us"})[1], size))

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
    found = totals(flows(a_tree({"a": "eu", "b": "eu", "c": "us"})[1], 40_000_000))
    talk = 40_000

    assert found["middle-eu-0"] == pytest.approx((40e6 + 80e6, 80e6 + 40e6), abs=talk)
    assert found["middle-us-0"] == pytest.approx((40e6 + 80e6, 40e6 + 40e6), abs=talk)
    assert found["top-default-0"] == pytest.approx((40e6, 160e6), abs=talk)


def test_replicas_get_a_checkpoint_and_the_leader_hears_its_own() -> None:
    alone, doubled = (totals(flows(a_star({"a": "eu"}, replica)[1], 1_000_000)) for replica in (1, 2))
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
    _, plan = a_tree(datasets) if deep else a_star(datasets)
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
    tag, plan = a_star(datasets)
    more_tag, more = scale(tag, datasets_of(plan), trainers=_evenly(datasets) * factor)
    few_tag, few = scale(tag, datasets_of(plan), trainers=_evenly(datasets))

    def up(tag: Tag, datasets: tuple[Dataset, ...]) -> int:
        found = estimate(expand(tag, datasets, federation="f"), tag, Settings(model=size))
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
    found = totals(flows(a_star(groups)[1], 31_544))

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


# --- links and other ways


def test_middle_aggregators_and_brokers_in_the_regions_spare_the_links() -> None:
    tag, plan = a_tree({f"d{n}": "eu" for n in range(50)})
    found = estimate(plan, tag, Settings(model=1_000_000, speed=8_000_000))
    layouts = {layout.name: layout for layout in found.layouts}

    assert layouts["as planned"].up == pytest.approx(50e6, rel=0.01)
    assert layouts[STAR].up == pytest.approx(50e6, rel=0.01)
    assert (layouts[BESIDE_DATA].up, layouts[BESIDE_DATA].down) == pytest.approx((2e6, 1e6), rel=0.01)
    seconds = layouts["as planned"].seconds
    assert seconds is not None
    assert seconds.regions == pytest.approx(100, rel=0.01), "50 MB down and 50 MB up at 1 MB/s"


def test_a_region_with_many_shares_one_link_and_regions_have_one_each() -> None:
    tag, plan = a_star({"a": "eu", "b": "eu", "c": "us"})
    found = estimate(plan, tag, Settings(model=1_000_000, speed=8_000_000))
    seconds = found.layouts[0].seconds

    assert seconds is not None
    assert [(link.region, link.workers) for link in found.links] == [("eu", 2), ("us", 1)]
    assert seconds.regions == pytest.approx(4, rel=0.01), "two models down and two updates up"
    assert seconds.centre == pytest.approx(6, rel=0.01)


def test_what_is_at_home_crosses_no_link() -> None:
    tag, plan = a_star({"a": "eu", "b": "us"})
    found = estimate(plan, tag, Settings(model=1_000_000, home="us", data=10_000_000))

    assert [link.region for link in found.links] == ["eu"]
    assert found.raw == 5_000_000, "half of the data is there already"


def test_a_star_is_not_compared_with_itself() -> None:
    tag, plan = a_star({"a": "eu", "b": "us"})

    assert [layout.name for layout in estimate(plan, tag, Settings(model=1)).layouts] == ["as planned"]


def test_the_fan_in_is_of_all_groups_together() -> None:
    tag, plan = a_star({"a": "eu", "b": "eu", "c": "us"}, replica=2)
    rows = {(row.role, row.group): row for row in estimate(plan, tag, Settings(model=1)).rows}

    assert rows["aggregator", "*"].fan_in == 3
    assert rows["aggregator", "*"].workers == 2
    assert rows["trainer", "eu"].workers == 2


# --- memory and limits


def test_an_aggregator_takes_four_models_and_96_mebibytes() -> None:
    assert aggregator_bytes(40_000_000) == 160_000_000 + 96 * 2**20
    assert aggregator_bytes(40_000_000) / 2**20 > 248, "what was measured with 3 and with 30 trainers"


@pytest.mark.parametrize(("trainers", "measured"), [(30, 75), (300, 144)])
def test_the_broker_takes_what_was_measured_with_mosquitto(trainers: int, measured: int) -> None:
    """docs/benchmarks.md, 40 MB."""
    _, plan = a_star({f"d{n}": "eu" for n in range(trainers)})
    found = broker_bytes(flows(plan, 40_000_000), trainers + 2, 40_000_000)

    assert found / 2**20 == pytest.approx(measured, rel=0.04)


def test_a_roles_own_memory_is_its_limit() -> None:
    tag, plan = a_star({"a": "eu"})
    roles = tuple(r.model_copy(update={"resources": Limits(memory="200Mi")}) for r in tag.roles)
    found = estimate(plan, tag.model_copy(update={"roles": roles}), Settings(model=40_000_000))
    pods = {pod.role: pod for pod in found.pods}

    assert pods["aggregator"].limit == 200 * 2**20
    assert pods["aggregator"].exceeded
    assert "resources.memory of role 'aggregator'" in "".join(warnings(found))


def test_the_access_list_is_the_brokers() -> None:
    """All but the head, which has the operator's rules and is the same for all."""
    heads = set()
    for count in (1, 10, 100):
        _, plan = a_star({f"d{n}": "eu" for n in range(count)})
        heads.add(len(access_list(plan)) - access_list_bytes(plan))

    assert len(heads) == 1
    assert 0 < heads.pop() < 2_000


def a_small(trainers: int, name: str = "d") -> Estimate:
    tag, plan = a_star({f"{name}{n}": f"g{n % 50}" for n in range(trainers)})
    return estimate(plan, tag, Settings(model=1_000))


@pytest.mark.parametrize(
    ("fits", "too_many", "text"),
    [
        (100, 101, "updates in a round"),
        (1_021, 1_023, "connections"),
        (5_000, 6_000, "access list"),
    ],
)
def test_each_limit_warns_when_it_is_passed_and_not_before(fits: int, too_many: int, text: str) -> None:
    assert text not in "".join(warnings(a_small(fits)))
    assert text in "".join(warnings(a_small(too_many)))


def test_a_message_that_names_too_many_trainers_warns() -> None:
    few, many = a_small(4_000, "d" * 40), a_small(8_000, "d" * 40)

    assert few.packet <= MAX_PACKET_BYTES < many.packet
    assert "largest message" not in "".join(warnings(few))
    assert "largest message" in "".join(warnings(many))


def test_a_full_chunk_leaves_its_manifest_the_rest_of_the_packet() -> None:
    _, plan = a_star({"a": "eu"})

    assert largest_packet(plan, 100 * CHUNK_BYTES) == CHUNK_BYTES + 32 + UPDATE_TALK_BYTES


def test_a_trainer_beyond_its_limit_warns() -> None:
    tag, plan = a_star({"a": "eu"})

    assert "trainer takes at least" in "".join(warnings(estimate(plan, tag, Settings(model=400_000_000))))
    assert not warnings(estimate(plan, tag, Settings(model=40_000_000)))


# --- sizes


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("40MB", 40_000_000),
        ("139 KB", 139_000),
        ("1.5 GB", 1_500_000_000),
        ("38MiB", 38 * 2**20),
        ("139304", 139_304),
        ("34826 parameters", 139_304),
        ("34,826 parameters", 139_304),
        ("25M parameters", 100_000_000),
    ],
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "40 pounds", "-1MB", "0", "0.1", "MB", "1e3", "40MB40", "nan"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write such as 40MB"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "speed"),
    [
        ("100mbit", 100_000_000),
        ("100 Mbit/s", 100_000_000),
        ("1gbit", 10**9),
        ("100Mbps", 10**8),
        ("10MB/s", 80_000_000),
        ("56kbit", 56_000),
    ],
)
def test_speeds_are_read_as_people_write_them(text: str, speed: int) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["", "fast", "100", "100MB", "0mbit", "-1mbit", "10 parsecs"])
def test_what_is_no_speed_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write such as 100mbit"):
        parse_speed(text)


def test_the_size_of_raw_data_is_known_where_it_lies_here(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    path.write_bytes(b"\0" * 1_000)

    assert data_bytes("mnist:1/1") == 70_000 * 785
    assert data_bytes(f"npz:{path}#1/4") == 250
    assert data_bytes("npz:nowhere.npz") is None
    assert data_bytes("program:1/3") is None
    assert data_bytes("https://example.com/x") is None
