"""A stack's outputs, as the real CLI prints them, and what it prints where there are none."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from cli.__main__ import main
from remote.outputs import Deployed, Operator, complaint
from tag.load import load_stack
from worker.errors import InputError

# Printed by Pulumi 3.259 for the stack `dev`, its keys shortened.
OUTPUTS: dict[str, Any] = {
    "brokerAddress": "dev-broker.fedtag-dev.svc:8883",
    "federation": "dev",
    "namespace": "fedtag-dev",
    "operator": {
        "ca": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        "certificate": "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n",
        "key": "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n",
    },
    "service": "dev-broker",
    "tag": {"role aggregator": "1: aggregator-all-0", "run": "run 1, 2 rounds", "tag": "Two trainers: 3 workers"},
    "workers": {"*": ["aggregator-all-0"], "a": ["trainer-a-mnist-a"], "b": ["trainer-b-mnist-b"]},
}
UNSET = "passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE environment variables"
WRONG = "incorrect passphrase, please set PULUMI_CONFIG_PASSPHRASE to the correct passphrase or set"
COMPLAINTS = {
    "error: no stack named 'nope' found": "see 'pulumi stack ls', or deploy it with 'pulumi up --stack dev'",
    f"error: constructing secrets manager: {UNSET}": "which is missing; set PULUMI_CONFIG_PASSPHRASE or",
    f"error: failed to decrypt: {WRONG}": "the passphrase is not that of stack 'dev'",
    "error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions": "'pulumi login --local'",
    'error: unable to open state directory "file:///x": stat /x: no such file or directory': "set PULUMI_BACKEND_URL",
    "error: something new": "(something new); try 'pulumi stack output --stack dev'",
    "": "it gave no reason",
}


def test_outputs_are_read_and_the_key_never_shows() -> None:
    deployed = Deployed.parse(json.dumps(OUTPUTS), "dev")

    assert (deployed.federation, deployed.namespace, deployed.service) == ("dev", "fedtag-dev", "dev-broker")
    assert deployed.context is None, "Pulumi leaves out what is null"
    assert deployed.operator is not None
    assert deployed.operator.key.startswith("-----BEGIN PRIVATE KEY-----")
    assert "MC4C" not in repr(deployed)


def test_an_open_broker_has_no_operator() -> None:
    assert Deployed.parse(json.dumps(OUTPUTS | {"operator": {}}, indent=2), "dev").operator is None


@pytest.mark.parametrize("text", ["{}\n", ""])
def test_a_stack_that_is_not_deployed_is_told_with_the_command(text: str) -> None:
    with pytest.raises(InputError, match="not deployed: it has no outputs; deploy it with 'pulumi up --stack dev'"):
        Deployed.parse(text, "dev")


@pytest.mark.parametrize("wrong", [{"federation": "x"}, OUTPUTS | {"operator": {"key": "PRIVATE"}}])
def test_outputs_of_another_program_are_bad_input_and_are_not_shown(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="are not those of fedtag") as caught:
        Deployed.parse(json.dumps(wrong), "dev")

    assert "PRIVATE" not in str(caught.value)


@pytest.mark.parametrize(("said", "remedy"), COMPLAINTS.items())
def test_what_pulumi_complains_of_becomes_a_line_with_a_remedy(said: str, remedy: str) -> None:
    error = complaint(f"{said}\n", "dev")

    assert remedy in str(error)
    assert "\n" not in str(error)


def test_other_workers_than_are_deployed_are_noticed() -> None:
    loaded = load_stack("dev")
    deployed = Deployed.parse(json.dumps(OUTPUTS), "dev")
    fewer = OUTPUTS | {"workers": {"a": ["trainer-a-mnist-a"]}}

    assert deployed.differs(loaded) == ""
    assert "it has 3 workers, 1 are deployed" in Deployed.parse(json.dumps(fewer), "dev").differs(loaded)


def test_the_identitys_files_are_for_this_user_only(tmp_path: Path) -> None:
    Operator(ca="a", certificate="b", key="c").write(tmp_path)

    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"ca.crt": "a", "tls.crt": "b", "tls.key": "c"}
    assert {stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()} == {0o600}


def _pulumi(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A program of that name, alone on PATH."""
    program = folder / "pulumi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


@pytest.mark.parametrize("verb", ["watch", "result"])
def test_without_pulumi_it_is_bad_input(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert main([verb, "dev"]) == 2
    assert capsys.readouterr().err.startswith("error: pulumi is not on PATH")


@pytest.mark.parametrize("verb", ["watch", "result"])
def test_a_stack_that_pulumi_does_not_know_is_bad_input(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _pulumi(tmp_path, monkeypatch, "echo \"error: no stack named 'dev' found\" >&2; exit 6")

    assert main([verb, "dev"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: Pulumi has no stack 'dev'")
    assert said.count("\n") == 1


def test_a_cluster_that_is_not_there_fails_soon_with_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _pulumi(tmp_path, monkeypatch, f"printf %s '{json.dumps(OUTPUTS)}'")
    user = {"name": "x", "user": {}}
    cluster = {"name": "x", "cluster": {"server": "https://127.0.0.1:9"}}
    context = {"name": "x", "context": {"cluster": "x", "user": "x"}}
    config = {"clusters": [cluster], "contexts": [context], "users": [user], "current-context": "x"}
    (tmp_path / "config").write_text(json.dumps(config))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))

    assert main(["watch", "dev"]) == 1
    said = capsys.readouterr().err
    assert "error: the cluster https://127.0.0.1:9 (context current) does not answer" in said
    assert "kubectl get nodes" in said
    assert "Traceback" not in said


def test_a_context_that_the_kubeconfig_lacks_is_bad_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _pulumi(tmp_path, monkeypatch, f"printf %s '{json.dumps(OUTPUTS | {'context': 'kind-x'})}'")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))

    assert main(["result", "dev"]) == 2
    assert "the kubeconfig has not context 'kind-x'" in capsys.readouterr().err
