"""The JSON Schemas say what the models say."""

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tag.faults import Fault
from tag.files import AT, read_stack, read_tag
from tag.json_schema import SCHEMAS
from tag.reading.parse import dig, parse
from tag.reading.places import Where
from tag.reading.source import Document, read
from tag.rules import structure
from tag.schema import Tag
from tag.stack import Stack

ROOT = Path(__file__).parents[2]
FLAME = sorted((ROOT / "tests" / "fixtures" / "flame").glob("*/schema.json"))
TAGS = [*sorted((ROOT / "stacks" / "tags").iterdir()), *FLAME]
STACKS = sorted((ROOT / "stacks").glob("Pulumi.*.yaml"))
MADE = {kind: make() for kind, make in SCHEMAS.items()}


def problems(kind: str, value: Any) -> list[Where]:
    return [tuple(error.absolute_path) for error in Draft202012Validator(MADE[kind]).iter_errors(value)]


@pytest.mark.parametrize("kind", sorted(SCHEMAS))
def test_the_committed_schema_is_that_of_the_models(kind: str) -> None:
    text = (ROOT / "docs" / "schema" / f"{kind}.json").read_text(encoding="utf-8")

    assert json.loads(text) == MADE[kind], f"a model has changed; run `make docs` and commit docs/schema/{kind}.json"


@pytest.mark.parametrize("kind", sorted(SCHEMAS))
def test_every_field_is_described(kind: str) -> None:
    objects = [MADE[kind], *MADE[kind]["$defs"].values()]

    for properties in (each["properties"] for each in objects if "properties" in each):
        assert all(field.get("description") or "$ref" in field for field in properties.values())


@pytest.mark.parametrize("path", TAGS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_committed_tag_is_valid(path: Path) -> None:
    assert problems("tag", read(path).data) == []


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.name)
def test_every_committed_stack_is_valid_also_as_pulumi_rewrites_it(path: Path) -> None:
    data = read(path).data

    assert problems("stack", data) == []
    assert problems("stack", _quoted(data) | {"encryptionsalt": "v1:abc"}) == []


def _quoted(value: Any) -> Any:
    """A document with its numbers as texts."""
    if isinstance(value, dict):
        return {key: _quoted(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_quoted(inner) for inner in value]
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("roles:", "rolls:", ()),
        ("isDataConsumer: true", "isDataConsumer: maybe", ("roles", 0, "isDataConsumer")),
        ("replica: 2", "replica: 0", ("roles", 1, "replica")),
        ("replica: 2", "replica: '0'", ("roles", 1, "replica")),
        ("pair: [trainer, aggregator]", "pair: [trainer]", ("channels", 0, "pair")),
        ("type: tag", "type: region", ("channels", 0, "groupBy", "type")),
        ("- name: aggregator", "- title: aggregator", ("roles", 1)),
        ("value: [eu, us, asia]", "value: eu", ("channels", 0, "groupBy", "value")),
        ("trainer: [fetch, upload]", "trainer: fetch", ("channels", 0, "funcTags", "trainer")),
        ("- name: param-channel", "- name: Param Channel", ("channels", 0, "name")),
        ("value: [eu, us, asia]", "value: [eu, u+s, asia]", ("channels", 0, "groupBy", "value", 1)),
    ],
)
def test_a_wrong_tag_is_refused_where_it_is_wrong(tmp_path: Path, old: str, new: str, place: Where) -> None:
    text = (ROOT / "stacks" / "tags" / "regions.yaml").read_text(encoding="utf-8")
    assert text.count(old) == 1
    (tmp_path / "tag.yaml").write_text(text.replace(old, new))

    assert place in problems("tag", read(tmp_path / "tag.yaml").data)
    faults: list[Fault] = []
    assert read_tag(tmp_path / "tag.yaml", faults)[1] is None or faults


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  fedtag:federation:", "  fedtag:federations:"),
        ("    rounds: 5", "    round: 5"),
        ("    rounds: 5", "    rounds: 0"),
        ("    rounds: 5", "    rounds: '0'"),
        ("    rounds: 5", "    rounds: many"),
        ("    rounds: 5", "    quorum: some"),
        ("    learningRate: 0.001", "    learningRate: '-0.1'"),
        ("        - name: mnist-eu", "        - title: mnist-eu"),
        ("    tag: tags/regions.yaml", "    programs: x.py"),
        ("        size: 1Gi", "        sizes: 1Gi"),
    ],
)
def test_a_wrong_stack_is_refused(tmp_path: Path, old: str, new: str) -> None:
    text = (ROOT / "stacks" / "Pulumi.eu-us-asia.yaml").read_text(encoding="utf-8")
    assert text.count(old) == 1
    (tmp_path / "Pulumi.x.yaml").write_text(text.replace(old, new))

    assert problems("stack", read(tmp_path / "Pulumi.x.yaml").data)
    faults: list[Fault] = []
    read_stack(tmp_path / "Pulumi.x.yaml", faults)
    assert faults, "what the schema refuses, fedtag refuses"


