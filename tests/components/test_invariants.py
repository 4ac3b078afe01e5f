"""What must hold of every object of every stack."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components.pki import SecretError
from components.settings import federation_args
from tag.load import load_stack

STACKS = ["eu-us-asia", "dev", "medmnist", "digits", "hierarchical", "coordinated"]
SECRET = "9f1c5a3e7b2d4860a1c3e5f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b"  # noqa: S105  of tests only


BUILT: dict[str, Any] = {}
"""The engine of each stack: registered once, as no test changes it."""


@pytest.fixture(params=STACKS)
def engine(request: pytest.FixtureRequest, deploy: Callable[..., Any], settings: Callable[..., Any]) -> Any:
    if request.param not in BUILT:
        BUILT[request.param] = deploy(settings(request.param))
    return BUILT[request.param]


def _containers(engine: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, pod in engine.pods().items():
        for container in [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]:
            yield f"{name}/{container['name']}", container


def _matches(chosen: dict[str, str], labels: dict[str, str]) -> bool:
    return chosen.items() <= labels.items()


def test_every_container_has_requests_and_limits(engine: Any) -> None:
    for name, container in _containers(engine):
        for kind in ("requests", "limits"):
            assert set(container["resources"][kind]) == {"cpu", "memory"}, name


def test_every_worker_and_the_broker_are_probed_at_start_for_readiness_and_for_life(engine: Any) -> None:
    probed = [c for name, c in _containers(engine) if name.rpartition("/")[2] in {"worker", "broker"}]

    assert len(probed) == len(engine.pods())
    for container in probed:
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert {"httpGet", "exec"} & set(container[probe])


def test_no_container_has_root_rights_or_a_writable_root(engine: Any) -> None:
    for name, container in _containers(engine):
        security = container["securityContext"]
        assert security["runAsNonRoot"], name
        assert security["readOnlyRootFilesystem"], name
        assert not security["allowPrivilegeEscalation"], name
        assert security["capabilities"] == {"drop": ["ALL"]}, name
    for name, pod in engine.pods().items():
        assert pod["spec"]["securityContext"]["runAsUser"] > 0, name
        assert pod["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["spec"]["automountServiceAccountToken"] is False, name


def test_workers_compute_as_local_runs_do(engine: Any) -> None:
    for name, container in _containers(engine):
        if name.endswith("/worker"):
            environment = {entry["name"]: entry["value"] for entry in container["env"]}
            assert environment["PYTHONHASHSEED"] == "0", name
            assert environment["OMP_NUM_THREADS"] == "1", name


def test_each_deployment_and_the_service_select_exactly_one_pod(engine: Any) -> None:
    pods = {name: pod["metadata"]["labels"] for name, pod in engine.pods().items()}
    for name, inputs in engine.objects.items():
        kind, _, own = name.partition("/")
        if kind == "Deployment":
            chosen = inputs["spec"]["selector"]["matchLabels"]
            assert [pod for pod, labels in pods.items() if _matches(chosen, labels)] == [own]
        if kind == "Service":
            found = [pod for pod, labels in pods.items() if _matches(inputs["spec"]["selector"], labels)]
            assert found == [own], "a Service that chose workers too would break half of all connections"


def test_two_federations_in_one_namespace_select_nothing_of_each_other(
    deploy: Callable[..., Any], settings: Callable[..., Any]
) -> None:
    namespace = {"namespace": {"name": "shared", "create": False}}
    one, two = (deploy(settings(stack, **namespace)) for stack in ("eu-us-asia", "dev"))

    strangers = [pod["metadata"]["labels"] for pod in two.pods().values()]
    for inputs in one.objects.values():
        spec = inputs.get("spec", {})
        chosen = spec.get("podSelector") or spec.get("selector") or {}
        chosen = chosen.get("matchLabels", chosen)
        assert not chosen or not any(_matches(chosen, labels) for labels in strangers), inputs["metadata"]["name"]
    assert not set(one.objects) & set(two.objects)


def test_names_fit_and_are_said_once(engine: Any) -> None:
    names = [name.partition("/")[2] for name in engine.objects]

    assert all(len(name) <= 63 for name in names)
    resources = [(resource.typ, resource.name) for resource in engine.registered]
    assert len(resources) == len(set(resources))


def test_long_names_of_federation_and_dataset_still_fit(
    deploy: Callable[..., Any], settings: Callable[..., Any], variant: Callable[..., Any]
) -> None:
    name, dataset = "a-federation-with-a-very-long-name-for-its-purpose", "mnist-of-all-the-european-hospitals-together"
    path = variant({"    tag: tags": f"    name: {name}\n    tag: tags", "name: mnist-eu": f"name: {dataset}"})

    found = deploy(settings(path)).objects

    assert max(len(key.partition("/")[2]) for key in found) <= 63
    labels = [inputs["metadata"]["labels"] for inputs in found.values()]
    assert max(len(value) for each in labels for value in each.values()) <= 63


def test_what_is_secret_stands_in_secrets_only(engine: Any) -> None:
    keys = [
        line
        for secret in engine.of_type("Secret")
        for text in next(iter(v for k, v in secret.inputs["stringData"].items() if k == "value")).values()
        for line in text.splitlines()
        if "PRIVATE KEY" in text and len(line) > 40 and "-----" not in line and "CERTIFICATE" not in text
    ]
    assert len(keys) == len(engine.pods()), "every pod has one key"

    for name, inputs in engine.objects.items():
        text = json.dumps(inputs)
        if not name.startswith("Secret/"):
            assert SECRET not in text, name
            assert not any(key in text for key in keys), name
            assert "PRIVATE KEY" not in text, name


def test_every_secret_is_marked_so_that_neither_preview_nor_state_shows_it(engine: Any) -> None:
    for secret in engine.of_type("Secret"):
        name = secret.inputs["metadata"]["name"]
        for key in secret.inputs["stringData"]["value"]:
            assert engine.text_of_secret(name, key)


def test_every_worker_waits_for_its_brokers(engine: Any) -> None:
    made = {r.inputs["metadata"]["name"]: i for i, r in enumerate(engine.registered) if r.typ.endswith(":Deployment")}
    for name, container in _containers(engine):
        if not name.endswith("/worker"):
            continue
        worker = name.rpartition("/")[0]
        brokers = [host for host in made if any(f"//{host}." in argument for argument in container["args"])]

        assert brokers, worker
        assert max(made[broker] for broker in brokers) < made[worker], worker


def test_an_open_broker_has_no_certificates_and_says_so_in_the_url(
    deploy: Callable[..., Any], settings: Callable[..., Any]
) -> None:
    engine = deploy(settings("eu-us-asia", tls={"enabled": False}))

    assert engine.of_type("Secret") == []
    arguments = [container["args"] for name, container in _containers(engine) if name.endswith("/worker")]
    assert all("mqtt://eu-us-asia-broker.eu-us-asia.svc:1883" in line for line in arguments)


def test_a_region_runs_where_its_settings_say(deploy: Callable[..., Any], settings: Callable[..., Any]) -> None:
    taint = {"key": "pool", "operator": "Equal", "value": "training", "effect": "NoSchedule"}
    regions = {"eu": {"nodeSelector": {"pool": "training"}, "tolerations": [taint]}}
    pods = deploy(settings("eu-us-asia", regions=regions, home="us")).pods()

    eu = pods["eu-us-asia-trainer-eu-mnist-eu"]["spec"]
    assert eu["nodeSelector"] == {"pool": "training"}
    assert taint in eu["tolerations"]
    assert pods["eu-us-asia-broker"]["spec"]["nodeSelector"] == {"topology.kubernetes.io/region": "us"}


def test_a_missing_secret_is_an_error_with_its_remedy() -> None:
    with pytest.raises(SecretError, match="pulumi config set --secret fedtag:secret"):
        federation_args(load_stack("eu-us-asia"), None, encrypted=False)


def test_storage_gives_each_aggregator_a_claim_of_its_own(
    deploy: Callable[..., Any], settings: Callable[..., Any]
) -> None:
    engine = deploy(settings("eu-us-asia", storage={"className": "standard", "size": "2Gi"}))

    claims = {claim.inputs["metadata"]["name"] for claim in engine.of_type("PersistentVolumeClaim")}
    used = {
        volume["persistentVolumeClaim"]["claimName"]
        for pod in engine.pods().values()
        for volume in pod["spec"]["volumes"]
        if "persistentVolumeClaim" in volume
    }
    assert claims == used
    assert len(claims) == 2


def test_the_limits_of_a_role_are_those_of_its_pods_and_no_other_s(
    deploy: Callable[..., Any], settings: Callable[..., Any], variant: Callable[..., Path]
) -> None:
    path = variant()
    tag = path.parent / "tags" / "regions.yaml"
    text = tag.read_text(encoding="utf-8")
    edited = text.replace("isDataConsumer: true", "isDataConsumer: true\n    resources: {memory: 3Gi}")
    assert edited != text
    tag.write_text(edited, encoding="utf-8")

    engine = deploy(settings(path))

    limits = {name: c["resources"]["limits"]["memory"] for name, c in _containers(engine) if name.endswith("/worker")}
    assert {limit for name, limit in limits.items() if "trainer" in name} == {"3Gi"}
    assert {limit for name, limit in limits.items() if "aggregator" in name} == {"768Mi"}
