"""Events on the wire and in files."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker import events

NUMBERS = st.one_of(st.none(), st.integers(0, 10**9), st.floats(0, 1e6))


@pytest.mark.parametrize("kind", sorted(events.Event.kinds))
def test_an_event_of_any_kind_comes_over_the_wire_as_it_goes_into_the_file(kind: str) -> None:
    event = replace(events.Event.kinds[kind](), time=1.5, worker="trainer-eu-a")

    assert events.read_event(event.to_wire(), "trainer-eu-a") == events.read_event(event.to_json()) == event


@given(done=st.floats(0, 1), loss=NUMBERS, sent=st.integers(0), phase=st.text())
def test_the_wire_drops_only_what_the_reader_fills_in(done: float, loss: float | None, sent: int, phase: str) -> None:
    event = events.Progress(time=2.25, worker="w", dataset="d", phase=phase, done=done, loss=loss, sent=sent)

    assert events.read_event(event.to_wire(), "w") == event
    assert len(event.to_wire()) < len(event.to_json())


def test_a_sender_can_t_tell_in_the_name_of_another() -> None:
    line = '{"time":1,"worker":"aggregator-all-0","event":"leading","term":3}'

    told = events.read_event(line, "trainer-eu-a")

    assert told is not None
    assert {f.name for f in fields(told)} >= {"worker"}
    assert told.worker == "trainer-eu-a"
