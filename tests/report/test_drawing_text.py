"""A TAG as Mermaid and DOT, and as an SVG file of its own."""

import itertools
import re
import xml.etree.ElementTree as ET

import pytest

from report.chart_tag import picture
from report.graph.dot import dot
from report.graph.mermaid import mermaid
from report.graph.model import Graph
from report.graph.outline import outline
from report.palette import colours_of, on_dark
from tests.report.topologies import GRAPHS, channel, grown, star, tag_of, trainers

QUOTED = r'"(?:[^"\\]|\\.)*"'
DOT = re.compile(
    rf"graph {QUOTED} \{{|(?:graph|node|edge) \[.*\];|subgraph (?:cluster_\d+|{QUOTED}) \{{|\}}|"
    rf'label={QUOTED};(?: color="#[0-9a-f]{{6}}";)?|{QUOTED} (?:-- {QUOTED} )?\[(?:\w+=(?:\w+|{QUOTED})(?:, )?)+\];'
)
PLACE = r"r\d+(?:p\d+(?:w\d+)?)?"
TEXT = r'"[^"<>`\\|]*(?:<br/>[^"<>`\\|]*)*"'
MERMAID = re.compile(
    rf"flowchart TB|subgraph {PLACE}\[{TEXT}\]|end|{PLACE}\[{TEXT}\]|{PLACE} <?-->(?:\|{TEXT}\|)? {PLACE}|"
    rf"classDef g\d+ stroke:#[0-9a-f]{{6}},stroke-width:2px|class {PLACE}(?:,{PLACE})* g\d+"
)


def texts(graph: Graph) -> tuple[str, str]:
    colours = colours_of(graph.groups, graph.regions)
    return mermaid(outline(graph), colours), dot(outline(graph), colours)


def awkward() -> Graph:
    """Names that are words of Mermaid or DOT, or would end a text there."""
    roles = [trainers("end"), {"name": "graph", "groupAssociation": [{"c": "*"}]}]
    tag = tag_of('a "b" <i> \\ & | `x` #1 ; end\n', roles, [channel("c", ["end", "graph"], ["subgraph", "class"])])
    return grown(tag, {"subgraph": ['x"y', "<i>"], "class": ["a|b", "#39;", "`q`", "back\\"]}, "end")


CASES = {**GRAPHS, "awkward": awkward}


@pytest.mark.parametrize("name", CASES)
def test_every_line_is_one_that_the_language_has(name: str) -> None:
    """The same texts were read by Mermaid 11 and Graphviz; the patterns are what those read."""
    as_mermaid, as_dot = texts(CASES[name]())

    head, *lines = as_mermaid.removeprefix("---\n").split("---\n")
    assert head.startswith('title: "')
    assert [line for line in lines[0].splitlines() if not MERMAID.fullmatch(line.strip())] == []
    assert [line for line in as_dot.splitlines() if not DOT.fullmatch(line.strip())] == []
    assert as_dot.count("{") == as_dot.count("}")


@pytest.mark.parametrize("name", CASES)
def test_a_line_joins_places_that_are_there_and_each_place_is_there_once(name: str) -> None:
    as_mermaid, as_dot = texts(CASES[name]())

    made = re.findall(rf"^ *(?:subgraph )?({PLACE})\[", as_mermaid, re.MULTILINE)
    used = re.findall(rf"({PLACE}) <?-->(?:\|{TEXT}\|)? ({PLACE})", as_mermaid)
    assert len(made) == len(set(made))
    assert {end for pair in used for end in pair} <= set(made)
    made = re.findall(rf"^ *({QUOTED}) \[", as_dot, re.MULTILINE)
    used = re.findall(rf"^ *({QUOTED}) -- ({QUOTED}) \[", as_dot, re.MULTILINE)
    assert len(made) == len(set(made))
    assert {end for pair in used for end in pair} <= set(made)


def test_few_groups_have_a_line_each_with_group_and_functions() -> None:
    as_mermaid, as_dot = texts(star())

    for group in ("asia", "eu", "us"):
        assert f'|"param: {group}<br/>aggregator: distribute, aggregate<br/>trainer: fetch, upload"|' in as_mermaid
        assert f'"aggregator/*" -- "trainer/{group}" [label="param: {group}\\naggregator: ' in as_dot
    assert "role aggregator: 2 workers (1 leads, 1 stands by)" in as_mermaid
    assert "mnist" not in as_mermaid
    assert '"asia<br/>asia-0001"' in as_mermaid


def test_many_groups_are_one_place_and_many_workers_a_number() -> None:
    hundred = texts(GRAPHS["ten thousand workers in a hundred groups"]())
    three = texts(GRAPHS["ten thousand workers in three groups"]())

    for text in (*hundred, *three):
        assert len(text) < 2000, "it must be read"
    assert '"100 groups<br/>10,000 workers"' in hundred[0]
    assert '|"param: 100 groups<br/>' in hundred[0]
    assert '"eu<br/>3,334 workers"' in three[0]


def test_a_ring_goes_around_and_a_large_one_to_itself() -> None:
    small, _ = texts(GRAPHS["a ring of three"]())
    large, as_dot = texts(GRAPHS["a ring of a hundred"]())

    ways = re.findall(r"(\w+) -->(?:\|.*\|)? (\w+)", small)
    assert ways == [("r0p0w0", "r0p0w1"), ("r0p0w1", "r0p0w2"), ("r0p0w2", "r0p0w0")]
    assert re.findall(r"(\w+) -->(?:\|.*\|)? (\w+)", large) == [("r0p0", "r0p0")]
    assert '"trainer/us" -- "trainer/us"' in as_dot


def test_parallel_experiments_are_not_joined() -> None:
    as_mermaid, _ = texts(GRAPHS["parallel experiments"]())

    pairs = re.findall(r"(r\d+p\d+) <-->(?:\|.*\|)? (r\d+p\d+)", as_mermaid)
    assert len(pairs) == 3
    assert len(set(itertools.chain(*pairs))) == 6


def test_the_same_graph_gives_the_same_bytes_in_any_order_of_its_groups() -> None:
    one, other = star(["eu", "us", "asia"]), star(["asia", "us", "eu"])

    assert texts(one) == texts(other)
    assert picture(one, "svg") == picture(other, "svg")
    assert picture(one, "png") == picture(other, "png")


def test_an_svg_file_is_whole_says_what_it_shows_and_has_the_dark_palette() -> None:
    text = picture(awkward(), "svg").decode()

    root = ET.fromstring(text)  # noqa: S314 - we made it
    space = "{http://www.w3.org/2000/svg}"
    assert root.findtext(f"{space}title") == 'a "b" <i> \\ & | `x` #1 ; end�'
    description = root.findtext(f"{space}desc") or ""
    assert "role end: 6 workers" in description
    assert "channel c joins graph and end in groups class and subgraph" in description
    assert f'[style*="stroke: #0072b2"]{{stroke:{on_dark("#0072b2")}!important}}' in text
    assert "<metadata>" not in text
    assert "var(--" not in text, "programs without style sheets need colours"
