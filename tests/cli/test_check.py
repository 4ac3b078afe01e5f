"""`fedtag check STACK --cluster`: exit 0 with all there, 1 if a cluster lacks something, 2 if the stack is at fault."""

import json
import socket
from pathlib import Path

import pytest

from cli.__main__ import main
from remote.needs import requirements
from remote.needs.facts import Lack
from tag.load import Loaded

TAG = str(Path(__file__).resolve().parents[2] / "stacks" / "tags" / "regions.yaml")
DATA = """
config:
  fedtag:federation:
    tag: {tag}
    program: {program}
    datasets:
      eu: [{{name: a, uri: "npz:{path}"}}]
      us: [{{name: b, uri: "program:1"}}]
      asia: [{{name: c, uri: "program:2"}}]
"""


@pytest.fixture
def unreachable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kubeconfig whose API server is a port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    path = tmp_path / "kubeconfig"
    path.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n"
        f'clusters: [{{name: a, cluster: {{server: "http://127.0.0.1:{port}"}}}}]\nusers: [{{name: a, user: {{}}}}]\n'
    )
    monkeypatch.setenv("KUBECONFIG", str(path))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))


@pytest.fixture
def local_only(tmp_path: Path) -> Path:
    """A stack whose data is a file of this machine."""
    (tmp_path / "eu.npz").touch()
    program = tmp_path / "program.py"
    program.write_text("def build_model(data): ...\ndef load_data(dataset): ...\n")
    stack = tmp_path / "Pulumi.here.yaml"
    stack.write_text(DATA.format(tag=TAG, program=program, path=tmp_path / "eu.npz"))
    return stack


@pytest.mark.usefixtures("unreachable")
def test_an_unreachable_cluster_is_one_line_and_exit_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "dev", "--cluster"]) == 1

    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert len(lines) == 2
    assert "does not answer" in lines[0]
    assert "kubectl get nodes" in lines[0]
    assert lines[1] == "1 thing is missing; 'pulumi up' would fail"


@pytest.mark.usefixtures("unreachable")
def test_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "dev", "--cluster", "--json"]) == 1

    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is False
    assert [lack["subject"] for lack in said["cluster"]] == ["cluster"]


@pytest.mark.parametrize(("lacks", "status"), [([], 0), ([Lack("region 'eu'", "no machine")], 1)])
def test_what_the_cluster_lacks_decides(
    lacks: list[Lack], status: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(loaded: Loaded) -> list[Lack]:
        assert loaded.name == "eu-us-asia"
        return lacks

    monkeypatch.setattr(requirements, "lacking", lacking)

    assert main(["check", "eu-us-asia", "--cluster", "--json"]) == status
    assert len(json.loads(capsys.readouterr().out)["cluster"]) == len(lacks)


def test_a_tag_has_no_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", TAG, "--cluster"]) == 2
    assert "name a stack" in capsys.readouterr().err


@pytest.mark.usefixtures("unreachable")
def test_a_stack_that_can_not_be_deployed_is_bad_input(local_only: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(local_only)]) == 0, "it can be run here"
    capsys.readouterr()

    assert main(["check", str(local_only), "--cluster"]) == 2
    assert "claim: NAME" in capsys.readouterr().err


def test_a_local_run_warns_of_what_would_not_deploy(
    local_only: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("local.run.run", stop)

    assert main(["run", str(local_only), "--runs", str(tmp_path / "runs")]) == 130
    said = capsys.readouterr().err
    assert "warning: this stack runs here only, and 'pulumi up' would refuse it: dataset 'a'" in said


def test_check_says_which_optimizer_and_selector_run_with_all_of_their_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(__file__).parents[2]
    text = (root / "stacks" / "Pulumi.dev.yaml").read_text().replace("tags/", f"{root}/stacks/tags/")
    text = text.replace("../worker", f"{root}/worker")
    head, mark, rest = text.partition("    rounds:")
    said = "    optimizer: fedavgm\n    selector: {sort: random, kwargs: {k: 1, seed: 4}}\n"
    stack = tmp_path / "Pulumi.x.yaml"
    stack.write_text(f"{head}{said}{mark}{rest}")

    status = main(["check", str(stack)])
    out = capsys.readouterr().out

    assert status == 0
    assert "  optimizer   fedavgm (eta 1, beta 0.9)\n  selector    random (k 1, seed 4)\n" in out
