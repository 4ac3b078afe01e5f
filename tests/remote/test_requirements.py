"""What a cluster lacks for a stack: each lack is one sentence with its remedy, and nothing else is complained of."""

import dataclasses
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from remote.needs.facts import Lack, Machine, Survey, Taint
from remote.needs.requirements import compare
from remote.needs.wanted import Place, places, uses_keras
from tag.deployable import program_texts
from tag.kubernetes import Images, Toleration
from tag.load import load_stack
from tag.stack import FEDERATION

ROOT = Path(__file__).resolve().parents[2]
GIB = Decimal(1024**3)
LABEL = "topology.kubernetes.io/region"
IMAGES = frozenset({Images().trainer, Images().aggregator})

Placed = Callable[..., list[Place]]


def _machine(name: str, **more: Any) -> Machine:
    whole: dict[str, Any] = {"labels": {LABEL: name}, "images": IMAGES, "cpu": Decimal(4), "memory": 8 * GIB} | more
    return Machine(name=name, **whole)


def _survey(*machines: Machine, **more: Any) -> Survey:
    return Survey(
        **{
            "cluster": "a cluster",
            "machines": machines or tuple(map(_machine, ("eu", "us", "asia"))),
            "classes": {"standard": True},
            **more,
        }
    )


@pytest.fixture
def placed(tmp_path: Path) -> Placed:
    """The places of the stack eu-us-asia, with changes to its kubernetes block and its first dataset."""

    def _placed(dataset: dict[str, Any] | None = None, **kubernetes: Any) -> list[Place]:
        yaml = YAML()
        document = yaml.load(ROOT / "stacks" / "Pulumi.eu-us-asia.yaml")
        federation = document["config"][FEDERATION]
        federation["tag"] = str(ROOT / "stacks" / "tags" / "regions.yaml")
        federation["program"] = str(ROOT / "worker" / "programs" / "mnist.py")
        federation["kubernetes"].update(kubernetes)
        federation["datasets"]["eu"][0].update(dataset or {})
        path = tmp_path / "Pulumi.eu-us-asia.yaml"
        yaml.dump(document, path)
        loaded = load_stack(path)
        return places(loaded, program_texts(loaded.plan))

    return _placed


def _lacks(place: Place, survey: Survey) -> list[str]:
    found = compare(place, survey)
    assert all(isinstance(lack, Lack) and "\n" not in str(lack) for lack in found)
    return [str(lack) for lack in found]


def _only(place: Place, survey: Survey) -> str:
    found = _lacks(place, survey)
    assert len(found) == 1, found
    return found[0]


def test_a_cluster_that_has_everything_lacks_nothing(placed: Placed) -> None:
    assert _lacks(placed()[0], _survey()) == []


def test_a_stack_that_is_deployed_already_lacks_nothing(placed: Placed) -> None:
    assert _lacks(placed()[0], _survey(namespace="ours")) == []


def test_a_region_without_a_machine_is_named_with_the_command_that_labels_one(placed: Placed) -> None:
    found = _only(placed()[0], _survey(_machine("eu"), _machine("us")))

    assert found.startswith(f"region 'asia': no machine has the label {LABEL}=asia")
    assert f"kubectl label node NAME {LABEL}=asia" in found


def test_a_taint_is_named_unless_the_region_accepts_it(placed: Placed) -> None:
    taint = Taint(key="pool", value="training", effect="NoSchedule")
    machines = (_machine("eu", taints=(taint,)), _machine("us"), _machine("asia"))
    accepted = {"eu": {"tolerations": [{"key": "pool", "value": "training"}]}}

    assert "taint 'pool'" in _only(placed()[0], _survey(*machines))
    assert _lacks(placed(regions=accepted)[0], _survey(*machines)) == []


