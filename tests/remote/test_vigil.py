"""When a deployed federation is given up, and when a leader's state is believed."""

import pytest

from remote.vigil import AGAIN_S, SILENCE_S, TIMES, Vigil
from worker.errors import WorkerError
from worker.protocol.messages import State

ROOT = "aggregator-all"


def _state(term: int = 1) -> State:
    return State(term=(term, "aggregator-all-0"), run=1, round=1, rounds=2, phase="round")


def _look(vigil: Vigil, now: float, *, connected: bool = True, state: State | None = None) -> str:
    states = {} if state is None else {ROOT: state}
    return vigil.look(now, connected=connected, states=states, why="no pod is ready")


def test_a_state_is_believed_when_it_is_heard_again_and_not_from_the_brokers_memory() -> None:
    """Each group has its retained state; they come at once, whether or not their leader lives."""
    vigil = Vigil("here", 0.0, [ROOT])
    for step in range(3):
        _look(vigil, 0.01 * step, state=_state())
    assert vigil.settled == {}

    _look(vigil, 0.52, state=_state())
    assert vigil.settled == {ROOT: (1, "aggregator-all-0")}

    _look(vigil, 0.6, state=_state(2))
    assert vigil.settled == {ROOT: (1, "aggregator-all-0")}, "the new leader has spoken once"
    _look(vigil, 1.1, state=_state(2))
    assert vigil.settled == {ROOT: (2, "aggregator-all-0")}


def test_a_state_that_is_only_remembered_is_no_beat() -> None:
    vigil = Vigil("here", 0.0, [ROOT])
    state = _state()
    for second in range(int(SILENCE_S)):
        _look(vigil, second, state=state)

    with pytest.raises(WorkerError, match="no aggregator has led the run for 180 s; see 'kubectl --namespace here"):
        _look(vigil, SILENCE_S + 1, state=state)


def test_a_gap_is_told_with_its_length() -> None:
    vigil = Vigil("here", 0.0, [ROOT])
    assert _look(vigil, 1.0, state=_state()) == ""
    assert vigil.gap is None, "the first connection has no gap; what was told before it is read anyway"

    broke = _look(vigil, 10.0, connected=False, state=_state())
    again = _look(vigil, 25.0, state=_state())

    assert broke == "the connection to the broker broke; connecting again"
    assert again == "connected again"
    assert vigil.gap == 15.0


def test_a_broker_that_does_not_come_back_is_given_up() -> None:
    vigil = Vigil("here", 0.0, [ROOT])
    _look(vigil, 1.0, state=_state())
    _look(vigil, 10.0, connected=False)
    _look(vigil, 10.0 + AGAIN_S, connected=False)

    with pytest.raises(WorkerError, match="does not answer any more, for 180 s: no pod is ready"):
        _look(vigil, 10.1 + AGAIN_S, connected=False)


@pytest.mark.parametrize(("seconds", "thrown_out"), [(2.0, True), (20.0, False)])
def test_two_readers_that_push_each_other_out_are_told_so(*, seconds: float, thrown_out: bool) -> None:
    vigil = Vigil("here", 0.0, [ROOT])

    def come_and_go() -> None:
        for turn in range(TIMES):
            _look(vigil, turn * seconds, state=_state())
            _look(vigil, turn * seconds + 1, connected=False, state=_state())

    if thrown_out:
        with pytest.raises(WorkerError, match="one reader at a time: end the other 'fedtag watch'"):
            come_and_go()
    else:
        come_and_go()


def test_each_of_several_roots_must_beat() -> None:
    vigil = Vigil("here", 0.0, ["aggregator-eu", "aggregator-us"])
    for second in range(int(SILENCE_S) + 1):
        vigil.look(second, connected=True, states={"aggregator-eu": _state()}, why="")

    assert vigil.settled == {"aggregator-eu": (1, "aggregator-all-0")}
    with pytest.raises(WorkerError, match="nobody of aggregator-us has led the run for 180 s"):
        vigil.look(SILENCE_S + 1, connected=True, states={"aggregator-eu": _state()}, why="")
