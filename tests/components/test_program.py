"""`__main__.py`: what a stack exports, and how it ends when the user made a mistake."""

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import set_all_config

from components.settings import federation_args
from tag.deployable import PROGRAM_BYTES, DeploymentError, obstacles
from tag.load import load_stack

ROOT = Path(__file__).resolve().parents[2]
SECRET = "9f1c5a3e7b2d4860a1c3e5f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b"  # noqa: S105  of tests only


@pytest.fixture
def run(build: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Any, dict[str, Any]]]:
    """Runs the program for a stack; gives the engine and what was exported."""

    def _run(stack: str, secret: str | None = SECRET, *, encrypted: bool = True) -> tuple[Any, dict[str, Any]]:
        exported: dict[str, Any] = {}
        monkeypatch.setattr(pulumi, "get_stack", lambda: stack)
        monkeypatch.setattr(pulumi, "export", exported.__setitem__)
        config = {} if secret is None else {"fedtag:secret": secret}

        def program() -> None:
            set_all_config(config, ["fedtag:secret"] if encrypted else [])
            runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")

        return build(program), exported

    return _run


def test_a_stack_exports_what_watch_and_result_need(run: Callable[..., Any]) -> None:
    _, exported = run("eu-us-asia")

    assert set(exported) == {
        "federation",
        "context",
        "namespace",
        "service",
        "brokerAddress",
        "brokers",
        "workers",
        "tag",
        "operator",
    }
    assert exported["federation"] == "eu-us-asia"


@pytest.mark.parametrize(
    ("stack", "secret", "encrypted", "says"),
    [
        ("eu-us-asia", None, True, "pulumi config set --secret fedtag:secret"),
        ("eu-us-asia", SECRET, False, "in clear"),
        ("no-such-stack", SECRET, True, "no-such-stack"),
    ],
)
def test_a_users_mistake_ends_in_an_error_without_a_traceback(
    run: Callable[..., Any], stack: str, secret: str | None, *, encrypted: bool, says: str
) -> None:
    """Pulumi prints a RunError as it is, and anything else with a traceback."""
    with pytest.raises(pulumi.RunError, match=says):
        run(stack, secret, encrypted=encrypted)


def test_the_program_is_short_and_has_no_logic_of_its_own() -> None:
    assert len((ROOT / "__main__.py").read_text(encoding="utf-8").splitlines()) <= 40


def test_a_file_of_this_machine_can_t_be_deployed_and_the_error_says_how_it_can(
    variant: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "x.npz").touch()
    path = variant({"uri: mnist:1/3": f"uri: npz:{tmp_path}/x.npz"})

    with pytest.raises(DeploymentError) as error:
        federation_args(load_stack(path), SECRET, encrypted=True)

    assert "claim: NAME" in str(error.value)
    assert "npz:/data/x.npz" in str(error.value)


def test_data_of_a_claim_must_lie_where_the_claim_is_mounted() -> None:
    plan = load_stack("eu-us-asia").plan
    worker = plan.trainers[0]

    def found(uri: str) -> tuple[str, ...]:
        dataset = (worker.spec.dataset or pytest.fail("a trainer has a dataset")).model_copy(update={"uri": uri})
        spec = worker.spec.model_copy(update={"dataset": dataset})
        changed = worker.model_copy(update={"spec": spec, "claim": "scans"})
        return obstacles(plan.model_copy(update={"workers": (changed,)}), {})

    assert found("npz:/data/a.npz#1/2") == ()
    assert "mounted at /data" in found("npz:/elsewhere/a.npz")[0]


def test_a_program_larger_than_a_configmap_is_refused_before_anything_is_made() -> None:
    plan = load_stack("eu-us-asia").plan

    assert obstacles(plan, {"p.py": "x" * PROGRAM_BYTES}) == ()
    assert str(PROGRAM_BYTES) in obstacles(plan, {"p.py": "x" * (PROGRAM_BYTES + 1)})[0]
