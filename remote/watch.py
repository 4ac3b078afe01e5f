"""A deployed run, followed to its end."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

from remote.session import Session
from report.histories import Histories
from report.plain import View
from report.rounds import Run
from tag.plan import Plan
from tag.roots import Root, lineage
from worker.errors import InputError, WorkerError
from worker.events import Event, Failed, Finished, RoundOpened
from worker.protocol.messages import State

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
    """What came of a watched run, or of one of its experiments.

    Attributes:
        model: SHA-256 of the final model; None of several.
        accuracy: of it on the test set, if it was evaluated.
        rounds: that it took.
        title: of the experiment.
        experiments: each of several.
    """

    outcome: Literal["finished"]
    model: str | None
    accuracy: float | None
    rounds: int
    title: str = ""
    experiments: tuple["Ending", ...] = ()


class Watcher:
    """Follows the run that goes on now, or the run of each experiment.

    Args:
        session: with the federation.
        plan: of it.
    """

    def __init__(self, session: Session, plan: Plan) -> None:
        self._session = session
        self._lineage = lineage(plan)
        self._histories = Histories(self._lineage)
        self._runs: dict[str, int] = {}
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
        self._histories.add(event)
        view.event(event)

    def _tune(self) -> None:
        """Follow the runs of the leaders that live; greater ones, should they begin meanwhile."""
        for root in self._session.roots:
            if (state := self._session.states.get(root.name)) is not None:
                self._runs[self._title(root)] = max(self._runs.get(self._title(root), 0), state.run)

    def _title(self, root: Root) -> str:
        return root.title if self._histories.several else ""

    def _is_ours(self, event: Event) -> bool:
        """Whether it is of its experiment's present run, or of none."""
        run, ours = getattr(event, "run", None), self._runs.get(self._lineage.title(event.worker))
        return run is None or ours is None or run == ours

    def _over(self) -> bool:
        """Whether all runs have ended, as their leaders say, or one failed; last events are waited for, not for ever.

        Raises:
            InputError: as `follow`.
            WorkerError: as `follow`.
        """
        states = self._session.states
        failed = next((root for root in self._session.roots if _phase(states, root) == "failed"), None)
        if failed is None and any(_phase(states, root) != "finished" for root in self._session.roots):
            self._ended = None
            return False
        now = time.monotonic()
        self._ended = self._ended if self._ended is not None else now
        late = now - self._ended > LOST_S
        if failed is not None:
            failure = self._run_of(failed).failure
            if failure is not None or late:
                raise _failure(failure, states[failed.name].message, self._title(failed))
            return False
        return late or all(self._run_of(root).final is not None for root in self._session.roots)

    def _run_of(self, root: Root) -> Run:
        state = self._session.states.get(root.name)
        return self._histories.by_title[self._title(root)].run(state.run if state is not None else 1)

    def _trail(self, view: View) -> None:
        """Events that are still under way when the run has ended."""
        end = time.monotonic() + _TRAILING_S
        while time.monotonic() < end and (event := self._session.next(_QUIET_S)) is not None:
            if self._is_ours(event):
                self._take(event, view)

    def _ending(self) -> Ending:
        found = tuple(self._ending_of(root) for root in self._session.roots)
        if not self._histories.several:
            return found[0]
        return Ending("finished", None, None, max(one.rounds for one in found), experiments=found)

    def _ending_of(self, root: Root) -> Ending:
        state, run = self._session.states.get(root.name), self._run_of(root)
        model = state.model if state is not None else run.final
        return Ending("finished", model, run.last.accuracy if run.last else None, run.planned, self._title(root))


def _phase(states: Mapping[str, State], root: Root) -> str | None:
    state = states.get(root.name)
    return state.phase if state is not None else None


def _failure(event: Failed | None, message: str, title: str) -> WorkerError:
    text = event.message if event is not None else message
    text = f"experiment {title!r}: {text}" if title else text
    return InputError(text) if event is not None and event.bad_input else WorkerError(text)


def _age(events: Sequence[Event]) -> float:
    """Seconds since the run's first round began, or 0; clocks may differ."""
    opened = [event.time for event in events if isinstance(event, RoundOpened)]
    over = [event.time for event in events if isinstance(event, Finished)]
    if not opened:
        return 0.0
    return max(0.0, (max(over) if over else time.time()) - min(opened))
