"""A region in another cluster: its own namespace and connection, and the broker's outer address."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest
from cryptography import x509

from components.federation import Federation

ASIA = {"context": "asia", "namespace": "fed-asia", "brokerAddress": "broker.example.com:30883"}


@pytest.fixture
def away(build: Callable[..., Any], settings: Callable[..., Any]) -> Callable[..., Any]:
    """The engine after eu-us-asia was registered with regions in other clusters."""

    def _away(clusters: dict[str, dict[str, Any]], **kubernetes: Any) -> Any:
        args = settings("eu-us-asia", clusters=clusters, **kubernetes)

        def program() -> None:
            contexts = {cluster["context"] for cluster in clusters.values()}
            providers = {context: k8s.Provider(f"kubernetes-{context}", context=context) for context in contexts}
            own = pulumi.ResourceOptions(provider=k8s.Provider("kubernetes"))
            Federation(args.plan.federation, dataclasses.replace(args, providers=providers), own)

        return build(program)

    return _away


def _providers(engine: Any) -> dict[str, str]:
    """The name of the provider of each Kubernetes object, by the object's name for Pulumi."""
    objects = [r for r in engine.registered if r.typ.startswith("kubernetes:")]
    return {f"{r.typ.rpartition(':')[2]}/{r.name}": r.provider.rpartition("::")[0].rpartition("::")[2] for r in objects}


def test_the_objects_of_a_region_elsewhere_go_to_its_cluster_and_all_others_stay(away: Callable[..., Any]) -> None:
    engine = away({"asia": ASIA})

    there = {name for name, provider in _providers(engine).items() if provider == "kubernetes-asia"}

    assert there == {
        "Namespace/fed-asia-asia",
        "NetworkPolicy/eu-us-asia-default-deny-asia",
        "NetworkPolicy/eu-us-asia-workers-asia",
        "ConfigMap/eu-us-asia-trainer-asia-mnist-asia-config",
        "Secret/eu-us-asia-trainer-asia-mnist-asia-tls",
        "Deployment/eu-us-asia-trainer-asia-mnist-asia",
    }
    assert {r.inputs["metadata"]["namespace"] for r in engine.of_type("Deployment")} == {"eu-us-asia", "fed-asia"}


def test_a_region_elsewhere_reaches_the_broker_from_outside_under_a_name_of_its_certificate(
    away: Callable[..., Any],
) -> None:
    engine = away({"asia": ASIA}, brokerService={"type": "NodePort", "nodePort": 30883})

    pods = engine.pods()
    arguments = pods["eu-us-asia-trainer-asia-mnist-asia"]["spec"]["containers"][0]["args"]
    leaf = x509.load_pem_x509_certificate(engine.text_of_secret("eu-us-asia-broker-tls", "tls.crt").encode())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert "mqtts://broker.example.com:30883" in arguments
    assert "broker.example.com" in names.get_values_for_type(x509.DNSName)
    assert engine.objects["Service/eu-us-asia-broker"]["spec"]["ports"][0]["nodePort"] == 30883


def test_the_broker_lets_in_connections_from_outside_only_where_its_service_does(away: Callable[..., Any]) -> None:
    inside = away({}).objects["NetworkPolicy/eu-us-asia-broker"]["spec"]["ingress"][0]
    outside = away({"asia": ASIA}, brokerService={"type": "LoadBalancer"})
    rule = outside.objects["NetworkPolicy/eu-us-asia-broker"]["spec"]["ingress"][0]

    assert "from" in inside
    assert "from" not in rule
    assert rule["ports"] == [{"port": 8883, "protocol": "TCP"}]


def test_workers_elsewhere_may_call_the_brokers_outer_port_and_name_servers_only(away: Callable[..., Any]) -> None:
    engine = away({"asia": ASIA})
    policy = next(r for r in engine.registered if r.name == "eu-us-asia-workers-asia")

    ports = [port["port"] for rule in policy.inputs["spec"]["egress"] for port in rule["ports"]]

    assert ports == [30883, 53, 53]


def test_two_regions_in_one_namespace_elsewhere_share_it(away: Callable[..., Any]) -> None:
    engine = away({"asia": ASIA, "us": ASIA})

    namespaces = [r.inputs["metadata"]["name"] for r in engine.of_type("Namespace")]

    assert sorted(namespaces) == ["eu-us-asia", "fed-asia"]


def test_a_namespace_that_is_taken_is_not_made(deploy: Callable[..., Any], settings: Callable[..., Any]) -> None:
    engine = deploy(settings("eu-us-asia", namespace={"name": "given", "create": False}))

    assert engine.of_type("Namespace") == []
    assert {inputs["metadata"]["namespace"] for inputs in engine.objects.values()} == {"given"}
