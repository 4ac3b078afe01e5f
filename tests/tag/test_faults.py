"""Each breach of a rule is one fault, at its line, with its code, its value and its remedy."""

import re
from pathlib import Path
from typing import Any

import pytest

from tag.faults import Fault, TagError, split
from tag.roots import roots

# In the TAG: old text, new text, code, text of the faulty line, words that the message must have.
IN_TAG = [
    ("name: three regions", "name: three regions\nnmae: x", "T004", "nmae", "did you mean 'name'"),
    ("replica: 1", "replcia: 1", "T004", "replcia", "did you mean 'replica'"),
    ("replica: 1", "replica: 0", "T018", "replica", "below 1"),
    ("replica: 1", "replica: two", "T006", "replica", "'two' is not a whole number"),
    ("isDataConsumer: true", "isDataConsumer: true\n    replica: 2", "T018", "replica: 2", "one worker per dataset"),
    ("  - name: trainer", "  - description: x", "T005", "description: x", "'name' is missing"),
    ("isDataConsumer: true", "isDataConsumer: maybe", "T006", "maybe", "true or false"),
    ("isDataConsumer: true", "isDataConsumer: 1", "T006", "isDataConsumer: 1", "not true or false"),
    ("replica: 1", "replica: true", "T006", "replica: true", "not a number"),
    ("isDataConsumer: true", "isDataConsumer: false", "T014", "roles:", "isDataConsumer: true"),
    ("pair: [trainer, aggregator]", "pair: [trainr, aggregator]", "T013", "pair", "did you mean 'trainer'"),
    ("pair: [trainer, aggregator]", "pair: [trainer]", "T012", "pair", "1 roles"),
    ("pair: [trainer, aggregator]", "pair: [trainer, aggregator, trainer]", "T012", "pair", "3 roles"),
    ("pair: [trainer, aggregator]", "pair: trainer", "T006", "pair", "not a list"),
    ("type: tag", "type: geo", "T006", "type: geo", "'tag'"),
    ("[eu, us, asia]", "[eu, us, eu, asia]", "T011", "value", "twice"),
    ("[eu, us, asia]", "[eu, us, asia, Mars/1]", "T010", "value", "small letters"),
    ("  - name: param-channel", "  - name: param+channel", "T010", "param+channel", "small letters"),
    ('param-channel: "*"', 'parm-channel: "*"', "T021", "parm-channel", "did you mean 'param-channel'"),
    ('param-channel: "*"', "param-channel: ue", "T023", "param-channel: ue", "'asia', 'eu', 'us'"),
    ("trainer: [fetch, upload]", "trainer: [fetch, uplaod]", "T016", "uplaod", "did you mean 'upload'"),
    ("      trainer: [fetch, upload]\n", "", "T016", "funcTags", "lacks role 'trainer'"),
    ("      trainer: [fetch, upload]", "      trainr: [fetch, upload]", "T016", "trainr", "not in the pair"),
    ("aggregator: [distribute, aggregate]", "aggregator: [distribute]", "T017", "trainer: [", "'aggregate'"),
    (
        "isDataConsumer: true",
        "isDataConsumer: true\n    groupAssociation: [{param-channel: '*'}]",
        "T027",
        "'*'",
        "leave",
    ),
    ("isDataConsumer: true", "isDataConsumer: true\n    placement: {region: eu}", "T018", "placement", "region"),
    ("isDataConsumer: true", "isDataConsumer: true\n    program: none.py", "T042", "none.py", "does not exist"),
    ("channels:", "  - name: judge\nchannels:", "T015", "judge", "no channel names the role"),
    ("channels:", "  - name: trainer\nchannels:", "T011", "- name: trainer", "rename"),
    ("channels:", "channels: &loop\n  - *loop", "T002", "loop", "anchor"),
    ("name: three regions", "name: a\nname: b", "T003", "name: b", "first in line 1"),
    ("pair: [trainer, aggregator]", "pair: [trainer, aggregator", "T002", "groupBy", "neither YAML 1.2 nor JSON"),
]

