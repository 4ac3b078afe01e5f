"""Breaches of the rules that need more than a star: trees, side channels, groups that meet in one id."""

import re
from typing import Any

import pytest

from tag.faults import Fault, TagError
from tag.load import load_stack

TREE = """\
name: a tree
roles:
  - name: trainer
    isDataConsumer: true
  - name: middle
    groupAssociation: MIDDLE
  - name: top
    groupAssociation: TOP
channels:
  - name: low
    pair: [trainer, middle]
    groupBy: {type: tag, value: [eu, us, asia]}
  - name: high
    pair: [middle, top]
    groupBy: {type: tag, value: HIGH}
"""


def _faults(project: Any, **said: str) -> list[Fault]:
    values = {"MIDDLE": "[]", "TOP": "[]", "HIGH": "[default]"} | said
    text = TREE
    for word, value in values.items():
        text = text.replace(word, value)
    project.tag.write_text(text)
    return list(project.faults())


@pytest.mark.parametrize(
    ("said", "code", "line", "words"),
    [
        ({"TOP": "[{low: eu}]"}, "T022", 8, "names channel 'low', which does not join the role"),
        ({"MIDDLE": "[{low: eu}, {low: us}, {low: asia}]"}, "T024", 6, "add high: default"),
        ({"MIDDLE": "[{low: eu, high: default}, {low: eu, high: default}]"}, "T025", 6, "write replica: 2"),
        ({"HIGH": "[a, b]"}, "T026", 5, "'high' and 'low' have several groups each"),
    ],
)
def test_an_association_that_does_not_fit_the_tree_says_how_to_write_it(
    project: Any, said: dict[str, str], code: str, line: int, words: str
) -> None:
    found = [f for f in _faults(project, **said) if f.code == code]

    assert found, f"no {code}"
    assert (found[0].line, words in found[0].message) == (line, True), str(found[0])
    assert re.fullmatch(r".+: .+[^.]", str(found[0]))


def test_a_repeated_entry_of_a_role_with_data_is_named(project: Any) -> None:
    twice = "isDataConsumer: true\n    groupAssociation: [{param-channel: eu}, {param-channel: eu}]"
    project.edit(project.tag, "isDataConsumer: true", twice)

    found = [f for f in project.faults() if f.code == "T025"]

    assert [f.message for f in found] == ["entry 2 repeats entry 1; keep one of them"]


def test_roles_that_no_path_joins_to_data_are_named(project: Any) -> None:
    project.edit(project.tag, "channels:", "  - name: judge\n  - name: jury\nchannels:")
    project.tag.write_text(project.tag.read_text() + "  - name: court\n    pair: [judge, jury]\n")

    found = [f for f in project.faults() if f.code == "T020"]

    assert [f.subject for f in found] == ["role 'judge'", "role 'jury'"]
    assert all("no path of channels leads from the role to one with data" in f.message for f in found)


def test_a_group_of_two_associations_leaves_open_which_one_a_dataset_means(project: Any) -> None:
    both = "[{param-channel: eu, side: a}, {param-channel: eu, side: b}]"
    project.edit(project.tag, "isDataConsumer: true", f"isDataConsumer: true\n    groupAssociation: {both}")
    side = "  - name: side\n    pair: [trainer, aggregator]\n    groupBy: {type: tag, value: [a, b]}\n"
    project.tag.write_text(project.tag.read_text() + side)
    project.edit(project.tag, '- param-channel: "*"', '- {param-channel: "*", side: "*"}')

    found = [f for f in project.faults() if f.code == "T039"]

    assert [f.subject for f in found] == ["dataset 'eu'"]
    assert "which 2 associations of role 'trainer' have; list it under a group that only one has" in found[0].message


def test_two_workers_of_one_id_are_named(project: Any) -> None:
    """Role, group and dataset are joined by hyphens, which they may hold themselves."""
    project.edit(project.tag, "[eu, us, asia]", "[eu, eu-west, asia]")
    project.edit(project.stack, "- uri: mnist:1/3", "- name: west-a\n          uri: mnist:1/3")
    project.edit(project.stack, "      us:\n        - uri", "      eu-west:\n        - name: a\n          uri")

    found = [f for f in project.faults() if f.code == "T045"]

    assert [f.subject for f in found] == ["worker 'trainer-eu-west-a'"]
    assert "rename a role, a group or a dataset" in found[0].message


def test_a_broken_stack_whose_tag_is_missing_too_tells_both(project: Any) -> None:
    project.edit(project.stack, "rounds: 5", "rounds: 0")
    project.tag.unlink()

    with pytest.raises(TagError) as caught:
        load_stack(project.stack)

    assert [f.code for f in caught.value.faults] == ["T001", "T006"]
