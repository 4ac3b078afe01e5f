"""A coordinator alone, with a clock of the test's own."""

import pytest
from msgspec.structs import replace

from tag.settings import RunSettings
from worker import events
from worker.protocol import coordinator as machine
from worker.protocol.coordinator import Coordinator
from worker.protocol.messages import Here, State, Term

TERM: Term = (1, "top-default-0")
ROSTER = {"trainers/default": ("a", "b", "c"), "middles/default": ("m-0", "m-1")}
LIMITED = RunSettings(quorum=2, deadline=5.0)


def trainer(name: str, **changes: object) -> machine.HereHeard:
    here = Here("x", name, ready=True, samples=10, group="eu")
    return machine.HereHeard(f"trainer-{name}", replace(here, **changes))


def middle(name: str) -> machine.HereHeard:
    return machine.HereHeard(name, Here("x", name, ready=True, group="eu", leads=True))


def state(number: int, term: Term = TERM, run: int = 1, phase: str = "round") -> machine.StateHeard:
    return machine.StateHeard(State(term, run, number, 3, phase))  # type: ignore[arg-type]


ALL = (trainer("a"), trainer("b"), trainer("c"), middle("m-0"), middle("m-1"))


def after(*heard: machine.Event, now: float = 1.0, settings: RunSettings | None = None) -> Coordinator:
    """A coordinator that has heard all this."""
    found = Coordinator(7, settings or RunSettings(), said_at=float("-inf"))
    for event in (machine.RosterRead(ROSTER), *heard):
        found, _ = machine.step(found, event, now)
    return found


def said(actions: list[machine.Action]) -> list[tuple[int, int]]:
    return [(a.pairing.run, a.pairing.round) for a in actions if isinstance(a, machine.SayPairs)]


def test_a_round_is_paired_once_all_who_are_expected_are_known_and_before_it_is_said_who_is_missing() -> None:
    early, waits = machine.step(after(*ALL[:2], *ALL[3:]), state(0, phase="waiting"), 2.0)
    ready, actions = machine.step(early, trainer("c"), 3.0)

    assert not said(waits), "whoever comes first must not be given everybody"
    assert [a.event.missing for a in waits if isinstance(a, machine.Tell) and isinstance(a.event, events.Waiting)] == [
        ["c"]
    ]
    assert said(actions) == [(1, 0)]
    names = [n for given in ready.pairs["eu"].followers.values() for n in given]
    assert sorted(names) == ["a", "b", "c"]


def test_a_trainer_that_is_not_ready_is_not_known_yet_and_one_that_has_left_still_is() -> None:
    loading = after(*ALL[1:], trainer("a", ready=False, samples=0))
    left = after(*ALL, trainer("a", gone=True))

    assert not said(machine.step(loading, state(1), 2.0)[1]), "its samples decide who gets it"
    assert said(machine.step(left, state(1), 2.0)[1]) == [(1, 1)], "the round waits for it, and its pairs do not change"


def test_each_round_is_paired_anew_and_said_again_every_two_seconds_and_when_the_link_is_back() -> None:
    found, first = machine.step(after(*ALL), state(1), 10.0)
    found, quiet = machine.step(found, machine.Tick(), 11.0)
    found, again = machine.step(found, machine.Tick(), 12.1)
    found, lost = machine.step(found, machine.Up(), 12.2)
    found, second = machine.step(found, state(2), 12.3)

    assert [said(actions) for actions in (first, quiet, again, lost, second)] == [
        [(1, 1)],
        [],
        [(1, 1)],
        [(1, 1)],
        [(1, 2)],
    ]


def test_one_that_forgot_everything_gives_the_same_pairs_whatever_comes_first() -> None:
    one, _ = machine.step(after(*ALL), state(2), 10.0)
    other = after(state(2), *reversed(ALL), now=50.0)

    assert one.pairs
    assert one.pairs == other.pairs


def test_the_last_evaluation_keeps_the_last_pairs_and_an_old_roots_word_counts_for_nothing() -> None:
    found, _ = machine.step(after(*ALL), state(3), 10.0)
    found, evaluation = machine.step(found, state(3, phase="evaluation"), 10.5)
    found, old = machine.step(found, state(1, term=(0, "top-default-1")), 10.6)
    _, newer = machine.step(found, state(0, term=(2, "top-default-1"), phase="waiting"), 10.7)

    assert (said(evaluation), said(old)) == ([], [])
    assert said(newer) == [(1, 0)]


@pytest.mark.parametrize(("now", "paired"), [(4.0, []), (6.5, [(1, 1)])])
def test_with_a_quorum_those_who_are_here_at_the_deadline_are_paired(now: float, paired: list[tuple[int, int]]) -> None:
    waiting = after(trainer("a"), trainer("b"), middle("m-0"), middle("m-1"), state(1), settings=LIMITED)

    found, actions = machine.step(waiting, machine.Tick(), now)

    assert said(actions) == paired
    if paired:
        assert sorted(n for given in found.pairs["eu"].followers.values() for n in given) == ["a", "b"]