@pytest.mark.parametrize(
    ("toleration", "accepts"),
    [
        ({"operator": "Exists"}, True),
        ({"key": "pool", "operator": "Exists"}, True),
        ({"key": "other", "operator": "Exists"}, False),
        ({"key": "pool", "value": "training"}, True),
        ({"key": "pool", "value": "serving"}, False),
        ({"key": "pool", "value": "training", "effect": "NoExecute"}, False),
    ],
)
def test_tolerations_accept_what_kubernetes_says_that_they_do(toleration: dict[str, Any], accepts: bool) -> None:  # noqa: FBT001
    taint = Taint(key="pool", value="training", effect="NoSchedule")

    assert taint.accepted_by(Toleration.model_validate(toleration)) is accepts


def test_a_cordoned_machine_is_none(placed: Placed) -> None:
    survey = _survey(_machine("eu", usable=False), _machine("us"), _machine("asia"))

    assert "not ready or cordoned" in _only(placed()[0], survey)


def test_an_image_of_this_host_must_be_on_every_machine_that_may_run_it(placed: Placed) -> None:
    survey = _survey(_machine("eu"), _machine("us", images=frozenset({Images().aggregator})), _machine("asia"))

    found = _only(placed()[0], survey)
    assert found.startswith(f"image '{Images().trainer}': it is not on 'us'")
    assert "make images" in found


def test_an_image_is_not_missed_where_a_machine_does_not_tell_of_all(placed: Placed) -> None:
    machines = [_machine(name, images=frozenset(), images_known=False) for name in ("eu", "us", "asia")]

    assert _lacks(placed()[0], _survey(*machines)) == []


def test_images_of_a_registry_are_the_registrys_matter(placed: Placed) -> None:
    images = {"trainer": "example.com/trainer:1", "aggregator": "example.com/aggregator:1"}
    machines = [_machine(name, images=frozenset()) for name in ("eu", "us", "asia")]

    assert _lacks(placed(images=images)[0], _survey(*machines)) == []


def test_a_local_image_that_is_always_pulled_can_never_come(placed: Placed) -> None:
    found = _lacks(placed(pullPolicy="Always")[0], _survey())

    assert len(found) == 2
    assert all("set IfNotPresent" in lack for lack in found)


def test_a_storage_class_that_is_not_there_is_named_beside_those_that_are(placed: Placed) -> None:
    found = _only(placed(storage={"className": "fast"})[0], _survey())

    assert found == (
        "storage class 'fast': the cluster has 'standard'; name one of these in kubernetes.storage.className, or leave "
        "it out for the default"
    )


def test_storage_without_a_class_needs_a_default(placed: Placed) -> None:
    assert "none is the default" in _only(placed()[0], _survey(classes={"slow": False}))
    assert _lacks(placed(storage=None)[0], _survey(classes={})) == []


def test_a_strangers_namespace_is_not_taken_over(placed: Placed) -> None:
    assert "create: false" in _only(placed()[0], _survey(namespace="other"))
    assert _lacks(placed(namespace={"name": "shared", "create": False})[0], _survey(namespace="other")) == []


def test_a_namespace_that_is_not_made_must_be_there(placed: Placed) -> None:
    place = placed(namespace={"name": "shared", "create": False})[0]

    assert "kubectl create namespace shared" in _only(place, _survey(namespace="missing"))
    assert "being deleted" in _only(place, _survey(namespace="leaving"))


def test_rights_that_are_missing_are_listed_in_one_line(placed: Placed) -> None:
    found = _only(placed()[0], _survey(denied=("create deployments", "patch deployments", "create namespaces")))

    assert "you may not create, patch deployments; create namespaces" in found


def test_data_on_a_claim_needs_the_claim(placed: Placed) -> None:
    data = {"uri": "npz:/data/eu.npz", "claim": "records"}
    taken = placed(data, namespace={"name": "shared", "create": False})[0]

    assert "volume claim 'records'" in _only(taken, _survey(namespace="other", claims=frozenset({"others"})))
    assert _lacks(taken, _survey(namespace="other", claims=frozenset({"records"}))) == []
    assert "make the namespace and what is in it first" in _only(placed(data)[0], _survey())


