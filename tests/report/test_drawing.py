"""What all charts share."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from report.drawing import inline, spread
from report.palette import on_dark, region_colours, variables

HEIGHT, GAP = 10.0, 0.4
places = st.lists(st.floats(min_value=-1, max_value=HEIGHT + 1), max_size=20)


@given(places)
def test_spread_labels_keep_their_distance_their_order_and_their_bounds(wanted: list[float]) -> None:
    found = spread(wanted, GAP, 0, HEIGHT)

    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    ordered = [found[i] for i in order]
    assert all(b - a >= GAP - 1e-9 for a, b in pairwise(ordered)), "labels overlap"
    assert all(-1e-9 <= at <= HEIGHT + 1e-9 for at in found)


@given(places)
def test_labels_with_room_stay_where_they_are(wanted: list[float]) -> None:
    inside = sorted({min(HEIGHT, max(0.0, at)) for at in wanted})
    apart = [at for i, at in enumerate(inside) if i == 0 or at - inside[i - 1] >= 2 * GAP]
    kept = [at for i, at in enumerate(apart) if i == 0 or at - apart[i - 1] >= 2 * GAP]

    assert all(abs(a - b) < 1e-9 for a, b in zip(spread(kept, GAP, 0, HEIGHT), kept, strict=True))


def test_each_region_has_its_own_colour_however_many_there_are() -> None:
    for number in (1, 3, 7, 8, 30, 100):
        names = [f"region-{i:03d}" for i in range(number)]
        assert len(set(region_colours(names).values())) == number


def test_every_colour_can_be_seen_on_a_dark_page() -> None:
    for colour in region_colours([str(i) for i in range(30)]).values():
        lit = on_dark(colour)
        red, green, blue = (int(lit[i : i + 2], 16) for i in (1, 3, 5))
        assert max(red, green, blue) >= 0x80, f"{colour} becomes {lit}"


def test_an_svg_becomes_a_part_of_the_page_with_its_own_ids_and_the_pages_colours() -> None:
    colours = {"eu": "#0072b2"}
    svg = (
        '<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C" "http://www.w3.org/dtd"><svg width="72pt" height="72pt" '
        'viewBox="0 0 72 72"><metadata>about</metadata><g id="a" style="fill: #0072b2"/><use href="#a" '
        'clip-path="url(#b)" color="#1b1f24"/></svg>'
    )

    assert inline(svg, "tag", colours) == (
        '<svg aria-hidden="true" focusable="false" viewBox="0 0 72 72"><g id="tag-a" style="fill: var(--region-0)"/>'
        '<use href="#tag-a" clip-path="url(#tag-b)" color="var(--ink)"/></svg>'
    )
    assert variables(colours)["region-0"][0] == "#0072b2"
