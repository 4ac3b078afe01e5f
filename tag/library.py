"""Topologies to begin with: each a commented TAG, and a stack that trains it on MNIST. Texts only: writes nothing."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from string import Template

from tag.schema import DEFAULT_GROUP
from tag.yaml_lines import flow, scalar

_FOLDER = Path(__file__).with_name("templates")
_STACK = "stack"

TIERS = range(3, 7)
"""How many tiers a tree may have; two are `central`."""

_SEVERAL = {"coordinated": 3, "hybrid": 2, "asynchronous": 2}
"""Trainers of a group, where one would not show what the topology does."""

_BUFFERED = """\
    # Asynchronous: an aggregator goes on as soon as half of its followers have sent an update; kwargs: {aggGoal: N} is
    # another number. A round is one new model, so there are more of them.
    optimizer: {sort: fedbuff, kwargs: {}}
"""
_RATE = 0.05
"""Learning rate of the linear model."""


@dataclass(frozen=True)
class Topology:
    """A kind of TAG.

    Attributes:
        name: of its template.
        sentence: what it is.
        trainers: of a group, if the user says nothing.
    """

    name: str
    sentence: str
    trainers: int


@dataclass(frozen=True)
class Order:
    """What a user wants.

    Attributes:
        topology: the kind.
        groups: names, each once.
        trainers: of a group.
        tiers: of a tree, the trainers' one included.
    """

    topology: Topology
    groups: tuple[str, ...]
    trainers: int
    tiers: int = TIERS[0]

    @property
    def levels(self) -> tuple[tuple[str, ...], ...]:
        """The groups of each channel below the top one, the trainers' first: each tier more halves every group."""
        levels = [self.groups]
        while len(levels) < self.tiers - TIERS[0] + 1:
            levels.insert(0, tuple(f"{group}-{half}" for group in levels[0] for half in (1, 2)))
        return tuple(levels)

    @property
    def total(self) -> int:
        """Trainers in all."""
        return len(self.levels[0]) * self.trainers


@cache
def topologies() -> Mapping[str, Topology]:
    """All topologies by name, the simplest first."""
    order = ("central", "hierarchical", "coordinated", "asynchronous", "hybrid", "ring", "parallel")
    return {name: Topology(name, _sentence(name), _SEVERAL.get(name, 1)) for name in order}


def tag_text(order: Order, name: str, head: Sequence[str]) -> str:
    """The TAG, with comments for a newcomer.

    Args:
        order: what is wanted.
        name: of the TAG.
        head: comment lines to begin with.
    """
    top = DEFAULT_GROUP
    middle = {"middle-coord-channel": top, "global-channel": top} if order.topology.name == "coordinated" else {}
    middle = middle or {"global-channel": top}
    blanks = {
        "name": scalar(name),
        "groups": flow(order.groups),
        "each": _entries({"param-channel": group} for group in order.groups),
        "replica": str(min(2, order.trainers)),
        "middle": _entries({"param-channel": group} | middle for group in order.groups),
    }
    if order.topology.name == "hierarchical":
        blanks |= _tree(order)
    return "\n".join([*head, Template(_template(order.topology.name)).substitute(blanks)])


def stack_text(order: Order, head: Sequence[str], *, target: str, tag: str, program: str) -> str:
    """The stack file: MNIST in as many parts as there are trainers.

    Args:
        order: what is wanted.
        head: comment lines to begin with.
        target: what commands take for the stack.
        tag: path of the TAG, as the file writes it.
        program: likewise of a program for any data.
    """
    buffered = order.topology.name == "asynchronous"
    blanks = {
        "target": target,
        "rounds": "20" if buffered else "5",
        "tag": scalar(tag),
        "program": scalar(program),
        "rate": str(_RATE),
        "optimizer": _BUFFERED if buffered else "",
        "seed": "" if buffered else " # the same seed gives the same model, to the last bit",
        "datasets": "\n".join(_datasets(order)),
    }
    return "\n".join([*head, Template(_template(_STACK)).substitute(blanks)])


def _datasets(order: Order) -> Iterator[str]:
    ring = order.topology.name == "ring"
    if ring:
        yield f"      {DEFAULT_GROUP}:"
    part = 0
    for group in order.levels[0]:
        if not ring:
            yield f"      {scalar(group)}:"
        for k in range(1, order.trainers + 1):
            part += 1
            yield f"        - name: mnist-{group}" + (f"-{k}" if order.trainers > 1 else "")
            yield f"          uri: mnist:{part}/{order.total}" + (" # part K/N" if part == 1 else "")
            if ring:
                yield f"          region: {scalar(group)}"


def _tree(order: Order) -> dict[str, str]:
    """The parts of a tree between its trainers and its top."""
    levels = order.levels
    several = len(levels) > 1
    roles = [f"tier-{k}-aggregator" if several else "middle-aggregator" for k in range(2, len(levels) + 2)]
    channels = ["param-channel", *(f"tier-{k}-channel" for k in range(2, len(levels) + 1)), "global-channel"]
    tops = [*levels[1:], (DEFAULT_GROUP,)]
    middle_roles: list[str] = []
    lower_channels: list[str] = []
    for k, (role, (below, above)) in enumerate(zip(roles, pairwise(channels), strict=True)):
        entries = ({below: group, above: _parent(group, tops[k])} for group in levels[k])
        middle_roles += [
            f"  - name: {role}",
            f"    description: Averages the {'trainers' if k == 0 else f'{roles[k - 1]}s'} of its group.",
            "    groupAssociation: # each entry is a worker: its group below, and the one above",
            _entries(entries),
        ]
        lower = "trainer" if k == 0 else roles[k - 1]
        lower_channels += _channel(below, lower, role, levels[k])
    return {
        "highest": roles[-1],
        "middle_roles": "\n".join(middle_roles),
        "lower_channels": "\n".join(lower_channels),
    }


def _channel(name: str, lower: str, upper: str, groups: Sequence[str]) -> list[str]:
    return [
        f"  - name: {name}",
        "    description: Models go down, updates come up, within a group.",
        f"    pair: [{lower}, {upper}]",
        "    groupBy: # different groups don't hear each other",
        "      type: tag",
        f"      value: {flow(groups)}",
        "    funcTags: # what each role does on this channel",
        f"      {lower}: [fetch, upload]",
        f"      {upper}: [distribute, aggregate]",
    ]


def _parent(group: str, above: Sequence[str]) -> str:
    """The group above a group: the only one, or the one of which it is a half."""
    return above[0] if len(above) == 1 else group.rpartition("-")[0]


def _entries(entries: Iterable[Mapping[str, str]]) -> str:
    return "\n".join(f"      - {flow(entry)[1:-1] if len(entry) == 1 else flow(entry)}" for entry in entries)


@cache
def _template(name: str) -> str:
    return (_FOLDER / f"{name}.yaml").read_text(encoding="utf-8")


def _sentence(name: str) -> str:
    found = re.search(r"^description: (.+)$", _template(name), re.MULTILINE)
    if found is None:
        raise ValueError(f"template {name!r} has no description; give it a line of it")
    return found[1]
