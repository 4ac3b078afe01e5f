"""Payload bytes of a run, as its workers told them: of each worker, each channel, and each region's link.

A run has one publication of each model that a round made, so that its bytes are those of `fedtag estimate`, times its
rounds: who trains builds the first model itself, and the last model goes down once more, to be evaluated.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tag.estimate.brokers import planned_places
from tag.estimate.links import links
from tag.estimate.traffic import Flow
from tag.plan import Plan
from worker.events import Event, Moved, Uploaded


@dataclass
class Bytes:
    """Payload bytes sent and received."""

    sent: int = 0
    received: int = 0

    def add(self, sent: int, received: int) -> None:
        """Add some."""
        self.sent += max(0, sent)
        self.received += max(0, received)

    def told(self) -> dict[str, int]:
        """As JSON."""
        return {"sent": self.sent, "received": self.received}


@dataclass(frozen=True)
class Traffic:
    """What was moved in a run.

    Attributes:
        workers: by worker and channel.
        up: out of each region, by its name.
        down: into it.
    """

    workers: dict[str, dict[str, Bytes]] = field(default_factory=dict)
    up: dict[str, int] = field(default_factory=dict)
    down: dict[str, int] = field(default_factory=dict)

    @property
    def channels(self) -> dict[str, Bytes]:
        """All workers' on each channel: sent is what its broker took in, received what it gave out."""
        found: dict[str, Bytes] = defaultdict(Bytes)
        for own in self.workers.values():
            for name, moved in own.items():
                found[name].add(moved.sent, moved.received)
        return dict(sorted(found.items()))

    def of(self, worker: str) -> Bytes | None:
        """Of a worker on all its channels; None if it told nothing."""
        if worker not in self.workers:
            return None
        found = Bytes()
        for moved in self.workers[worker].values():
            found.add(moved.sent, moved.received)
        return found

    def told(self) -> dict[str, Any]:
        """As `run.json` keeps it."""
        return {
            "links": {region: {"up": self.up[region], "down": self.down[region]} for region in self.up},
            "channels": {name: moved.told() for name, moved in self.channels.items()},
            "workers": {
                worker: {name: moved.told() for name, moved in own.items()} for worker, own in self.workers.items()
            },
        }


class Ledger:
    """Takes in what workers tell: of a round by channel (`Moved`) or else in all (`Uploaded`).

    Args:
        plan: of the federation.
        events: so far.
    """

    def __init__(self, plan: Plan, events: Iterable[Event] = ()) -> None:
        self._plan = plan
        self._entries: dict[tuple[str, int, int], dict[tuple[str, float], Uploaded | Moved]] = {}
        for event in events:
            self.add(event)

    def add(self, event: Event) -> None:
        """Take in an event, once; a round that is repeated is moved again."""
        if isinstance(event, Uploaded | Moved):
            told = self._entries.setdefault((event.worker, event.run, event.round), {})
            told[event.kind(), event.time] = event

    def traffic(self, run: int | None = None) -> Traffic:
        """All that was told, of all runs or one; of workers that the plan has not, nothing is known."""
        planned = {worker.spec.worker: worker for worker in self._plan.workers}
        found: dict[str, dict[str, Bytes]] = {}
        for (name, number, _), told in sorted(self._entries.items()):
            if name not in planned or run not in (None, number):
                continue
            channel, own = planned[name].spec.memberships[0].channel, found.setdefault(name, {})
            moved = [event for event in told.values() if isinstance(event, Moved)]
            for event in moved:
                for each in sorted(event.sent.keys() | event.received.keys()):
                    own.setdefault(each, Bytes()).add(event.sent.get(each, 0), event.received.get(each, 0))
            for whole in [] if moved else told.values():
                if isinstance(whole, Uploaded):
                    own.setdefault(channel, Bytes()).add(whole.sent, whole.received)
        regions = links(_flows(self._plan, found), None, planned_places(self._plan))
        return Traffic(found, {r.region: r.up for r in regions}, {r.region: r.down for r in regions})


def _flows(plan: Plan, found: dict[str, dict[str, Bytes]]) -> list[Flow]:
    flows = []
    for worker in plan.workers:
        for place in worker.spec.memberships:
            moved = found.get(worker.spec.worker, {}).get(place.channel)
            if moved is not None:
                flows.append(Flow(worker, place.channel, place.group, "follow", moved.sent, moved.received))
    return flows
