"""Brokers that channels name: objects of their own, in the region and the cluster of their data."""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest
from cryptography import x509

from components.federation import Federation
from components.settings import federation_args
from tag.deployable import DeploymentError, obstacles
from tag.kubernetes import Kubernetes
from tag.load import load_stack
from tests.components.conftest import ROOT, SECRET

REGION = "topology.kubernetes.io/region"
AWAY = {"eu": {"context": "far", "namespace": "fed-eu", "brokerAddress": "broker.example.com:8883"}}
BUILT: list[Any] = []


@pytest.fixture
def engine(deploy: Callable[..., Any], settings: Callable[..., Any]) -> Any:
    """The stack hierarchical, registered once, as no test changes it."""
    if not BUILT:
        BUILT.append(deploy(settings("hierarchical")))
    return BUILT[0]


@pytest.fixture
def tree(tmp_path: Path) -> Callable[..., Path]:
    """A copy of the stack hierarchical, with a text of its TAG replaced."""

    def _tree(old: str, new: str) -> Path:
        stack, tag = Path("stacks/Pulumi.hierarchical.yaml"), Path("stacks/tags/hierarchical.yaml")
        text = (ROOT / tag).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} is not there once, so this change means nothing"
        text = text.replace(old, new)
        (tmp_path / "stacks" / "tags").mkdir(parents=True)
        (tmp_path / tag).write_text(text, encoding="utf-8")
        program = ROOT / "worker" / "programs" / "mnist.py"
        whole = (ROOT / stack).read_text(encoding="utf-8").replace("../worker/programs/mnist.py", str(program))
        (tmp_path / stack).write_text(whole, encoding="utf-8")
        return tmp_path / stack

    return _tree


def _names(engine: Any, broker: str) -> list[str]:
    """The DNS names in a broker's certificate."""
    text = engine.text_of_secret(f"hierarchical-{broker}-tls", "tls.crt").encode()
    found = x509.load_pem_x509_certificate(text).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return found.value.get_values_for_type(x509.DNSName)


def _rules_of(engine: Any, broker: str) -> set[str]:
    return set(re.findall(r"^user (.*)$", engine.text_of_secret(f"hierarchical-{broker}-access", "acl"), re.MULTILINE))


def test_each_broker_and_middle_aggregator_runs_in_its_region(engine: Any) -> None:
    pods = {name.removeprefix("hierarchical-"): pod["spec"]["nodeSelector"] for name, pod in engine.pods().items()}

    for region in ("eu", "us", "asia"):
        for name in (f"broker-{region}", f"middle-aggregator-{region}-0", f"middle-aggregator-{region}-1"):
            assert pods[name] == {REGION: region}, name
    assert pods["broker"] == {}
    assert pods["top-aggregator-default-0"] == {}


def test_a_worker_is_given_the_addresses_of_its_own_brokers_only(engine: Any) -> None:
    def brokers(worker: str) -> list[str]:
        arguments = engine.pods()[f"hierarchical-{worker}"]["spec"]["containers"][0]["args"]
        return [arguments[i + 1] for i, argument in enumerate(arguments) if argument == "--broker"]

    own = "mqtts://hierarchical-broker.hierarchical.svc:8883"
    regional = "broker-eu=mqtts://hierarchical-broker-eu.hierarchical.svc:8883"
    assert brokers("trainer-eu-mnist-1") == [regional]
    assert brokers("middle-aggregator-eu-0") == [own, regional]
    assert brokers("top-aggregator-default-0") == [own]


def test_each_broker_knows_its_own_workers_rules_alone(engine: Any) -> None:
    assert _rules_of(engine, "broker-us") == {
        "operator",
        "middle-aggregator-us-0",
        "middle-aggregator-us-1",
        "trainer-us-mnist-3",
        "trainer-us-mnist-4",
    }
    assert not any(name.startswith("trainer") for name in _rules_of(engine, "broker"))


def test_each_broker_has_a_key_and_a_certificate_of_its_own_name(engine: Any) -> None:
    brokers = ("broker", "broker-asia", "broker-eu", "broker-us")
    keys = {engine.text_of_secret(f"hierarchical-{broker}-tls", "tls.key") for broker in brokers}
    names = {broker: _names(engine, broker) for broker in brokers}

    assert len(keys) == len(brokers)
    for broker in brokers:
        others = {f"hierarchical-{other}" for other in brokers if other != broker}
        assert f"hierarchical-{broker}.hierarchical.svc" in names[broker]
        assert not others & {name.partition(".")[0] for name in names[broker]}, "it could stand in for another"