def test_what_others_keep_in_a_stack_file_and_comments_are_no_faults() -> None:
    federation = {"tag": "tags/a.yaml", "//": "a comment", "datasets": {"// eu": "gone", "us": []}}
    config = {"aws:region": "eu-west-1", "fedtag:secret": {"secure": "AAAB"}, "fedtag:federation": federation}

    assert problems("stack", {"config": config, "secretsprovider": "passphrase"}) == []
    assert problems("stack", {"config": config | {"fedtag:federatoin": {}}}) == [("config",)]


VALUES = st.sampled_from(
    [None, True, -1, 0, 1, 1.5, 70_000, "", "x", "8", "0.5", "-2", "all", [], ["x"], [1], {}, {"x": "y"}]
)


@st.composite
def _changes(draw: st.DrawFn, document: Any) -> Any:
    """A document with one place changed: another value, gone, or a field beside it."""
    changed = copy.deepcopy(document)
    places = list(_places(changed))
    where = draw(st.sampled_from(places))
    home = dig(changed, where[:-1])
    match draw(st.sampled_from(["other", "gone", "more"])):
        case "other":
            home[where[-1]] = draw(VALUES)
        case "gone":
            del home[where[-1]]
        case "more" if isinstance(home, dict):
            home["unheardOf"] = draw(VALUES)
    return changed


def _places(value: Any, where: Where = ()) -> Iterator[Where]:
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*where, key)
        yield from _places(inner, (*where, key))


RICH_TAG = {
    **read(ROOT / "stacks" / "tags" / "medmnist.json").data,
    "revision": 1,
    "connectors": [{"a": 1}],
}
RICH_TAG["roles"] = [
    {**RICH_TAG["roles"][0], "program": "a.py", "resources": {"cpu": "1", "memory": "1Gi"}},
    {**RICH_TAG["roles"][1], "placement": {"region": "us"}},
]
RICH_STACK = copy.deepcopy(read(ROOT / "stacks" / "Pulumi.eu-us-asia.yaml").data)
RICH_STACK["config"]["fedtag:federation"] |= {
    "quorum": 2,
    "deadline": 30,
    "split": {"kind": "dirichlet", "alpha": 0.5},
    "kubernetes": {
        "namespace": {"name": "a", "create": False},
        "resources": {"trainer": {"requests": {"cpu": 1}}},
        "regions": {"eu": {"tolerations": [{"key": "a", "tolerationSeconds": 3}]}},
        "clusters": {"us": {"context": "us", "brokerAddress": "a.example:8883"}},
        "tls": {"enabled": True, "rotation": 2},
        "labels": {"team": "a"},
        "timeout": 60,
    },
}


@given(_changes(RICH_TAG))
@settings(max_examples=150, deadline=None)
def test_the_schema_of_tags_agrees_with_the_models(changed: Any) -> None:
    document = _as_read(changed)
    tag, faults = parse(Tag, document)
    faults += list(structure.check(tag, document)) if tag is not None else []

    _agree("tag", changed, faults)


@given(_changes(RICH_STACK["config"]["fedtag:federation"]))
@settings(max_examples=150, deadline=None)
def test_the_schema_of_stacks_agrees_with_the_models(changed: Any) -> None:
    whole = {"config": {"fedtag:federation": changed}}
    _, faults = parse(Stack, _as_read(whole), AT)

    _agree("stack", whole, faults)


def _as_read(data: Any) -> Document:
    """Data that no file has, as if it were a file's."""
    return replace(read(STACKS[0]), data=data)


def _agree(kind: str, value: Any, faults: list[Fault]) -> None:
    found = problems(kind, value)
    if found:
        assert faults, f"the schema refuses {found}, and the models take it"
    if any(fault.code in ("T004", "T005") for fault in faults):
        assert found, f"the models refuse {faults}, and the schema takes it"
