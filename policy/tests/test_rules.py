"""Each rule: what keeps it, what breaks it, and what it leaves alone."""

import copy
from typing import Any

import pytest

import rules

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
CONFIG = "kubernetes:core/v1:ConfigMap"
SERVICE = "kubernetes:core/v1:Service"
DIGEST = "@sha256:" + "0" * 64
CLOSED = """listener 8883
certfile c
keyfile k
require_certificate true
allow_anonymous false
"""


def _deployment(production: str = "false", **container: Any) -> dict[str, Any]:
    whole = {
        "name": "worker",
        "image": "registry.example.com/worker:1" + DIGEST,
        "args": ["--broker", "mqtts://broker:8883"],
        "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
        "securityContext": {"runAsNonRoot": True, "allowPrivilegeEscalation": False},
    }
    pod = {"metadata": {"labels": {}}, "spec": {"containers": [whole | container]}}
    return {"metadata": {"labels": {"fedtag/production": production}}, "spec": {"template": pod}}


def _config(text: str, production: str = "true") -> dict[str, Any]:
    return {"metadata": {"labels": {"fedtag/production": production}}, "data": {"mosquitto.conf": text}}


def _resident(**spec: Any) -> dict[str, Any]:
    value = _deployment()
    value["spec"]["template"]["metadata"]["labels"] = {"fedtag/residency": "eu"}
    value["spec"]["template"]["spec"] |= spec
    return value


def _affinity(*terms: list[dict[str, Any]]) -> dict[str, Any]:
    selector = {"nodeSelectorTerms": [{"matchExpressions": term} for term in terms]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": selector}}


IN_EU = {"key": rules.REGION_LABEL, "operator": "In", "values": ["eu"]}


@pytest.mark.parametrize("given", [{}, {"limits": {}}, {"limits": {"cpu": "1"}}, {"limits": {"memory": "1Gi"}}])
def test_a_container_without_a_limit_is_a_breach(given: dict[str, Any]) -> None:
    assert list(rules.limits(DEPLOYMENT, _deployment(resources=given)))


def test_containers_that_only_start_a_pod_are_looked_at_too() -> None:
    value = _deployment()
    value["spec"]["template"]["spec"]["initContainers"] = [{"name": "prepare"}]

    assert "'prepare'" in next(rules.limits(DEPLOYMENT, value))
    assert "'prepare'" in next(rules.no_root(DEPLOYMENT, value))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"runAsNonRoot": False, "allowPrivilegeEscalation": False},
        {"runAsNonRoot": True},
        {"runAsNonRoot": True, "allowPrivilegeEscalation": True},
        {"runAsNonRoot": True, "allowPrivilegeEscalation": False, "privileged": True},
        {"runAsNonRoot": True, "allowPrivilegeEscalation": False, "runAsUser": 0},
    ],
)
def test_a_container_that_may_be_root_is_a_breach(given: dict[str, Any]) -> None:
    assert list(rules.no_root(DEPLOYMENT, _deployment(securityContext=given)))


def test_a_pod_may_say_for_its_containers_that_they_are_not_root_but_not_against_them() -> None:
    value = _deployment(securityContext={"allowPrivilegeEscalation": False})
    value["spec"]["template"]["spec"]["securityContext"] = {"runAsNonRoot": True}
    against = copy.deepcopy(value)
    against["spec"]["template"]["spec"]["containers"][0]["securityContext"]["runAsNonRoot"] = False

    assert not list(rules.no_root(DEPLOYMENT, value))
    assert list(rules.no_root(DEPLOYMENT, against))


@pytest.mark.parametrize("kind", ["apps/v1:StatefulSet", "batch/v1:Job", "apps/v1:DaemonSet"])
def test_other_workloads_are_looked_at_too(kind: str) -> None:
    assert list(rules.limits(f"kubernetes:{kind}", _deployment(resources={})))


def test_a_cron_jobs_and_a_bare_pods_containers_are_found() -> None:
    template = _deployment(resources={})["spec"]["template"]

    assert list(rules.limits("kubernetes:core/v1:Pod", template))
    assert list(
        rules.limits("kubernetes:batch/v1:CronJob", {"spec": {"jobTemplate": {"spec": {"template": template}}}})
    )


@pytest.mark.parametrize(
    "text",
    [
        CLOSED.replace("allow_anonymous false", "allow_anonymous true"),
        CLOSED.replace("allow_anonymous false", ""),
        CLOSED + "allow_anonymous true\n",
        CLOSED.replace("require_certificate true", "require_certificate false"),
        CLOSED.replace("require_certificate true\n", ""),
        CLOSED.replace("certfile c\n", ""),
        CLOSED + "listener 1883\n",
        "allow_anonymous false\n",
    ],
)
def test_an_open_broker_is_a_breach_in_production_only(text: str) -> None:
    assert list(rules.closed_broker(CONFIG, _config(text)))
    assert not list(rules.closed_broker(CONFIG, _config(text, production="false")))


def test_a_closed_broker_is_none() -> None:
    assert not list(rules.closed_broker(CONFIG, _config(CLOSED)))


def test_a_service_or_a_worker_in_clear_is_a_breach_in_production() -> None:
    service = {"metadata": {"labels": {"fedtag/production": "true"}}, "spec": {"ports": [{"port": 1883}]}}

    assert list(rules.closed_broker(SERVICE, service))
    for url in ("mqtt://broker:1883", "regional=mqtt://regional:1883"):
        assert list(rules.closed_broker(DEPLOYMENT, _deployment("true", args=["--broker", url]))), url
    assert not list(rules.closed_broker(DEPLOYMENT, _deployment("true")))


@pytest.mark.parametrize("image", ["worker", "worker:latest", "worker:1", "worker:1@sha256:abc"])
def test_an_image_without_a_digest_is_a_breach_in_production_only(image: str) -> None:
    assert list(rules.pinned_images(DEPLOYMENT, _deployment("true", image=image)))
    assert not list(rules.pinned_images(DEPLOYMENT, _deployment(image=image)))
    assert not list(rules.pinned_images(DEPLOYMENT, _deployment("true")))


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"nodeSelector": {rules.REGION_LABEL: "us"}},
        {"nodeSelector": {"pool": "eu"}},
        {"affinity": _affinity([IN_EU], [{"key": "pool", "operator": "Exists"}])},
        {"affinity": _affinity([IN_EU | {"values": ["eu", "us"]}])},
        {"affinity": _affinity([IN_EU | {"operator": "NotIn"}])},
    ],
)
def test_resident_data_that_may_leave_its_region_is_a_breach(spec: dict[str, Any]) -> None:
    assert list(rules.residency(DEPLOYMENT, _resident(**spec)))


@pytest.mark.parametrize("spec", [{"nodeSelector": {rules.REGION_LABEL: "eu"}}, {"affinity": _affinity([IN_EU])}])
def test_resident_data_that_stays_is_none(spec: dict[str, Any]) -> None:
    assert not list(rules.residency(DEPLOYMENT, _resident(**spec)))


def test_another_label_can_name_the_region() -> None:
    value = _resident(nodeSelector={"example.com/land": "eu"})

    assert list(rules.residency(DEPLOYMENT, value))
    assert not list(rules.residency(DEPLOYMENT, value, "example.com/land"))


def test_what_is_no_workload_is_left_alone() -> None:
    for rule in (rules.limits, rules.no_root, rules.closed_broker, rules.pinned_images, rules.residency):
        assert not list(rule("aws:s3/bucket:Bucket", {"spec": {"containers": [{}]}}))
        assert not list(rule(CONFIG, {"metadata": {}, "data": None}))