def test_pull_secrets_must_be_in_the_namespace(placed: Placed) -> None:
    place = placed(pullSecrets=["registry"], namespace={"name": "shared", "create": False})[0]

    assert "pull secret 'registry'" in _only(place, _survey(namespace="other"))
    assert _lacks(place, _survey(namespace="other", secrets=frozenset({"registry"}))) == []


def test_too_little_room_names_the_pod_and_what_is_free(placed: Placed) -> None:
    survey = _survey(_machine("eu", memory=GIB / 2), _machine("us"), _machine("asia"))

    found = _only(placed()[0], survey)
    assert found.startswith("room for 'trainer-eu-mnist-eu': it asks for 0.5 cpu and 768Mi")
    assert "the most is 4 cpu and 512Mi on 'eu'" in found
    assert "kubernetes.resources.trainer.requests" in found


def test_room_is_shared_out_and_not_counted_twice(placed: Placed) -> None:
    """The machine holds all but one of the three trainers."""
    machine = _machine("all", memory=2 * GIB)
    place = placed(nodeLabel=None)[0]

    assert _only(place, _survey(machine)).startswith("room for 'trainer-us-mnist-us'")
    assert _lacks(place, _survey(dataclasses.replace(machine, memory=4 * GIB))) == []


def test_a_limit_under_what_keras_takes_is_told_before_the_kernel_does(placed: Placed) -> None:
    small = {"trainer": {"requests": {"memory": "64Mi"}, "limits": {"memory": "64Mi"}}}

    found = _only(placed(resources=small)[0], _survey())
    assert "OOMKilled" in found
    assert "kubernetes.resources.trainer.limits.memory" in found


def test_a_quota_that_is_too_small_is_told_with_what_is_left(placed: Placed) -> None:
    place = placed(namespace={"name": "shared", "create": False})[0]

    found = _only(place, _survey(namespace="other", quotas={"team/pods": Decimal(5), "team/requests.cpu": Decimal(20)}))
    assert found.startswith("quota 'team': pods needs 6, and 5 is left in namespace 'shared'")


def test_what_may_not_be_read_is_not_complained_of(placed: Placed) -> None:
    survey = _survey(machines=None, classes=None, namespace=None, claims=None, secrets=None)

    assert _lacks(placed()[0], survey) == []


def test_a_region_in_another_cluster_is_asked_for_there_only(placed: Placed) -> None:
    away = {"asia": {"context": "far", "namespace": "there", "brokerAddress": "broker.example.com:8883"}}
    home, far = placed(clusters=away)

    assert (home.context, far.context, far.namespace) == (None, "far", "there")
    assert [pod.name for pod in far.pods] == ["trainer-asia-mnist-asia"]
    assert _lacks(home, _survey(_machine("eu"), _machine("us"))) == []
    assert _lacks(far, _survey(_machine("asia"))) == []


def test_each_broker_is_counted_in_the_region_of_its_data() -> None:
    loaded = load_stack("hierarchical")
    (home,) = places(loaded, program_texts(loaded.plan))
    brokers = {pod.name: (pod.region, pod.image) for pod in home.pods if pod.role == "broker"}

    image = Images().broker
    assert brokers == {"broker": (None, image)} | {f"broker-{r}": (r, image) for r in ("asia", "eu", "us")}
    (lack,) = _lacks(home, _survey(*map(_machine, ("eu", "us"))))[:1]
    assert lack.startswith("region 'asia'")


@pytest.mark.parametrize(
    ("program", "uses"),
    [
        ("import keras", True),
        ("def build_model(data):\n    from tensorflow import nn", True),
        ("import numpy as np\n# import keras", False),
        ("this is no Python", False),
    ],
)
def test_a_program_that_uses_keras_is_known_by_its_imports(program: str, uses: bool) -> None:  # noqa: FBT001
    assert uses_keras(program) is uses
