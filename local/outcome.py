"""What a local run tells while it goes on, and what it came to."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from worker.events import Event

Outcome = Literal["finished", "interrupted", "failed"]


@dataclass(frozen=True)
class Watch:
    """Where a run's progress goes.

    Attributes:
        event: is given each event as it comes.
        say: is given lines for the user.
        tick: is called several times a second.
    """

    event: Callable[[Event], None]
    say: Callable[[str], None]
    tick: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Experiment:
    """What one of several experiments came to.

    Attributes:
        name: of the experiment.
        rounds: that it closed.
        model_sha256: of its last model, or None if no round was closed.
        accuracy: of that model on the test set, if it was evaluated.
    """

    name: str
    rounds: int
    model_sha256: str | None
    accuracy: float | None


@dataclass(frozen=True)
class Result:
    """What a run came to.

    Attributes:
        folder: what is kept of it.
        outcome: how it ended.
        message: why, if it did not finish; in the form of all errors.
        model_sha256: of the last model, or None if no round was closed, or if there are several.
        accuracy: of that model on the test set, if it was evaluated.
        status: exit status: 0 finished, 1 failed, 128 + signal interrupted.
        experiments: where several roots make a model each; else empty.
    """

    folder: Path
    outcome: Outcome
    message: str
    model_sha256: str | None
    accuracy: float | None
    status: int
    experiments: tuple[Experiment, ...] = ()


def describe(result: Result) -> dict[str, Any]:
    """A result as JSON shows it."""
    found: dict[str, Any] = {
        "event": "result",
        "outcome": result.outcome,
        "message": result.message,
        "model": result.model_sha256,
        "accuracy": result.accuracy,
        "folder": str(result.folder),
    }
    if result.experiments:
        found["experiments"] = [
            {"name": e.name, "rounds": e.rounds, "model": e.model_sha256, "accuracy": e.accuracy}
            for e in result.experiments
        ]
    return found
