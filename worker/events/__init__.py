"""What workers tell the operator: the vocabulary of `events.jsonl`, of the live view and of the report.

An event is one JSON object: `time` (Unix seconds), `worker` (its id), `event` (its kind, the class name in snake case)
and the fields of its class. Readers ignore fields and kinds that they do not know.
"""

from worker.events.base import Event, read_event
from worker.events.leaders import (
    Evaluated,
    Failed,
    Finished,
    Leading,
    PassedOn,
    RoundClosed,
    RoundOpened,
    UpdateCounted,
    Validated,
    Waiting,
)
from worker.events.trainers import Progress, Ready, Trained, Uploaded
from worker.events.workers import Dropped, Moved, Noted, Paired

__all__ = [
    "Dropped",
    "Evaluated",
    "Event",
    "Failed",
    "Finished",
    "Leading",
    "Moved",
    "Noted",
    "Paired",
    "PassedOn",
    "Progress",
    "Ready",
    "RoundClosed",
    "RoundOpened",
    "Trained",
    "UpdateCounted",
    "Uploaded",
    "Validated",
    "Waiting",
    "read_event",
]
