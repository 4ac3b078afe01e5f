"""The broker's rules and configuration as text."""

import pytest

from components import access
from tag import limits
from tag.load import load_stack
from tag.plan import Plan


@pytest.fixture
def plan() -> Plan:
    return load_stack("eu-us-asia").plan


def test_a_thousand_trainers_have_rules_that_fit_a_secret(plan: Plan) -> None:
    """A Secret holds 1 MiB; the broker reads the rules again at each change."""
    worker = plan.trainers[0]
    many = tuple(
        worker.model_copy(update={"spec": worker.spec.model_copy(update={"worker": f"trainer-eu-hospital-{n:04}"})})
        for n in range(1000)
    )

    rules = access.access_list(plan.model_copy(update={"workers": plan.aggregators + many}))

    assert rules.count("\nuser ") == 1000 + len(plan.aggregators) + 1
    assert len(rules) < 512 * 1024


def test_packets_stay_under_what_mosquitto_2_1_lets_through() -> None:
    """It drops packets over 2 MB by default; ours are bounded anyway, by the protocol and in the configuration."""
    lines = access.configuration(encrypted=True).splitlines()

    assert f"max_packet_size {limits.MAX_PACKET_BYTES}" in lines
    assert limits.MAX_PACKET_BYTES < 2_000_000


def test_an_open_broker_has_no_identities_and_no_secrets() -> None:
    text = access.configuration(encrypted=False)

    assert "allow_anonymous true" in text
    assert "acl_file" not in text
    assert "8883" not in text
