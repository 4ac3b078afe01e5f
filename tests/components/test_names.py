"""Names and labels that Kubernetes takes, and that stay different."""

import re

from hypothesis import given
from hypothesis import strategies as st

from components.names import digest8, label_value, labels, object_name, selector

NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
texts = st.text(min_size=1, max_size=90)


@given(texts, texts)
def test_every_text_becomes_a_name_with_room_for_a_suffix(federation: str, part: str) -> None:
    name = object_name(federation, part)

    assert NAME.fullmatch(name), name
    assert len(f"{name}-{digest8(name)}") <= 63


@given(texts)
def test_every_text_becomes_a_label(text: str) -> None:
    value = label_value(text)

    assert LABEL.fullmatch(value), value
    assert len(value) <= 63


@given(st.sets(texts, min_size=2, max_size=2))
def test_two_texts_stay_two_names(pair: set[str]) -> None:
    a, b = sorted(pair)

    assert object_name("f", a) != object_name("f", b)
    assert label_value(a) != label_value(b)


def test_a_short_valid_name_stays_as_it_is() -> None:
    assert object_name("eu-us-asia", "trainer-eu-mnist-eu") == "eu-us-asia-trainer-eu-mnist-eu"


def test_the_group_of_all_has_a_label_of_its_own() -> None:
    assert label_value("*") == "every-group", "an asterisk is no label"


def test_a_users_labels_never_replace_those_that_select_pods() -> None:
    chosen = labels("f", "broker", production=False, extra={"app.kubernetes.io/instance": "other", "team": "x"})

    assert selector("f", "broker").items() <= chosen.items()
    assert chosen["team"] == "x"
