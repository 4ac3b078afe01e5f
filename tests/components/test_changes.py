"""Which objects each change of a stack touches: the table of docs, row by row."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

ASIA = "        - name: mnist-asia\n          uri: mnist:3/3\n"
AFRICA = "      africa:\n        - name: mnist-africa\n          uri: program:own\n"
ROSTER = "ConfigMap/eu-us-asia-roster"
ACCESS = "Secret/eu-us-asia-broker-access"

Changed = Callable[..., set[str]]


@pytest.fixture
def changed(deploy: Callable[..., Any], settings: Callable[..., Any], variant: Callable[..., Any]) -> Changed:
    """The objects that differ between the stack and a variant of it, without the digests in their names."""

    def _changed(
        stack: Mapping[str, str] | None = None, tag: Mapping[str, str] | None = None, **kubernetes: Any
    ) -> set[str]:
        before = deploy(settings(variant())).objects
        after = deploy(settings(variant(stack, tag), **kubernetes)).objects
        differ = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
        return {re.sub(r"-[0-9a-f]{8}$", "", name) for name in differ}

    return _changed


def _worker(worker: str) -> set[str]:
    """A worker's objects that a change of its spec touches: a new ConfigMap, and its Deployment."""
    return {f"ConfigMap/eu-us-asia-{worker}", f"Deployment/eu-us-asia-{worker}"}


def _all_of(worker: str) -> set[str]:
    return _worker(worker) | {f"Secret/eu-us-asia-{worker}-tls"}


def test_an_unchanged_stack_changes_nothing(changed: Changed) -> None:
    assert changed() == set()


def test_more_rounds_touch_only_aggregators(changed: Changed) -> None:
    assert changed({"rounds: 5": "rounds: 6"}) == _worker("aggregator-all-0") | _worker("aggregator-all-1")


def test_one_regions_epochs_touch_only_its_trainer(changed: Changed) -> None:
    more = {"uri: mnist:1/3": "uri: mnist:1/3\n          epochs: 2"}

    assert changed(more) == _worker("trainer-eu-mnist-eu")


def test_a_new_region_touches_the_access_rules_the_roster_and_its_own_objects(changed: Changed) -> None:
    found = changed({ASIA: ASIA + AFRICA}, {"[eu, us, asia]": "[eu, us, asia, africa]"})

    assert found == {ACCESS, ROSTER} | _all_of("trainer-africa-mnist-africa")


def test_a_region_that_leaves_touches_the_access_rules_the_roster_and_its_own_objects(changed: Changed) -> None:
    found = changed({f"      asia:\n{ASIA}": ""}, {"[eu, us, asia]": "[eu, us]"})

    assert found == {ACCESS, ROSTER} | _all_of("trainer-asia-mnist-asia")


def test_a_second_replica_touches_the_access_rules_and_its_own_objects(changed: Changed) -> None:
    """The row `replicas 1 → 2`, read from right to left."""
    found = changed(tag={"replica: 2": "replica: 1"})

    budget = "PodDisruptionBudget/eu-us-asia-aggregator-every-group"
    claim = "PersistentVolumeClaim/eu-us-asia-aggregator-all-1-state"
    assert found == {ACCESS, budget, claim} | _all_of("aggregator-all-1")


def test_a_new_trainer_image_touches_only_trainers(changed: Changed) -> None:
    trainers = {f"Deployment/eu-us-asia-trainer-{region}-mnist-{region}" for region in ("eu", "us", "asia")}

    assert changed(images={"trainer": "localhost/other:1"}) == trainers


def test_a_rotation_touches_every_certificate_and_every_pod(changed: Changed) -> None:
    workers = ["aggregator-all-0", "aggregator-all-1", *(f"trainer-{r}-mnist-{r}" for r in ("eu", "us", "asia"))]
    pods = {f"Deployment/eu-us-asia-{name}" for name in [*workers, "broker"]}
    certificates = {f"Secret/eu-us-asia-{name}-tls" for name in [*workers, "broker"]}

    assert changed(tls={"rotation": 2}) == pods | certificates


def test_another_order_or_description_touches_nothing(changed: Changed) -> None:
    assert changed(tag={"[eu, us, asia]": "[asia, eu, us]"}) == set()
    assert changed(tag={"Averages the regions' models.": "Joins what the regions learnt."}) == set()
