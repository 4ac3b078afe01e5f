"""The `kubernetes:` block: its defaults, its rules, and errors that say what to do."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from tag.kubernetes import Kubernetes
from tag.kubernetes_values import amount
from tag.plan import Limits


def test_a_stack_needs_no_kubernetes_block() -> None:
    settings = Kubernetes()

    assert settings.tls.enabled
    assert settings.node_selector("eu") == {"topology.kubernetes.io/region": "eu"}
    assert settings.node_selector(None) == {}, "a worker without a region runs anywhere"
    assert "@sha256:" in settings.images.broker


def test_numbers_that_pulumi_has_quoted_stay_numbers() -> None:
    settings = Kubernetes.model_validate({"tls": {"rotation": "2"}, "timeout": "60", "production": "false"})

    assert (settings.tls.rotation, settings.timeout, settings.production) == (2, 60, False)


def test_a_share_that_is_given_in_part_keeps_the_rest() -> None:
    share = Kubernetes.model_validate({"resources": {"trainer": {"limits": {"memory": "2Gi"}}}}).resources.trainer

    assert (share.limits.memory, share.limits.cpu, share.requests.memory) == ("2Gi", "2", "768Mi")


def test_a_role_s_own_limits_stand_and_nothing_above_them_is_promised() -> None:
    share = Kubernetes().resources.trainer.within(Limits(memory="512Mi"))

    assert (share.limits.memory, share.limits.cpu) == ("512Mi", "2"), "what the role does not say is the stack's"
    assert (share.requests.memory, share.requests.cpu) == ("512Mi", "500m"), "768Mi would be above the limit"


def test_a_keras_worker_fits_what_its_pod_is_promised() -> None:
    """Its measured peak is 622 MB."""
    assert amount(Kubernetes().resources.trainer.requests.memory) > Decimal(622_000_000)


@pytest.mark.parametrize(
    ("text", "value"), [("250m", "0.25"), ("2", "2"), ("1.5", "1.5"), ("1Ki", "1024"), ("3M", "3000000")]
)
def test_quantities_mean_what_kubernetes_means(text: str, value: str) -> None:
    assert amount(text) == Decimal(value)


@pytest.mark.parametrize(
    ("block", "says"),
    [
        ({"production": True, "tls": {"enabled": False}}, "no open broker; remove it"),
        ({"resources": {"trainer": {"limits": {"memory": "64Mi"}}}}, "above limits.memory '64Mi'; raise the limit"),
        ({"resources": {"trainer": {"limits": {"memory": "1 GB"}}}}, "'1 GB' is no amount"),
        ({"resources": {"broker": {"requests": {"cpu": 0}}}}, "'0' is not above zero"),
        ({"clusters": {"eu": {"context": "eu"}}}, "give brokerAddress: HOST:PORT"),
        ({"home": "eu", "clusters": {"eu": {"context": "eu", "brokerAddress": "b:1"}}}, "name a region of the own"),
        ({"brokerService": {"nodePort": 30883}}, "set type: NodePort"),
        ({"brokerAddress": "mqtts://b:8883"}, "is no HOST or HOST:PORT"),
        ({"labels": {"fedtag/role": "x"}}, "is set by fedtag itself"),
        ({"labels": {"team": "a b"}}, "label value 'a b' breaks"),
        ({"namespace": {"name": "Upper"}}, "name 'Upper' breaks"),
        ({"regions": {"eu": {"nodeSelector": {"-x": "y"}}}}, "breaks Kubernetes' rule"),
        ({"imagesss": {}}, "Extra inputs"),
    ],
)
def test_what_a_cluster_would_refuse_is_refused_before_it(block: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as error:
        Kubernetes.model_validate(block)

    assert says in str(error.value)
