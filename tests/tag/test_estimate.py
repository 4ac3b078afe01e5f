"""Estimates: links, other ways to lay out the same training, memory, limits."""

from pathlib import Path

import pytest

from components.access import access_list
from tag.estimate.memory import aggregator_bytes, broker_bytes
from tag.estimate.totals import BESIDE_DATA, STAR, Estimate, Settings, estimate, largest_packet
from tag.estimate.traffic import UPDATE_TALK_BYTES, flows
from tag.estimate.warnings import warnings
from tag.expand import expand
from tag.limits import CHUNK_BYTES, MAX_PACKET_BYTES
from tag.plan import Limits
from tag.rules.tally import tally
from tag.schema import Placement
from tests.tag.estimating import a_star, a_tree, placed, planned, star_tag, tree_tag

FLAME = Path(__file__).parents[1] / "fixtures" / "flame"


def test_middle_aggregators_and_brokers_in_the_regions_spare_the_links() -> None:
    plan = a_tree({f"d{n}": "eu" for n in range(50)})
    found = estimate(plan, Settings(model=1_000_000, speed=8_000_000))
    layouts = {layout.name: layout for layout in found.layouts}

    assert layouts["as planned"].up == pytest.approx(50e6, rel=0.01)
    assert layouts[STAR].up == pytest.approx(50e6, rel=0.01)
    assert (layouts[BESIDE_DATA].up, layouts[BESIDE_DATA].down) == pytest.approx((2e6, 1e6), rel=0.01)
    seconds = layouts["as planned"].seconds
    assert seconds is not None
    assert seconds.regions == pytest.approx(100, rel=0.01), "50 MB down and 50 MB up at 1 MB/s"


def test_a_region_with_many_shares_one_link_and_regions_have_one_each() -> None:
    plan = a_star({"a": "eu", "b": "eu", "c": "us"})
    found = estimate(plan, Settings(model=1_000_000, speed=8_000_000))
    seconds = found.layouts[0].seconds

    assert seconds is not None
    assert [(link.region, link.workers) for link in found.links] == [("eu", 2), ("us", 1)]
    assert seconds.regions == pytest.approx(4, rel=0.01), "two models down and two updates up"
    assert seconds.centre == pytest.approx(6, rel=0.01)


def test_what_is_at_home_crosses_no_link() -> None:
    plan = a_star({"a": "eu", "b": "us"})
    found = estimate(plan, Settings(model=1_000_000, home="us", data=10_000_000))

    assert [link.region for link in found.links] == ["eu"]
    assert found.raw == 5_000_000, "half of the data is there already"


def test_a_star_is_not_compared_with_itself() -> None:
    plan = a_star({"a": "eu", "b": "us"})

    assert [layout.name for layout in estimate(plan, Settings(model=1)).layouts] == ["as planned"]


def test_the_fan_in_is_of_all_groups_together() -> None:
    plan = a_star({"a": "eu", "b": "eu", "c": "us"}, replica=2)
    rows = {(row.role, row.group): row for row in estimate(plan, Settings(model=1)).rows}

    assert rows["aggregator", "*"].fan_in == 3
    assert rows["aggregator", "*"].workers == 2
    assert rows["trainer", "eu"].workers == 2


def test_an_aggregator_takes_four_models_and_96_mebibytes() -> None:
    assert aggregator_bytes(40_000_000) == 160_000_000 + 96 * 2**20
    assert aggregator_bytes(40_000_000) / 2**20 > 248, "what was measured with 3 and with 30 trainers"


@pytest.mark.parametrize(("trainers", "measured"), [(30, 75), (300, 144)])
def test_the_broker_takes_what_was_measured_with_mosquitto(trainers: int, measured: int) -> None:
    """docs/benchmarks.md, 40 MB."""
    plan = a_star({f"d{n}": "eu" for n in range(trainers)})
    found = broker_bytes(flows(plan, 40_000_000), trainers + 2, 40_000_000)

    assert found / 2**20 == pytest.approx(measured, rel=0.04)


