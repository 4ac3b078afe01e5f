"""Optimizers and selectors: what a stack or a Flame job may ask for, and who is told of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tag.flame.job import load_job
from tag.load import load_stack
from tag.options import OPTIMIZERS, SELECTORS, Optimizer, Selector
from tag.rules.options import job_choices, problems
from tag.settings import RunSettings
from tag.spec import WorkerSpec

TREE = """\
name: tree
roles:
  - {name: trainer, isDataConsumer: true}
  - {name: middle, replica: 2}
  - {name: top, groupAssociation: [{up: default}]}
channels:
  - {name: low, pair: [trainer, middle], groupBy: {type: tag, value: [eu, us, asia]}}
  - {name: up, pair: [middle, top]}
"""


def _say(project: Any, text: str) -> None:
    project.edit(project.stack, "    rounds: 5\n", f"    rounds: 5\n{text}")


@pytest.mark.parametrize("sort", sorted(OPTIMIZERS))
def test_an_optimizer_s_name_is_enough_and_its_defaults_are_the_paper_s(project: Any, sort: str) -> None:
    paper = {
        "fedavgm": {"eta": 1, "beta": 0.9},
        "fedadam": {"eta": 0.01, "beta_1": 0.9, "beta_2": 0.99, "tau": 0.001},
        "fedyogi": {"eta": 0.01, "beta_1": 0.9, "beta_2": 0.99, "tau": 0.001},
        "fedadagrad": {"eta": 0.01, "beta_1": 0, "tau": 0.001},
        "fedbuff": {"eta": 1, "seed": 0},
    }
    _say(project, f"    optimizer: {sort}\n")

    plan = project.load().plan

    told = plan.aggregators[0].spec.run.optimizer
    assert told == Optimizer(sort=sort if sort in paper else "fedavg", kwargs=paper.get(sort, {}))
    assert plan.trainers[0].spec.train.mu == (0.01 if sort == "fedprox" else 0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("optimizer: fedadm", "no optimizer 'fedadm' runs here; did you mean 'fedadam'"),
        ("optimizer: {sort: fedadam, kwargs: {beta_3: 0.9}}", "no option 'beta_3'; did you mean 'beta_"),
        ("optimizer: {sort: fedadam, kwargs: {eta: 0}}", "eta is 0; in 'fedadam' it must be more than 0"),
        ("optimizer: {sort: fedadam, kwargs: {beta_2: '1'}}", "beta_2 is 1; in 'fedadam' it must be from 0"),
        ("optimizer: {sort: fedprox, kwargs: {mu: -1}}", "mu is -1; in 'fedprox' it must be at least 0"),
        ("optimizer: {sort: fedavg, kwargs: {eta: 1}}", "it takes none; leave kwargs out"),
        ("selector: oort", "no selector 'oort' runs here"),
        ("selector: random", "'random' lacks its option 'k', a whole number from 1; add it"),
        ("selector: {sort: roundrobin, kwargs: {k: 1}}", "did you mean 'roundRobin'"),
        ("selector: {sort: random, kwargs: {k: 1.5}}", "k is 1.5; in 'random' it must be a whole number from 1"),
        ("selector: {sort: roundRobin, kwargs: {k: 0}}", "k is 0; in 'roundRobin'"),
    ],
)
def test_what_does_not_run_is_a_fault_at_its_line(project: Any, text: str, says: str) -> None:
    _say(project, f"    {text}\n")

    faults = project.faults()

    assert [(f.code, f.line) for f in faults] == [("T049", 9)]
    assert says in faults[0].message


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("optimizer: {sort: fedadam, kwargs: {eta: many}}", "T006", "'many' is not a number"),
        ("optimizer: {sort: fedadam, kwargs: {eta: .inf}}", "T006", "inf is not a finite number"),
        ("optimizer: {sort: fedadam, args: {eta: 1}}", "T004", "unknown field 'args'; did you mean 'kwargs'"),
        ("selector: [random]", "T006", "is not a mapping"),
        ("selector: {sort: random, kwargs: {k: 4}}", "T070", "k is 4, and the round's updates come from 3 on"),
    ],
)
def test_a_wrong_value_is_a_fault_like_any_other(project: Any, text: str, code: str, says: str) -> None:
    _say(project, f"    {text}\n")

    faults = project.faults()

    assert [(f.code, f.line) for f in faults] == [(code, 9)]
    assert says in faults[0].message


def test_a_wrong_choice_hides_no_other_fault(project: Any) -> None:
    _say(project, "    optimizer: fedsomething\n    selector: some\n    colour: red\n")
    project.edit(project.stack, "mnist:2/3", "ftp:2/3")

    assert sorted(f.code for f in project.faults()) == ["T004", "T036", "T049", "T049"]


def test_a_quorum_counts_among_those_who_are_selected(project: Any) -> None:
    project.edit(project.stack, "quorum: all", "quorum: 3\n    deadline: 9")
    _say(project, "    selector: {sort: roundRobin, kwargs: {k: 2}}\n")

    faults = project.faults()

    assert [(f.code, f.line) for f in faults if f.severity == "error"] == [("T040", 10)]
    assert "more than the 2 that a round selects" in faults[0].message


def test_who_is_selected_keeps_a_stack_exact(project: Any) -> None:
    _say(project, "    selector: {sort: random, kwargs: {k: 2}}\n")

    assert project.load().warnings == ()


def test_in_a_tree_only_the_root_is_told_and_its_middle_aggregators_are_selected_from(project: Any) -> None:
    project.tag.write_text(TREE)
    _say(project, "    optimizer: fedyogi\n    selector: {sort: random, kwargs: {k: 3}}\n    seed: 7\n")

    runs = {w.spec.worker: w.spec.run for w in project.load().plan.aggregators}

    top = runs.pop("top-default-0")
    assert (top.optimizer.sort, top.selector) == ("fedyogi", Selector(sort="random", kwargs={"k": 3, "seed": 7}))
    assert {(run.optimizer, run.selector.sort) == (Optimizer(), "all") for run in runs.values()} == {True}
    project.edit(project.stack, "k: 3", "k: 4")
    assert [f.code for f in project.faults()] == ["T070"], "replicas of a middle aggregator are one"


@pytest.mark.parametrize(
    ("before", "after", "roles"),
    [
        ("", "    optimizer: fedavg\n    selector: default\n", set()),
        ("    optimizer: fedadam\n", "    optimizer: {sort: fedadam, kwargs: {eta: 0.01}}\n", set()),
        ("", "    optimizer: fedadam\n", {"aggregator"}),
        ("", "    optimizer: fedprox\n", {"trainer"}),
        ("    seed: 1\n", "    seed: 2\n", {"trainer"}),
        (
            "    selector: {sort: random, kwargs: {k: 1}}\n",
            "    selector: {sort: random, kwargs: {k: 2}}\n",
            {"aggregator"},
        ),
    ],
)
def test_a_change_concerns_only_those_who_act_on_it(project: Any, before: str, after: str, roles: set[str]) -> None:
    text = project.stack.read_text()
    specs: list[dict[str, WorkerSpec]] = []
    for said in (before, after):
        project.stack.write_text(text)
        _say(project, said or "    # nothing\n")
        specs.append({w.spec.worker: w.spec for w in project.load().plan.workers})

    changed = {spec.role for name, spec in specs[0].items() if spec != specs[1][name]}

    assert changed == roles


@pytest.mark.parametrize("kind", [Optimizer, Selector])
def test_all_sorts_read_back_what_they_are_filled_with(kind: type[Optimizer] | type[Selector]) -> None:
    for sort, about in kind.sorts.items():
        kwargs = {name: 2 for name, option in about.options.items() if option.default is None}
        whole = kind(sort=sort, kwargs=kwargs).filled(seed=3)
        run = RunSettings(**{kind.__name__.lower(): whole})

        assert not list(problems(kind, sort, whole.kwargs)), "defaults are within their bounds"
        assert set(whole.kwargs) == set(about.options)
        assert RunSettings.model_validate_json(run.model_dump_json(by_alias=True)) == run


def _job(folder: Path, spec: dict[str, Any]) -> Path:
    (folder / "modelSpec.json").write_text(json.dumps(spec, indent=1))
    (folder / "dataSpec.json").write_text('[{"role": "trainer", "datasetGroups": {"eu": ["dataset1"]}}]')
    (folder / "dataset1.json").write_text('{"name": "a", "url": "mnist:1/1"}')
    return folder


def test_a_job_s_optimizer_and_selector_run_where_its_stack_says_none(project: Any) -> None:
    spec = {
        "optimizer": {"sort": "fedadam", "kwargs": {"eta": 0.5}},
        "selector": {"sort": "random", "kwargs": {"k": 1}},
    }
    job = _job(project.root, spec)
    stack = project.root / "Pulumi.x.yaml"
    head = (
        "config:\n  fedtag:federation:\n    tag: stacks/tags/regions.yaml\n    program: programs/mine.py\n    job: .\n"
    )
    stack.write_text(head)

    run = load_stack(stack).plan.aggregators[0].spec.run
    stack.write_text(f"{head}    optimizer: fedavg\n")
    other = load_stack(stack).plan.aggregators[0].spec.run

    assert set(job_choices(load_job(job))) == {"optimizer", "selector"}
    assert run is not None
    assert other is not None
    assert (run.optimizer.sort, run.optimizer.option("eta"), run.selector.sort) == ("fedadam", 0.5, "random")
    assert (other.optimizer.sort, other.selector.sort) == ("fedavg", "random")


@pytest.mark.parametrize(
    ("spec", "subject"),
    [
        ({"selector": {"sort": "oort"}}, "selector"),
        ({"optimizer": {"sort": "feddyn", "kwargs": {"alpha": 0.1}}}, "optimizer"),
        ({"optimizer": {"sort": "fedadam", "kwargs": {"eta": "0.1"}}}, "optimizer"),
        ({"selector": {"sort": "random"}}, "selector"),
    ],
)
def test_a_job_s_choice_that_does_not_run_is_a_fault(project: Any, spec: dict[str, Any], subject: str) -> None:
    job = _job(project.root, spec)
    stack = project.root / "Pulumi.x.yaml"
    stack.write_text(
        "config:\n  fedtag:federation:\n    tag: stacks/tags/regions.yaml\n    program: programs/mine.py\n    job: .\n"
    )
    project_faults = _faults(stack)

    assert [(code, about) for code, about, _ in project_faults] == [("T049", subject)]
    assert project_faults[0][2].endswith("modelSpec.json")
    assert job_choices(load_job(job)) == {}


def _faults(stack: Path) -> list[tuple[str, str, str]]:
    from tag.faults import TagError

    with pytest.raises(TagError) as caught:
        load_stack(stack)
    return [(f.code, f.subject, f.file) for f in caught.value.faults if f.severity == "error"]


def test_flames_names_are_known() -> None:
    """`default` is what its examples call all."""
    assert SELECTORS["default"] == SELECTORS["all"]
