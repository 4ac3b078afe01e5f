"""Hypothesis strategies for valid TAGs of all topologies with their datasets, as the files that users write."""

import json
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from hypothesis import strategies as st

from tag.load import Expanded, load_job_plan, load_stack
from tag.names import group_name

Via = Literal["job", "stack", "both"]

UPLOADS, LEADS = ["fetch", "upload"], ["distribute", "aggregate"]
RESERVED = {"default", "all", "x", "q", "mars"}
"""Names with a meaning, and those that mutants add."""

words = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=6).map(lambda text: "g" + text)
group_names = st.one_of(words, st.builds("{}-{}".format, words, words), st.builds("{}/{}".format, words, words)).filter(
    lambda text: group_name(text) not in RESERVED
)


@dataclass
class Case:
    """A TAG, its datasets and what else a stack says.

    Attributes:
        tag: what the TAG's file holds.
        datasets: name, role, group and uri of each, and what else a stack says of it.
        settings: what else the stack says.
        via: how it is loaded: as a TAG with a Flame job, as a stack, or as a stack with a job.
        after: what is done to the written folder.
    """

    tag: dict[str, Any]
    datasets: list[dict[str, Any]]
    settings: dict[str, Any] = field(default_factory=dict)
    via: Via = "job"
    after: list[Callable[[Path], object]] = field(default_factory=list)

    def role(self, name: str) -> dict[str, Any]:
        """What the TAG says of a role."""
        found: dict[str, Any] = next(role for role in self.tag["roles"] if role["name"] == name)
        return found

    def channel(self, name: str) -> dict[str, Any]:
        """What the TAG says of a channel."""
        found: dict[str, Any] = next(channel for channel in self.tag["channels"] if channel["name"] == name)
        return found

    @property
    def groups(self) -> list[str]:
        """The groups of the first channel."""
        found: list[str] = self.tag["channels"][0]["groupBy"]["value"]
        return found

    def load(self, root: Path) -> Expanded:
        """Writes it into an empty folder, and loads that."""
        (root / "job").mkdir()
        (root / "mine.py").write_text("")
        (root / "tag.json").write_text(json.dumps(self.tag, indent=1))
        settings = {"tag": "tag.json", "program": "mine.py", **self.settings}
        if self.via == "stack":
            settings = {"datasets": self._by_group(), **settings}
        else:
            self._write_job(root / "job")
            settings = {"job": "job", **settings}
        stack = root / "Pulumi.demo.yaml"
        stack.write_text(json.dumps({"config": {"fedtag:federation": settings}}, indent=1))
        for change in self.after:
            change(root)
        return load_job_plan(root / "tag.json", root / "job") if self.via == "job" else load_stack(stack)

    def _by_group(self) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {}
        for entry in self.datasets:
            said = {key: value for key, value in entry.items() if key not in ("role", "group")}
            found.setdefault(entry["group"], []).append(said)
        return found

    def _write_job(self, folder: Path) -> None:
        spec: dict[str, dict[str, list[str]]] = {}
        for entry in self.datasets:
            spec.setdefault(entry["role"], {}).setdefault(entry["group"], []).append(entry["name"])
            record = {"name": entry["name"], "url": entry["uri"]}
            (folder / f"dataset-{entry['name']}.json").write_text(json.dumps(record))
        entries = [{"role": role, "datasetGroups": groups} for role, groups in spec.items()]
        (folder / "dataSpec.json").write_text(json.dumps(entries, indent=1))


def _channel(
    draw: st.DrawFn, name: str, low: str, high: str, groups: Sequence[str] = ("default",), *, said: bool = False
) -> dict[str, Any]:
    """A channel whose lower end uploads; groups and functions are sometimes left out where they can be inferred."""
    channel: dict[str, Any] = {"name": name, "pair": draw(st.permutations([low, high]))}
    channel["groupBy"] = {"type": "tag", "value": list(groups)}
    if said or draw(st.booleans()):
        channel["funcTags"] = {low: UPLOADS, high: LEADS} if low != high else {low: ["ring_allreduce"]}
    return channel


def _datasets(draw: st.DrawFn, role: str, groups: Sequence[str], *, least: int = 1) -> list[dict[str, Any]]:
    counts = [draw(st.integers(least, 3)) for _ in groups]
    homes = [group for group, count in zip(groups, counts, strict=True) for _ in range(count)]
    return [
        {"name": f"{role}d{i}", "role": role, "group": group, "uri": f"program:{role} {i}"}
        for i, group in enumerate(homes)
    ]


def _said(draw: st.DrawFn, role: dict[str, Any], entries: list[dict[str, str]]) -> dict[str, Any]:
    """A role, whose association is written or left to be inferred."""
    return {**role, "groupAssociation": entries} if draw(st.booleans()) else role


def _groups(least: int = 1) -> st.SearchStrategy[list[str]]:
    return st.lists(group_names, min_size=least, max_size=4, unique_by=group_name)


