"""The import directions, walked by ast: __main__ → components → tag ← worker; local, remote → tag, worker, report."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "tag": {"tag"},
    "worker": {"tag", "worker"},
    "components": {"tag", "components"},
    "report": {"tag", "worker", "report"},
    "local": {"tag", "worker", "report", "local"},
    "remote": {"tag", "worker", "report", "remote"},
    "cli": {"tag", "worker", "local", "remote", "report", "cli"},
}
FORBIDDEN = {
    "tag": {"pulumi", "pulumi_kubernetes", "keras", "tensorflow", "paho"},
    "worker": {"pulumi", "pulumi_kubernetes", "kubernetes"},
    "local": {"pulumi", "pulumi_kubernetes"},
    "remote": {"pulumi", "pulumi_kubernetes", "keras", "tensorflow", "paho"},
    "report": {"pulumi", "keras", "tensorflow"},
    "cli": {"pulumi", "pulumi_kubernetes"},
    "components": {"keras", "tensorflow", "paho"},
}


def imported(path: Path) -> Iterator[str]:
    """The top-level packages that a file imports, also inside its functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_a_package_imports_only_what_the_design_lets_it(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    breaches = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in imported(path)
        if (name in ALLOWED and name not in ALLOWED[package]) or name in FORBIDDEN[package]
    }

    assert files, "a package without files would pass whatever it did"
    assert not breaches


def test_the_aggregator_needs_neither_the_training_nor_the_infrastructure_libraries() -> None:
    """Its image has the core dependencies only."""
    training = {"compute", "train", "telling"}
    core = [
        path
        for folder in ("worker/protocol", "worker/roles")
        for path in (ROOT / folder).glob("*.py")
        if path.stem not in training
    ]
    core += [
        ROOT / "worker" / f"{name}.py"
        for name in ("address", "channel", "links", "transport", "wire", "staging", "sums", "tensors")
    ]
    heavy = {"keras", "tensorflow", "sklearn", "rich", "matplotlib"}

    assert not {f"{path.name} imports {name}" for path in core for name in imported(path) if name in heavy}