IN_STACK = [
    ("rounds: 5", "rounds: 0", "T006", "rounds", "at least 1"),
    ("rounds: 5", "rouns: 5", "T004", "rouns", "did you mean 'rounds'"),
    ("rounds: 5", "rounds: many", "T006", "rounds", "whole number"),
    ("rounds: 5", "rounds: true", "T006", "rounds: true", "not a number"),
    ("rounds: 5", "learningRate: .inf", "T006", "learningRate", "number"),
    ("rounds: 5", "batchSize: 0", "T006", "batchSize", "at least 1"),
    ("quorum: all", "quorum: 4", "T040", "quorum", "the 3 trainers"),
    ("quorum: all", "quorum: most", "T006", "quorum", "whole number"),
    ("    tag: tags/regions.yaml\n", "", "T005", "fedtag:federation", "'tag' is missing"),
    ("tags/regions.yaml", "tags/other.yaml", "T001", "tags/other.yaml", "does not exist"),
    ("../programs/mine.py", "../programs/none.py", "T042", "none.py", "does not exist"),
    ("    program: ../programs/mine.py\n", "", "T043", "fedtag:federation", "set program"),
    ("fedtag:federation:", "fedtag:federatoin:", "T005", "config", "has no 'fedtag:federation'"),
    ("uri: mnist:1/3", "uri: mnits:1/3", "T036", "mnits", "'npz:PATH'"),
    ("uri: mnist:1/3", "uri: mnist:4/3", "T036", "mnist:4/3", "1..3"),
    ("uri: mnist:1/3", "uri: mnist:2/3", "T037", "mnist:2/3", "shares samples"),
    ("uri: mnist:1/3", "uri: npz:data/none.npz", "T038", "none.npz", "does not exist"),
    ("- uri: mnist:1/3", "- region: eu", "T005", "region: eu", "'uri' is missing"),
    ("name: tokyo", "name: us", "T035", "name: us", "twice"),
    ("name: tokyo", "name: To_kyo", "T010", "To_kyo", "small letters"),
    ("name: tokyo", f"name: {'t' * 51}", "T046", "tttt", "at most 63"),
    ("epochs: 2", "residency: eu", "T051", "residency", "forbids its region 'asia'"),
    ("epochs: 2", "epochs: -2", "T006", "epochs", "at least 1"),
    ("epochs: 2", "split: {kind: random}", "T006", "kind", "'dirichlet'"),
    ("      asia:", "      mars:", "T033", "name: tokyo", "'asia', 'eu', 'us'"),
    ("quorum: all", "quorum: all\n    job: jobs/mine", "T047", "job", "keep one"),
    ("quorum: all", "name: Demo Stack", "T010", "Demo Stack", "small letters"),
]


Case = tuple[str, str, str, str, str]


@pytest.mark.parametrize("case", IN_TAG, ids=[f"{c[2]}-{i}" for i, c in enumerate(IN_TAG)])
def test_a_breach_in_the_tag_is_named_with_its_line_and_remedy(project: Any, case: Case) -> None:
    _expect(project, project.tag, case)


@pytest.mark.parametrize("case", IN_STACK, ids=[f"{c[2]}-{i}" for i, c in enumerate(IN_STACK)])
def test_a_breach_in_the_stack_is_named_with_its_line_and_remedy(project: Any, case: Case) -> None:
    _expect(project, project.stack, case)


def _expect(project: Any, path: Path, case: Case) -> None:
    old, new, code, at, words = case
    project.edit(path, old, new)
    faults = project.faults()
    found = [f for f in faults if f.code == code and words in f.message]
    assert found, f"no {code} with {words!r} in:\n" + "\n".join(map(str, faults))
    fault = found[0]
    lines = [i for i, line in enumerate(path.read_text().splitlines(), 1) if at in line]
    assert fault.file == str(path)
    assert fault.line in lines, f"{fault} should be in one of {lines}"
    assert re.fullmatch(r".+:\d+:\d+: T\d{3} [^:]+.*: .+[^.]", str(fault)), (
        "file:line:column: code subject: message, no period"
    )
    assert "pydantic" not in fault.message
    assert "Input should" not in fault.message


def test_faults_of_all_files_and_kinds_are_reported_at_once(project: Any) -> None:
    project.edit(project.tag, "replica: 1", "replica: -1\n    colour: red")
    project.edit(project.stack, "rounds: 5", "roundz: 5")
    project.edit(project.stack, "quorum: all", "quorum: 9")
    project.edit(project.stack, "mnist:1/3", "s3:bucket")

    assert {f.code for f in project.faults()} == {"T004", "T018", "T036", "T040"}


