"""A deployed run, followed to its end."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

from remote.session import Session
from report.history import History
from report.plain import View
from worker.errors import InputError, WorkerError
from worker.events import Event, Failed, Finished, RoundOpened

TICK_S = 0.2
SETTLE_S = 3.0
"""Seconds for the leader's beat before the view is shown without it."""
LOST_S = 5.0
"""Seconds after which a state that says how the run ended is believed without its event."""
_TRAILING_S = 2.0
_QUIET_S = 0.3

OpenView = Callable[[float], AbstractContextManager[View]]
"""Makes the view of a run that has gone on for so many seconds."""


@dataclass(frozen=True)
class Ending:
    """What came of a watched run.

    Attributes:
        model: SHA-256 of the final model.
        accuracy: of it on the test set, if it was evaluated.
        rounds: that it took.
    """

    outcome: Literal["finished"]
    model: str | None
    accuracy: float | None
    rounds: int


class Watcher:
    """Follows the run that goes on now.

    Args:
        session: with the federation.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._history = History()
        self._run: int | None = None
        self._ended: float | None = None

    def follow(self, open_view: OpenView) -> Ending:
        """Show the run from its first event on, to its end.

        Raises:
            InputError: the run failed of the user's input.
            WorkerError: the run failed, or does not answer any more.
        """
        self._session.settle(SETTLE_S)
        early = self._session.catch_up()
        self._tune()
        early = [event for event in early if self._is_ours(event)]
        with open_view(_age(early)) as view:
            for event in early:
                self._take(event, view)
            while not self._over():
                self._step(view)
            self._trail(view)
        return self._ending()

    def _step(self, view: View) -> None:
        event = self._session.next(TICK_S)
        self._tune()
        if event is not None and self._is_ours(event):
            self._take(event, view)
        for note in self._session.notes:
            view.say(note)
        self._session.notes.clear()
        view.tick()

    def _take(self, event: Event, view: View) -> None:
        self._history.add(event)
        view.event(event)

    def _tune(self) -> None:
        """Follow the run of the leader that lives; a greater one, should it begin meanwhile."""
        state = self._session.state
        if state is not None and self._session.settled:
            self._run = max(self._run or 0, state.run)

    def _is_ours(self, event: Event) -> bool:
        """Whether it is of this run, or of none."""
        run = getattr(event, "run", None)
        return run is None or self._run is None or run == self._run

    def _over(self) -> bool:
        """Whether the run has ended, as its leader says; its last event is waited for, but not for ever.

        Raises:
            InputError: as `follow`.
            WorkerError: as `follow`.
        """
        state = self._session.state
        if state is None or not self._session.settled or state.phase not in ("finished", "failed"):
            self._ended = None
            return False
        now = time.monotonic()
        self._ended = self._ended if self._ended is not None else now
        run = self._history.run(state.run)
        if state.phase == "failed" and (run.failure is not None or now - self._ended > LOST_S):
            raise _failure(run.failure, state.message)
        return state.phase == "finished" and (run.final is not None or now - self._ended > LOST_S)

    def _trail(self, view: View) -> None:
        """Events that are still under way when the run has ended."""
        end = time.monotonic() + _TRAILING_S
        while time.monotonic() < end and (event := self._session.next(_QUIET_S)) is not None:
            if self._is_ours(event):
                self._take(event, view)

    def _ending(self) -> Ending:
        state = self._session.state
        run = self._history.run(state.run if state is not None else 1)
        model = state.model if state is not None else run.final
        last = run.last
        return Ending("finished", model, last.accuracy if last else None, run.planned)


def _failure(event: Failed | None, message: str) -> WorkerError:
    if event is not None and event.bad_input:
        return InputError(event.message)
    return WorkerError(event.message if event is not None else message)


def _age(events: Sequence[Event]) -> float:
    """Seconds since the run's first round began, or 0; clocks may differ."""
    opened = [event.time for event in events if isinstance(event, RoundOpened)]
    over = [event.time for event in events if isinstance(event, Finished)]
    if not opened:
        return 0.0
    return max(0.0, (max(over) if over else time.time()) - min(opened))
