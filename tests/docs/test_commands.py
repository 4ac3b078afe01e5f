"""What workflows and documents tell people and machines to run exists, and what they link to is there."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from cli.__main__ import make_parser

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github").rglob("*.yml"))
DOCUMENTS = [ROOT / "README.md", *sorted(ROOT.glob("CONTRIBUTING.md")), *sorted((ROOT / "docs").rglob("*.md"))]
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
VERBS = {
    path.stem.rstrip("_") for path in (ROOT / "cli").glob("*.py") if "def register(" in path.read_text(encoding="utf-8")
}


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _workflow(path: Path) -> dict[str, Any]:
    loaded = YAML(typ="safe").load(path)
    assert isinstance(loaded, dict)
    return loaded


def _steps(workflow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow.get("jobs", {"action": workflow.get("runs")}).values():
        yield from job["steps"]


def _lines(document: Path) -> Iterator[str]:
    """The lines of a document's code blocks that somebody types, and its inline code."""
    text = document.read_text(encoding="utf-8")
    for language, block in re.findall(r"^(?:```|~~~)(\w*)\n(.*?)^(?:```|~~~)", text, re.MULTILINE | re.DOTALL):
        lines = block.splitlines()
        typed = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        yield from typed or (lines if language in ("", "bash", "sh") else [])
    yield from re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)


def _make_targets(line: str) -> list[str]:
    """The targets that a line makes; none where it doesn't call make."""
    match = re.match(r"(?:[A-Z_]+=\S+ )*make ((?:[a-z0-9-]+ ?)+)", line)
    return match[1].split() if match else []


def _fedtag_arguments(line: str) -> list[str] | None:
    """What follows `fedtag` up to a comment, pipe or redirection; None where the line does not call it."""
    match = re.match(r"(?:uv run )?(?:--no-sync )?(?:\.uv/bin/uv run )?fedtag +([a-z].*)", line)
    if match is None:
        return None
    return shlex.split(re.split(r" [#|>&]|;", match[1])[0])


def _parses(arguments: list[str]) -> bool:
    try:
        make_parser([arguments[0]]).parse_args(arguments)
    except (SystemExit, ModuleNotFoundError):
        return False
    return True


@pytest.mark.parametrize("path", WORKFLOWS, ids=_name)
def test_each_step_of_a_workflow_runs_what_exists(path: Path) -> None:
    lines = [line.strip() for step in _steps(_workflow(path)) for line in step.get("run", "").splitlines()]
    assert lines, "a workflow that runs nothing checks nothing"

    for line in lines:
        assert set(_make_targets(line)) <= TARGETS, line
        if (arguments := _fedtag_arguments(line)) is not None:
            assert _parses(arguments), line


@pytest.mark.parametrize("path", WORKFLOWS, ids=_name)
def test_a_workflow_uses_others_code_by_digest_only(path: Path) -> None:
    used = [step["uses"] for step in _steps(_workflow(path)) if "uses" in step]

    assert used
    for name in used:
        local = name.startswith("./") and (ROOT / name / "action.yml").is_file()
        assert local or re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", name), name


@pytest.mark.parametrize("path", sorted((ROOT / ".github" / "workflows").iterdir()), ids=_name)
def test_a_workflow_may_do_no_more_than_it_needs(path: Path) -> None:
    workflow = _workflow(path)

    assert set(workflow["permissions"].values()) <= {"read"}
    for job in workflow["jobs"].values():
        written = {scope for scope, access in job.get("permissions", {}).items() if access == "write"}
        assert written <= {"pull-requests"}, "a comment is the only thing that a workflow writes here"
        assert job["timeout-minutes"] <= 30, "a hanging job must end"
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout"):
                assert step["with"] == {"persist-credentials": False}


def test_an_up_is_never_cut_off_and_forks_get_no_preview() -> None:
    jobs = _workflow(ROOT / ".github" / "workflows" / "deploy.yml")["jobs"]

    assert jobs["up"]["concurrency"]["cancel-in-progress"] is False
    assert "event_name == 'push'" in jobs["up"]["if"]
    assert "head.repo.full_name == github.repository" in jobs["preview"]["if"]


@pytest.mark.parametrize("path", DOCUMENTS, ids=_name)
def test_commands_of_a_document_exist(path: Path) -> None:
    for line in _lines(path):
        assert set(_make_targets(line)) <= TARGETS, line
        arguments = _fedtag_arguments(line)
        if arguments is not None:
            assert _parses(arguments) or (len(arguments) == 1 and arguments[0] in VERBS), line


@pytest.mark.parametrize("path", DOCUMENTS, ids=_name)
def test_links_of_a_document_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        assert found.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}, target


def test_a_command_that_does_not_exist_is_noticed() -> None:
    assert _make_targets("make demonstration") == ["demonstration"]
    assert not set(_make_targets("make demonstration")) <= TARGETS
    assert _fedtag_arguments("uv run fedtag run eu-us-asia --swiftly  # comment") == ["run", "eu-us-asia", "--swiftly"]
    assert not _parses(["run", "eu-us-asia", "--swiftly"])
    assert not _parses(["fly"])
    assert _parses(["run", "eu-us-asia"])
