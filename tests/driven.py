"""A federation's workers, driven by a test or a benchmark itself."""

import sys
import time
from collections.abc import Iterator, Sequence

from local.workers import Command, Workers
from tag.plan import Plan
from worker.address import Address
from worker.events import Event, Finished
from worker.operator import Operator


def events_of(plan: Plan, commands: Sequence[Command], url: str, limit_s: float) -> Iterator[Event]:
    """Start the workers and give what they tell, to the end of the run or of the time; they run while this is open."""
    workers = Workers(commands, say=_say)
    with Operator(plan.federation, plan.top_channel, Address.parse(url)) as operator:
        workers.start()
        try:
            end = time.monotonic() + limit_s
            while time.monotonic() < end:
                event = operator.next(0.2)
                workers.check()
                if event is not None:
                    yield event
                if isinstance(event, Finished):
                    break
        finally:
            workers.stop()


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
