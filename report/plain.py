"""Progress as plain lines, for logs and pipes, and as JSON lines, for programs."""

import sys
import time
from collections.abc import Callable, Mapping
from typing import Protocol, TextIO

from report.text import clean, clock, count, digest, listing, loss, percent, plural, seconds
from tag.roots import NOBODY, Lineage
from worker import events as ev

Print = Callable[[str], None]
_DECADE = 10


class View(Protocol):
    """Where a run's progress goes."""

    def event(self, event: ev.Event) -> None:
        """Take in an event, as it comes."""

    def say(self, line: str) -> None:
        """Show a line for the user."""

    def tick(self) -> None:
        """Time has passed; called several times a second."""


class PlainView:
    """One line for each event that matters, with the time since the start.

    Args:
        write: is given each line.
        now: seconds, of any zero.
        elapsed: seconds for which the run has gone on already.
        lineage: who leads whom; of several experiments, each line begins with its title.
    """

    def __init__(
        self,
        write: Print,
        now: Callable[[], float] = time.monotonic,
        *,
        elapsed: float = 0.0,
        lineage: Lineage = NOBODY,
    ) -> None:
        self._lineage = lineage
        self._write = write
        self._now = now
        self._begun = now() - elapsed

    def event(self, event: ev.Event) -> None:
        """Write the event's line, if it has one."""
        if (line := describe(event, self._lineage)) is not None:
            self.say(line)

    def say(self, line: str) -> None:
        """Write a line."""
        self._write(f"{clock(self._now() - self._begun):>7}  {clean(line)}")

    def tick(self) -> None:
        """Nothing to do: lines stand as they were written."""


class JsonView:
    """Events as JSON lines; what is said to the user goes elsewhere.

    Args:
        write: is given each event's line.
        say: is given each line for the user.
    """

    def __init__(self, write: Print, say: Print) -> None:
        self._write = write
        self._say = say

    def event(self, event: ev.Event) -> None:
        """Write the event."""
        self._write(event.to_json())

    def say(self, line: str) -> None:
        """Hand the line on."""
        self._say(line)

    def tick(self) -> None:
        """Nothing to do: lines stand as they were written."""


def to_stdout(line: str) -> None:
    """Print at once; a letter that the terminal's encoding lacks becomes `?`."""
    _print(line, sys.stdout)


def to_stderr(line: str) -> None:
    """Print at once on the error stream."""
    _print(line, sys.stderr)


def _print(line: str, stream: TextIO) -> None:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(line.encode(encoding, "replace").decode(encoding) + "\n")
    stream.flush()


def describe(event: ev.Event, lineage: Lineage = NOBODY) -> str | None:
    """The event in a line; None if it does not matter to a log.

    Args:
        event: of any kind.
        lineage: who leads whom.
    """
    title, line = lineage.title(event.worker), _line(event, lineage)
    return f"{title}: {line}" if title and line is not None else line


def _line(event: ev.Event, lineage: Lineage) -> str | None:
    match event:
        case ev.Ready():
            samples = f"{count(event.samples)} training samples"
            return f"{event.dataset} is ready in {event.group}: {samples}, data {digest(event.digest)}"
        case ev.Trained():
            what = f"{count(event.samples)} samples in {seconds(event.training)}, loss {loss(event.loss)}"
            return f"round {event.round}: {event.dataset} trained {what}"
        case ev.Leading():
            return f"{event.worker} leads (term {event.term})"
        case ev.Dropped() if _is_round_number(event.count):
            of = f"{plural(event.count, 'message')} of {event.sender}"
            return f"{event.worker} dropped {of} ({event.reason}): {event.detail}"
        case ev.Waiting():
            return waiting(event, lineage)
        case ev.Noted():
            return f"{event.worker}: {event.text}"
        case ev.RoundOpened() | ev.Paired() | ev.PassedOn() | ev.RoundClosed() | ev.Evaluated() | ev.Finished():
            return _of_run(event)
        case _:
            return None


def waiting(event: ev.Waiting, lineage: Lineage = NOBODY) -> str:
    """What the run waits for, where if that is below its root, and why where that says more."""
    who = f"round {event.round}" if event.round else "the run"
    what = f"{who} waits for "
    if not lineage.makes(event.worker):
        office = lineage.office(event.worker)
        what = f"round {event.round}: {office} waits for " if event.round else f"{office} waits for "
    reason = f": {event.reason}" if event.reason and not event.reason.startswith("waits for") else ""
    if reason and not event.missing:
        return f"{who}{reason}"
    return f"{what}{listing(event.missing) or 'its quorum'}{reason}"


def _of_run(
    event: ev.RoundOpened | ev.Paired | ev.PassedOn | ev.RoundClosed | ev.Evaluated | ev.Finished,
) -> str | None:
    match event:
        case ev.Paired():
            pairs = (f"{aggregator} has {listing(names)}" for aggregator, names in sorted(event.followers.items()))
            return f"round {event.round}: {'; '.join(pairs)}" if event.round else None
        case ev.RoundOpened():
            trainers = event.trainers or len(event.selected)
            return f"round {event.round} of {event.rounds} begins with {plural(trainers, 'trainer')}"
        case ev.PassedOn():
            of = _amount(event.participants)
            return f"round {event.round}: {event.name} passes on {of} after {seconds(event.seconds)}"
        case ev.RoundClosed():
            of = _amount(event.participants)
            return f"round {event.round} of {event.rounds} took {seconds(event.seconds)}: {of}"
        case ev.Evaluated():
            what = "the first model" if event.round == 0 else f"round {event.round} of {event.rounds}"
            return f"{what}: accuracy {percent(event.accuracy)}, loss {loss(event.loss)}"
        case ev.Finished():
            return f"finished after {plural(event.rounds, 'round')}: model {digest(event.model)}"


def _amount(participants: Mapping[str, int]) -> str:
    return f"{count(sum(participants.values()))} samples of {plural(len(participants), 'trainer')}"


def _is_round_number(number: int) -> bool:
    """Whether it is 1, 10, 100 …: a flood of bad messages must not become a flood of lines."""
    while number >= _DECADE and number % _DECADE == 0:
        number //= _DECADE
    return number == 1
