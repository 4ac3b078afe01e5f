"""The pack as Pulumi runs it: a process that answers over gRPC."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

PACK = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def analyzer() -> Iterator[Any]:
    """A connection to the running pack."""
    process = subprocess.Popen([sys.executable, "-u", "__main__.py"], cwd=PACK, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield analyzer_pb2_grpc.AnalyzerStub(channel)
    finally:
        process.terminate()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


def _analyze(analyzer: Any, kind: str, properties: dict[str, Any]) -> dict[str, str]:
    struct = struct_pb2.Struct()
    struct.update(properties)
    request = analyzer_pb2.AnalyzeRequest(type=kind, properties=struct, urn="urn:pulumi:s::p::t::n", name="n")
    return {found.policyName: found.message for found in analyzer.Analyze(request, timeout=20).diagnostics}


def test_every_policy_stops_an_update_and_says_what_it_is_for(analyzer: Any) -> None:
    info = analyzer.GetAnalyzerInfo(empty_pb2.Empty(), timeout=20)

    assert [policy.name for policy in info.policies] == [
        "limits",
        "no-root",
        "closed-broker",
        "pinned-images",
        "residency",
    ]
    assert all(policy.description for policy in info.policies)
    assert {policy.enforcementLevel for policy in info.policies} == {analyzer_pb2.MANDATORY}


def test_a_breach_reaches_the_user_with_its_remedy(analyzer: Any) -> None:
    pod = {"metadata": {"labels": {"fedtag/residency": "eu"}}, "spec": {"containers": [{"name": "x", "image": "y"}]}}
    found = _analyze(
        analyzer,
        "kubernetes:apps/v1:Deployment",
        {"metadata": {"labels": {"fedtag/production": "true"}}, "spec": {"template": pod}},
    )

    assert set(found) == {"limits", "no-root", "pinned-images", "residency"}
    assert "give resources.limits" in found["limits"]


def test_an_object_without_pods_passes(analyzer: Any) -> None:
    assert _analyze(analyzer, "kubernetes:core/v1:Service", {"metadata": {}, "spec": {"ports": [{"port": 8883}]}}) == {}