def test_several_values_of_a_wrong_kind_are_reported_at_once(project: Any) -> None:
    project.edit(project.stack, "rounds: 5", "rounds: x\n    seed: -1\n    epochs: []")

    assert sorted(f.subject.rpartition(".")[2] for f in project.faults()) == ["epochs", "rounds", "seed"]


def test_a_role_without_data_for_it_is_named(project: Any) -> None:
    text = project.stack.read_text()
    project.stack.write_text(text[: text.index("    datasets:")])

    assert [f.code for f in project.faults()] == ["T030"]


def test_a_group_whose_aggregator_is_missing_would_wait_for_ever(project: Any) -> None:
    project.edit(project.tag, 'param-channel: "*"', "param-channel: eu")

    found = [f for f in project.faults() if f.code == "T028"]

    assert [re.search(r"group '(\w+)'", f.message)[1] for f in found] == ["us", "asia"]  # type: ignore[index]


def test_a_group_that_nobody_is_in_is_a_warning(project: Any) -> None:
    project.edit(project.tag, "[eu, us, asia]", "[eu, us, asia, africa]")

    (warning,) = project.load().warnings

    assert (warning.code, warning.severity) == ("T029", "warning")
    assert " warning: " in str(warning)


def test_a_smaller_quorum_without_a_deadline_is_a_warning(project: Any) -> None:
    project.edit(project.stack, "quorum: all", "quorum: 2")

    assert [w.code for w in project.load().warnings] == ["T041"]


def test_fields_that_flame_ignores_are_accepted_with_a_warning(project: Any) -> None:
    project.edit(project.tag, "name: three regions", "name: three regions\nconnectors: [x]")
    project.edit(project.tag, "pair:", "isUnidirectional: true\n    backend: p2p\n    pair:")

    assert [w.code for w in project.load().warnings] == ["T019"] * 3


def test_separate_aggregators_are_experiments_and_have_no_faults(project: Any) -> None:
    project.edit(project.tag, '      - param-channel: "*"\n', "      - param-channel: eu\n      - param-channel: us\n")
    project.edit(project.tag, "[eu, us, asia]", "[eu, us]")
    tokyo = "      asia:\n        - name: tokyo\n          uri: mnist:3/3\n          epochs: 2\n"
    project.edit(project.stack, tokyo, "")

    assert [root.title for root in roots(project.load().plan)] == ["eu", "us"]


def test_a_dataset_without_a_name_is_named_like_its_group_only_when_alone(project: Any) -> None:
    project.edit(project.stack, "uri: mnist:1/3", "uri: mnist:1/3\n        - uri: mnist:2/3")

    found = [f for f in project.faults() if f.code == "T047"]

    assert ["name: eu-1" in found[0].message, "name: eu-2" in found[1].message] == [True, True]


def test_the_same_source_divided_in_another_way_shares_samples(project: Any) -> None:
    project.edit(project.stack, "mnist:2/3", "mnist:2/4")
    project.edit(project.stack, "epochs: 2", "split: {kind: classes}")

    assert [f.code for f in project.faults()] == ["T037", "T037"]


def test_a_file_on_a_claim_or_on_another_machine_is_not_looked_for(project: Any) -> None:
    project.edit(project.stack, "uri: mnist:1/3", "uri: npz:/data/eu.npz\n          claim: eu-data")
    project.edit(project.stack, "uri: mnist:2/3", "uri: npz:/no/such/folder/us.npz")

    uris = [w.spec.dataset.uri for w in project.load().plan.trainers if w.spec.dataset]

    assert uris == ["mnist:3/3", "npz:/data/eu.npz", "npz:/no/such/folder/us.npz"]


def test_warnings_come_after_errors_and_no_fault_twice() -> None:
    warning = Fault("a", 1, "T019", "s", "m", "warning")
    error = Fault("b", 2, "T010", "s", "m")

    raised = TagError([warning, error, error])

    assert raised.faults == (error, warning)
    assert str(raised) == "b:2:1: T010 s: m\na:1:1: T019 warning: s: m"
    assert split([warning, error]) == ((error,), (warning,))