def test_the_policies_let_workers_and_nobody_else_to_all_brokers(engine: Any) -> None:
    pods = [pod["metadata"]["labels"] for pod in engine.pods().values()]
    named = [labels for labels in pods if "fedtag/broker" in labels]
    policy = engine.objects["NetworkPolicy/hierarchical-channel-brokers"]["spec"]
    egress = engine.objects["NetworkPolicy/hierarchical-workers"]["spec"]["egress"]
    reached = [rule["to"][0]["podSelector"]["matchLabels"].items() for rule in egress if "to" in rule]

    assert len(named) == 3
    assert [labels for labels in pods if policy["podSelector"]["matchLabels"].items() <= labels.items()] == named
    assert policy["ingress"][0]["ports"] == [{"port": 8883, "protocol": "TCP"}]
    assert policy["ingress"][0]["from"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "worker"
    brokers = [labels for labels in pods if labels["app.kubernetes.io/component"] != "worker"]
    assert len(brokers) == 4
    assert all(any(chosen <= labels.items() for chosen in reached) for labels in brokers)


def test_only_the_federations_broker_is_opened_to_the_outside(
    deploy: Callable[..., Any], settings: Callable[..., Any]
) -> None:
    service = {"type": "NodePort", "nodePort": 30883}
    engine = deploy(settings("hierarchical", brokerService=service, brokerAddress="a.example:30883"))
    types = {name: o["spec"]["type"] for name, o in engine.objects.items() if name.startswith("Service/")}

    assert types.pop("Service/hierarchical-broker") == "NodePort"
    assert set(types.values()) == {"ClusterIP"}
    assert "a.example" not in _names(engine, "broker-eu")


def test_without_channels_on_it_there_is_no_federations_broker(
    deploy: Callable[..., Any], tree: Callable[..., Path]
) -> None:
    path = tree("    pair: [middle-aggregator, top", "    broker: global\n    pair: [middle-aggregator, top")

    engine = deploy(federation_args(load_stack(path), SECRET, encrypted=True))
    services = [name for name in engine.objects if name.startswith("Service/")]

    assert services == [f"Service/hierarchical-{name}" for name in ("broker-asia", "broker-eu", "broker-us", "global")]
    assert "NetworkPolicy/hierarchical-broker" not in engine.objects
    for rule in engine.objects["NetworkPolicy/hierarchical-workers"]["spec"]["egress"]:
        assert "to" in rule or {port["port"] for port in rule["ports"]} == {53}, "a worker may not call anybody"


def test_a_broker_lies_in_the_cluster_of_its_region(build: Callable[..., Any], settings: Callable[..., Any]) -> None:
    args = settings("hierarchical", clusters=AWAY)

    def program() -> None:
        providers = {"far": k8s.Provider("kubernetes-far", context="far")}
        own = pulumi.ResourceOptions(provider=k8s.Provider("kubernetes"))
        Federation(args.plan.federation, dataclasses.replace(args, providers=providers), own)

    engine = build(program)
    far = {r.name for r in engine.of_type("Deployment") if "kubernetes-far" in r.provider}
    arguments = engine.pods()["hierarchical-middle-aggregator-eu-0"]["spec"]["containers"][0]["args"]

    assert {"hierarchical-broker-eu", "hierarchical-trainer-eu-mnist-1", "hierarchical-middle-aggregator-eu-0"} <= far
    assert not any("-us" in name or name == "hierarchical-broker" for name in far)
    assert "mqtts://broker.example.com:8883" in arguments
    assert "broker-eu=mqtts://hierarchical-broker-eu.fed-eu.svc:8883" in arguments
    assert "hierarchical-broker-eu.fed-eu.svc" in _names(engine, "broker-eu")


def test_a_worker_in_another_cluster_than_its_broker_is_told_before_anything_is_made() -> None:
    plan = load_stack("hierarchical").plan
    moved = [w.model_copy(update={"region": None}) if "middle" in w.spec.role else w for w in plan.workers]
    unplaced = plan.model_copy(update={"workers": tuple(moved)})

    found = obstacles(unplaced, {}, Kubernetes.model_validate({"clusters": AWAY}))

    assert len(found) == 1, "one of each role"
    assert "broker 'broker-eu'" in found[0]
    assert "'middle-aggregator-eu-0' runs in another" in found[0]
    assert 'placement: {region: "{group}"}' in found[0]
    assert obstacles(plan, {}, Kubernetes.model_validate({"clusters": AWAY})) == ()
    assert obstacles(unplaced, {}, Kubernetes()) == (), "in one cluster all reach all"


@pytest.mark.parametrize("taken", ["broker", "trainer-eu-mnist-1"])
def test_a_broker_can_t_be_called_like_another_object(taken: str, tree: Callable[..., Path]) -> None:
    path = tree("broker: broker-{group}", f"broker: {taken}")

    with pytest.raises(DeploymentError, match=f"broker '{taken}' has the name by which"):
        federation_args(load_stack(path), SECRET, encrypted=True)
