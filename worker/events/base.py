"""What all events have in common, and how they are written and read."""

import json
import re
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of all events.

    Attributes:
        time: Unix seconds at the worker.
        worker: id of the worker that saw it.
    """

    kinds: ClassVar[dict[str, type["Event"]]] = {}
    time: float = 0.0
    worker: str = ""

    def __init_subclass__(cls) -> None:
        """Register the kind."""
        Event.kinds[cls.kind()] = cls

    @classmethod
    @cache
    def kind(cls) -> str:
        """The kind's name in JSON: `RoundClosed` is `round_closed`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    def to_json(self) -> str:
        """One line of JSON."""
        head = {"time": round(self.time, 6), "worker": self.worker, "event": self.kind()}
        body = {k: v for k, v in vars(self).items() if k not in head}
        return json.dumps(head | body, separators=(",", ":"))

    def to_wire(self) -> str:
        """The same in fewer bytes: without what the topic says, and without what `read_event` fills in."""
        body = {f.name: value for f in fields(self) if (value := getattr(self, f.name)) != f.default}
        body |= {"time": round(self.time, 6), "event": self.kind()}
        body.pop("worker", None)
        return json.dumps(body, separators=(",", ":"))


def read_event(text: str | bytes, worker: str = "") -> Event | None:
    """The event in a line of JSON; None if it is of no known kind.

    Args:
        text: the line.
        worker: who sent it, where the line came over the wire; what the line says is not believed then.
    """
    try:
        data: dict[str, Any] = json.loads(text)
        kind = Event.kinds.get(data.pop("event", ""))
        if kind is None:
            return None
        known = {f.name for f in fields(kind)}
        if worker:
            data["worker"] = worker
        return kind(**{k: v for k, v in data.items() if k in known})
    except (ValueError, TypeError, AttributeError):
        return None