@st.composite
def stars(draw: st.DrawFn, *, least: int = 1, via: Via = "stack") -> Case:
    """One aggregator, with replicas, for all groups: what runs today."""
    groups = draw(_groups(least))
    trainer = _said(draw, {"name": "trainer", "isDataConsumer": True}, [{"up": group} for group in groups])
    top = {"name": "top", "replica": draw(st.integers(1, 3)), "groupAssociation": [{"up": "*"}]}
    channel = _channel(draw, "up", "trainer", "top", groups)
    tag = {"name": "a star", "roles": draw(st.permutations([trainer, top])), "channels": [channel]}
    return Case(tag, _datasets(draw, "trainer", groups), via=via)


@st.composite
def parallels(draw: st.DrawFn, *, least: int = 1) -> Case:
    """An aggregator of its own for each group."""
    groups = draw(_groups(least))
    entries = [{"up": group} for group in groups]
    trainer = _said(draw, {"name": "trainer", "isDataConsumer": True}, entries)
    top = {"name": "top", "replica": draw(st.integers(1, 3)), "groupAssociation": [{"up": group} for group in groups]}
    channel = _channel(draw, "up", "trainer", "top", groups)
    return Case(
        {"name": "side by side", "roles": [trainer, top], "channels": [channel]}, _datasets(draw, "trainer", groups)
    )


@st.composite
def trees(draw: st.DrawFn, *, least: int = 1, said: bool = False, coordinated: bool = False) -> Case:
    """Aggregators in levels above the trainers, the second of them in groups of its own.

    Args:
        draw: hypothesis' own.
        least: groups of the lowest channel.
        said: functions and associations are all written.
        coordinated: a coordinator pairs trainers with the aggregators above them.
    """
    groups, count = draw(_groups(least)), draw(st.integers(2, 4))
    upper = draw(st.lists(words, min_size=1, max_size=len(groups), unique=True)) if said else ["default"]
    written = said or coordinated
    levels = [f"level{i}" for i in range(count)]
    channels = [_channel(draw, "up0", "trainer", levels[0], groups, said=written)]
    channels += [
        _channel(draw, f"up{i}", levels[i - 1], levels[i], upper if i == 1 else ["default"], said=written)
        for i in range(1, count)
    ]
    roles: list[dict[str, Any]] = [{"name": "trainer", "isDataConsumer": True}]
    replicas = [draw(st.integers(1, 2)) for _ in levels]
    roles += [{"name": level, "replica": count} for level, count in zip(levels, replicas, strict=True)]
    if said:
        roles[0]["groupAssociation"] = [{"up0": group} for group in groups]
        roles[1]["groupAssociation"] = [{"up0": g, "up1": upper[k % len(upper)]} for k, g in enumerate(groups)]
        roles[2]["groupAssociation"] = [{"up1": u} | ({"up2": "default"} if count > 2 else {}) for u in upper]
    if coordinated:
        for role in ("trainer", levels[0], levels[-1]):
            functions = {role: ["coordinate"], "coordinator": [f"coordinateWith{role.title()}"]}
            channels.append({"name": f"talk-{role}", "pair": [role, "coordinator"], "funcTags": functions})
        roles.append({"name": "coordinator"})
    tag = {"name": "a tree", "roles": roles, "channels": channels}
    return Case(tag, _datasets(draw, "trainer", groups, least=replicas[0] if coordinated else 1))


@st.composite
def rings(draw: st.DrawFn, *, hybrid: bool = False, least: int = 1) -> Case:
    """A ring in each group; with an aggregator above all if it is a hybrid."""
    groups = draw(_groups(least))
    roles: list[dict[str, Any]] = [{"name": "trainer", "isDataConsumer": True}]
    channels = [_channel(draw, "ring", "trainer", "trainer", groups)]
    if hybrid:
        channels.append(_channel(draw, "up", "trainer", "top"))
        roles.append(_said(draw, {"name": "top"}, [{"up": "default"}]))
    up = {"up": "default"} if hybrid else {}
    roles[0] = _said(draw, roles[0], [{"ring": group, **up} for group in groups])
    return Case({"name": "a ring", "roles": roles, "channels": channels}, _datasets(draw, "trainer", groups, least=2))


@st.composite
def crowds(draw: st.DrawFn) -> Case:
    """Two roles with data below one aggregator."""
    groups, others = draw(_groups()), draw(_groups())
    roles = [
        {"name": "trainer", "isDataConsumer": True},
        {"name": "student", "isDataConsumer": True},
        {"name": "top", "groupAssociation": [{"up": "*", "side": "*"}]},
    ]
    channels = [_channel(draw, "up", "trainer", "top", groups), _channel(draw, "side", "student", "top", others)]
    datasets = _datasets(draw, "trainer", groups) + _datasets(draw, "student", others)
    return Case({"name": "a crowd", "roles": roles, "channels": channels}, datasets)


def cases() -> st.SearchStrategy[Case]:
    """Valid TAGs of every topology."""
    return st.one_of(
        stars(),
        stars(via="job"),
        parallels(),
        trees(),
        trees(said=True),
        trees(coordinated=True),
        rings(),
        rings(hybrid=True),
        crowds(),
    )