def test_a_roles_own_memory_is_its_limit() -> None:
    tag = star_tag({"a": "eu"})
    roles = tuple(r.model_copy(update={"resources": Limits(memory="200Mi")}) for r in tag.roles)
    found = estimate(
        expand(tag.model_copy(update={"roles": roles}), placed({"a": "eu"}), federation="f"), Settings(model=40_000_000)
    )
    pods = {pod.role: pod for pod in found.pods}

    assert pods["aggregator"].limit == 200 * 2**20
    assert pods["aggregator"].exceeded
    assert "resources.memory of role 'aggregator'" in "".join(warnings(found))


def test_the_access_list_is_the_brokers() -> None:
    """All but the head, which has the operator's rules and is the same for all."""
    heads = set()
    for count in (1, 10, 100):
        plan = a_star({f"d{n}": "eu" for n in range(count)})
        heads.add(len(access_list(plan)) - tally(plan).access_lists[""])

    assert len(heads) == 1
    assert 0 < heads.pop() < 2_000


def a_small(trainers: int, name: str = "d") -> Estimate:
    plan = a_star({f"{name}{n}": f"g{n % 50}" for n in range(trainers)})
    return estimate(plan, Settings(model=1_000))


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
    plan = a_star({"a": "eu"})

    assert largest_packet(plan, 100 * CHUNK_BYTES) == CHUNK_BYTES + 32 + UPDATE_TALK_BYTES


def test_a_trainer_beyond_its_limit_warns() -> None:
    plan = a_star({"a": "eu"})

    assert "trainer takes at least" in "".join(warnings(estimate(plan, Settings(model=400_000_000))))
    assert not warnings(estimate(plan, Settings(model=40_000_000)))


@pytest.mark.parametrize("k", [2, 3, 8])
def test_regional_brokers_and_placed_aggregators_send_one_sum_up_a_regions_link_instead_of_k_updates(k: int) -> None:
    size = 1_000_000
    datasets = {f"{region}-{n}": region for region in ("eu", "us", "asia") for n in range(k)}
    tree = tree_tag(datasets)
    middle = tree.roles[1].model_copy(update={"placement": Placement(region="{group}"), "replica": 2})
    low = tree.channels[0].model_copy(update={"broker": "broker-{group}"})
    regional = tree.model_copy(
        update={"roles": (tree.roles[0], middle, tree.roles[2]), "channels": (low, tree.channels[1])}
    )

    star = {link.region: link for link in estimate(a_star(datasets), Settings(model=size)).links}
    found = estimate(planned(regional, datasets), Settings(model=size))

    assert {link.region for link in found.links} == set(star)
    for link in found.links:
        assert 2 / k * star[link.region].up * 0.99 < link.up <= 2.04 / k * star[link.region].up
        assert link.down == pytest.approx(2 * size, rel=0.01), (
            "a copy for the middle aggregator and one for its standby"
        )
    assert [layout.name for layout in found.layouts] == ["as planned", STAR], "it is laid out so already"


def test_each_broker_takes_and_gives_what_its_own_workers_send_and_receive() -> None:
    datasets = {"a": "eu", "b": "eu", "c": "us"}
    tree = tree_tag(datasets)
    low = tree.channels[0].model_copy(update={"broker": "broker-{group}"})
    plan = planned(tree.model_copy(update={"channels": (low, tree.channels[1])}), datasets)

    found = estimate(plan, Settings(model=1_000_000))
    loads = {broker.name: broker for broker in found.brokers}

    assert {name: (load.region, load.connections) for name, load in loads.items()} == {
        "": (None, 4),
        "broker-eu": ("eu", 4),
        "broker-us": ("us", 3),
    }
    assert loads["broker-eu"].taken == pytest.approx(3e6, rel=0.01), "a model and two updates"
    assert loads["broker-eu"].given == pytest.approx(4e6, rel=0.01), "two models and two updates"
    assert loads[""].taken == pytest.approx(5e6, rel=0.01), "a model and two sums of 64 bits"
    assert sum(load.taken for load in loads.values()) == found.into_broker
    assert sum(load.given for load in loads.values()) == found.out_of_broker
    assert [pod.role for pod in found.pods if pod.kind == "broker"] == ["broker", "broker-eu", "broker-us"]
