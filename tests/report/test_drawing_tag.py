"""Where a picture of a TAG puts things: nothing lies on anything else, and lines end where they should."""

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from report.drawing import style
from report.graph.build import from_tag
from report.graph.model import Graph
from report.ruler import ruler
from tag.infer import complete
from tag.schema import Tag
from tests.report.geometry import WIDE, check, laid
from tests.report.topologies import (
    FETCH,
    GRAPHS,
    LEAD,
    REGIONS,
    channel,
    coordinated_tag,
    grown,
    hybrid_tag,
    many,
    names,
    ring_tag,
    star_tag,
    tag_of,
    trainers,
    tree_tag,
)

TAGS = {
    "star": star_tag(),
    "tree": tree_tag(REGIONS),
    "a tree of thirty": tree_tag(many(30)),
    "ring": ring_tag(),
    "hybrid": hybrid_tag(),
    "coordinated": coordinated_tag(),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_nothing_lies_on_anything_else_and_lines_end_at_boxes(name: str) -> None:
    graph: Callable[[], Graph] = GRAPHS[name]

    sheet = check(graph())

    assert sheet.high < 12, "it must be seen at once"


@pytest.mark.parametrize("name", TAGS)
def test_a_tag_without_datasets_is_drawn_as_well(name: str) -> None:
    check(from_tag(complete(TAGS[name], {}).tag))


def test_the_measured_widths_are_those_that_are_drawn() -> None:
    """All distances rest on them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    texts = [("role middle-aggregator", True), ("trainer: fetch, upload", False), ("×100 ↻", False), ("Ø大…", True)]
    with style([text for text, _ in texts]):
        measure = ruler()
        figure = Figure(figsize=(10, 2), dpi=144)
        FigureCanvasAgg(figure)
        for text, bold in texts:
            drawn = figure.text(0, 0.5, text, size=8.5, weight="bold" if bold else "normal")
            wide = measure(text, 8.5, "bold" if bold else "normal")
            assert wide == pytest.approx(drawn.get_window_extent().width / 144, rel=0.03, abs=0.02)


def test_each_group_of_few_has_a_line_in_its_colour_at_both_sides_of_the_channel() -> None:
    sheet = check(GRAPHS["three workers"]())

    assert sorted(line.group for line in sheet.lines) == ["asia", "asia", "eu", "eu", "us", "us"]
    assert len({line.points[0][0] for line in sheet.lines}) == 3, "a group's two lines stand below each other"


def test_parallel_experiments_have_no_line_in_common() -> None:
    sheet = check(GRAPHS["parallel experiments"]())

    titles = {
        sheet.boxes[label.inside].x: label.text for label in sheet.labels if label.text in REGIONS and label.inside
    }
    for line in sheet.lines:
        box = next(sheet.boxes[end] for end in line.ends if sheet.boxes[end].kind == "group")
        assert titles[box.x] == line.group


def test_a_ring_goes_around_once() -> None:
    sheet = check(GRAPHS["a ring of five"]())

    onward = dict(line.ends for line in sheet.lines)
    way = [next(iter(onward))]
    while onward[way[-1]] not in way:
        way.append(onward[way[-1]])
    assert len(way) == len(onward) == 5
    assert onward[way[-1]] == way[0]
    assert not any(line.both for line in sheet.lines)


def test_a_tree_stands_on_its_data() -> None:
    sheet = check(GRAPHS["a tree of three"]())

    high = {label.text: label.y for label in sheet.labels}
    order = ["role top-aggregator", "channel global", "role middle-aggregator", "channel param", "role trainer"]
    assert sorted(order, key=lambda text: high[text]) == order


def test_a_coordinator_stands_beside_all_tiers() -> None:
    sheet = check(GRAPHS["a coordinator"]())

    panel = next(n for n, b in enumerate(sheet.boxes) if b.kind == "role" and b.x > WIDE / 2)
    assert len([line for line in sheet.lines if panel in line.ends]) == 3
    assert "coordinator: coordinateWithIt" in [label.text for label in sheet.labels if label.inside == panel]
    assert sheet.boxes[panel].high == pytest.approx(sheet.high)


def test_many_workers_are_dots_that_say_how_many_they_stand_for() -> None:
    sheet = check(GRAPHS["ten thousand workers in three groups"]())

    assert [dots.count for dots in sheet.dots] == [334, 334, 334]
    assert "a dot is 10 workers" in [label.text for label in sheet.labels]
    assert "3,334 workers" in [label.text for label in sheet.labels]


def test_groups_that_have_no_room_are_counted() -> None:
    sheet = check(GRAPHS["a thousand groups"]())

    assert "and 881 more" in [label.text for label in sheet.labels]
    assert "2,000 workers in 1,000 groups, 2 in each" in [label.text for label in sheet.labels]


def test_replicas_lead_and_stand_by_unless_a_coordinator_gives_them_work() -> None:
    star_texts = [label.text for label in check(GRAPHS["three workers"]()).labels]
    coordinated_texts = [label.text for label in check(GRAPHS["a coordinator"]()).labels]

    assert "1 leads, 1 stands by" in star_texts
    assert not any("stands by" in text for text in coordinated_texts)


@st.composite
def tags(draw: st.DrawFn) -> tuple[Tag, dict[str, list[str]]]:
    """Tiers above data, with rings, coordinators, further channels and roles, and groups and workers of any number."""
    letters = st.text("abcdefgh-WM", min_size=1, max_size=draw(st.sampled_from([3, 30])))
    groups = draw(st.lists(letters, min_size=1, max_size=draw(st.sampled_from([3, 9, 40])), unique=True))
    tiers = draw(st.integers(1, 4))
    roles = [trainers("r0"), *({"name": f"r{t}", "replica": draw(st.integers(1, 3))} for t in range(1, tiers))]
    channels = [
        channel(f"c{t}", [f"r{t - 1}", f"r{t}"], groups if t == 1 else (), [FETCH, LEAD]) for t in range(1, tiers)
    ]
    if draw(st.booleans()) or tiers == 1:
        channels.append(channel("ring", ["r0", "r0"], groups if tiers == 1 else ["x"], [["ring_allreduce"]]))
    for number in range(draw(st.integers(0, 2)) if tiers > 1 else 0):
        name, told = f"coordinator{number}", draw(st.permutations([["coordinate"], ["coordinateWithIt"]]))
        roles.append({"name": name})
        channels += [channel(f"k{number}{t}", [f"r{t}", name], (), told) for t in range(tiers)]
    for number in range(draw(st.integers(0, 3))):
        one, other = draw(st.integers(0, tiers - 1)), draw(st.integers(0, tiers - 1))
        functions = [FETCH, LEAD] if one < other and draw(st.booleans()) else []
        channels.append(channel(f"more{number}", [f"r{one}", f"r{other}"], (), functions))
    for number in range(draw(st.integers(0, 2))):
        roles.append({"name": f"extra{number}"})
        channels.append(channel(f"to-extra{number}", [f"extra{number}", f"r{draw(st.integers(0, tiers - 1))}"]))
    return tag_of("any", roles, channels), {group: names([group], draw(st.integers(1, 14)))[group] for group in groups}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tags())
def test_no_tag_makes_things_overlap(found: tuple[Tag, dict[str, list[str]]]) -> None:
    tag, data = found

    check(grown(tag, data, "r0"))


def test_channels_that_pass_over_a_tier_stand_at_the_side() -> None:
    sheet = check(GRAPHS["tangled"]())

    high = {label.text: label.y for label in sheet.labels if label.x < WIDE / 2}
    order = ["role roof", "role top", "role aggregator", "role trainer"]
    assert sorted(order, key=lambda text: high[text]) == order, "who aggregates stands above"
    panel = next(n for n, b in enumerate(sheet.boxes) if b.kind == "channel" and b.x > WIDE / 2 and b.high > 3)
    reached = {end for line in sheet.lines if panel in line.ends for end in line.ends} - {panel}
    said = {label.text for label in sheet.labels if label.inside in reached}
    assert {"role roof", "role top", "role trainer"} <= said


def test_aggregators_that_go_in_a_circle_are_drawn() -> None:
    """`check` may refuse them, but who draws a run's plan must not hang."""
    roles = [trainers("r0"), {"name": "r1"}, {"name": "r2"}]
    pairs = [("r0", "r1"), ("r1", "r2"), ("r2", "r0")]
    circle = [channel(f"c{k}", pair, (), [FETCH, LEAD]) for k, pair in enumerate(pairs)]

    check(grown(tag_of("Circle", roles, circle), names(["default"], 2), "r0"))


@settings(max_examples=25, deadline=None)
@given(tags(), st.randoms(use_true_random=False))
def test_the_order_in_which_a_tag_is_written_does_not_matter(
    found: tuple[Tag, dict[str, list[str]]], dice: random.Random
) -> None:
    tag, data = found
    roles, channels = list(tag.roles), list(tag.channels)
    dice.shuffle(roles)
    dice.shuffle(channels)
    other = tag.model_copy(update={"roles": tuple(roles), "channels": tuple(channels)})

    assert laid(grown(other, data, "r0")) == laid(grown(tag, data, "r0"))
    assert from_tag(complete(other, {}).tag) == from_tag(complete(tag, {}).tag)


def test_the_layout_knows_nothing_of_how_it_is_drawn() -> None:
    files = sorted((Path(__file__).parents[2] / "report" / "graph").glob("*.py"))

    assert len(files) > 10
    assert [
        file.name for file in files if "matplotlib" in re.sub('""".*?"""', "", file.read_text(), flags=re.DOTALL)
    ] == []
