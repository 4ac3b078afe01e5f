"""All rules of TAGs, stacks and jobs by their codes. docs/tag.md explains each, with a wrong and a right example."""

from typing import Literal, NamedTuple

Severity = Literal["error", "warning", "note"]


class Rule(NamedTuple):
    """A rule.

    Attributes:
        severity: an error starts nothing; a warning is odd, but stops nothing; a note is good to know.
        title: what is wrong where it is broken, in a few words.
    """

    severity: Severity
    title: str


RULES: dict[str, Rule] = {
    "T001": Rule("error", "file that can't be read"),
    "T002": Rule("error", "neither YAML 1.2 nor JSON"),
    "T003": Rule("error", "key written twice"),
    "T004": Rule("error", "unknown field"),
    "T005": Rule("error", "missing field"),
    "T006": Rule("error", "value of the wrong kind or out of range"),
    "T007": Rule("error", "file, depth or number beyond a limit"),
    "T010": Rule("error", "not a name"),
    "T011": Rule("error", "name given twice"),
    "T012": Rule("error", "pair of more or fewer than two roles"),
    "T013": Rule("error", "channel of an unknown role"),
    "T014": Rule("error", "nobody has data"),
    "T015": Rule("error", "role without a channel"),
    "T016": Rule("error", "functions of the wrong role, or unknown"),
    "T017": Rule("error", "function without its counterpart"),
    "T018": Rule("error", "replica or placement that can't be"),
    "T019": Rule("warning", "field without a meaning"),
    "T020": Rule("error", "parts that no channel joins"),
    "T021": Rule("error", "association for an unknown channel"),
    "T022": Rule("error", "association for another role's channel"),
    "T023": Rule("error", "association for an unknown group"),
    "T024": Rule("error", "association that lacks a channel"),
    "T025": Rule("error", "associations that meet in a group"),
    "T026": Rule("error", "associations that can't be inferred"),
    "T027": Rule("error", "every group for a role with data"),
    "T028": Rule("error", "group without a role of its channel"),
    "T029": Rule("warning", "group of nobody"),
    "T030": Rule("error", "role with data, but without datasets"),
    "T031": Rule("error", "dataset for an unknown role"),
    "T032": Rule("error", "dataset for a role without data"),
    "T033": Rule("error", "dataset in a group without association"),
    "T034": Rule("error", "dataset without a record"),
    "T035": Rule("error", "dataset used twice"),
    "T036": Rule("error", "data URI of an unknown form"),
    "T037": Rule("error", "datasets that share samples"),
    "T038": Rule("error", "data file that isn't there"),
    "T039": Rule("error", "dataset in a group of several associations"),
    "T040": Rule("error", "quorum over the group's size"),
    "T041": Rule("warning", "quorum or deadline without effect"),
    "T042": Rule("error", "program that isn't there"),
    "T043": Rule("error", "role with data, but without a program"),
    "T044": Rule("error", "topology that can't run yet"),
    "T045": Rule("error", "two workers of one id"),
    "T046": Rule("error", "worker id that is too long"),
    "T047": Rule("error", "datasets that can't be told apart or given twice"),
    "T048": Rule("error", "unknown stack"),
    "T049": Rule("error", "unknown optimizer or selector, or option of it"),
    "T050": Rule("error", "command with the wrong target"),
    "T051": Rule("error", "residency in another region"),
    "T052": Rule("error", "groups that become one name"),
    "T053": Rule("error", "cycle where a tree is meant"),
    "T054": Rule("error", "several ways up"),
    "T055": Rule("error", "no root, or several"),
    "T056": Rule("error", "functions that can't be inferred"),
    "T057": Rule("error", "data whose updates reach nobody"),
    "T058": Rule("warning", "branches of different depth"),
    "T059": Rule("warning", "empty list"),
    "T060": Rule("error", "stack that can't be deployed"),
    "T061": Rule("warning", "region unlike its group"),
    "T062": Rule("warning", "too large for an object of a cluster"),
    "T063": Rule("error", "sums out of range"),
    "T064": Rule("note", "stack that can't be exact"),
    "T065": Rule("error", "optimizer or selector that the topology can't serve"),
    "T066": Rule("error", "every group where each has its own"),
    "T067": Rule("error", "ring of one"),
    "T068": Rule("error", "asynchronous goal or concurrency out of reach"),
    "T069": Rule("error", "coordinator without anyone to pair"),
    "T070": Rule("error", "more selected than there are"),
}
