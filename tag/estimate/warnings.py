"""What of an estimate is beyond a limit, in sentences that say what to do. Pure."""

from collections.abc import Iterator

from tag.estimate.sizes import bytes_text, memory_text
from tag.estimate.totals import Estimate
from tag.limits import MAX_PACKET_BYTES
from tag.summary import counted, listed

MOST_FAN_IN = 100
"""Updates in a round beyond which an aggregator is better helped by others."""
OPEN_FILES = 1024
"""Files and connections that a process may often have open (`ulimit -n`)."""
OBJECT_BYTES = 2**20
"""What a Kubernetes Secret or ConfigMap holds."""


def warnings(found: Estimate) -> tuple[str, ...]:
    """The warnings of an estimate, most telling first."""
    return (*_packet(found), *_access(found), *_memory(found), *_connections(found), *_fan_in(found))


def _packet(found: Estimate) -> Iterator[str]:
    if found.packet > MAX_PACKET_BYTES:
        yield (
            f"the largest message has {bytes_text(found.packet)}, as it names every trainer, and the broker takes "
            f"{bytes_text(MAX_PACKET_BYTES)} at most: no round would begin; take fewer trainers or shorter names"
        )


def _access(found: Estimate) -> Iterator[str]:
    if found.access_list > OBJECT_BYTES:
        yield (
            f"the broker's access list has {bytes_text(found.access_list)}, and a Secret holds "
            f"{bytes_text(OBJECT_BYTES)}: 'pulumi up' would fail; take fewer workers or shorter names"
        )


def _memory(found: Estimate) -> Iterator[str]:
    for pod in found.pods:
        if pod.exceeded:
            yield (
                f"{pod.role} takes {pod.bound} {memory_text(pod.needs)} of memory, and its limit is "
                f"{memory_text(pod.limit)}: it may be killed (OOMKilled); raise {pod.limit_is_from}"
            )


def _connections(found: Estimate) -> Iterator[str]:
    busiest = max(found.brokers, key=lambda broker: broker.connections)
    if busiest.connections >= OPEN_FILES:
        named = f"broker {busiest.name!r}" if busiest.name else "the broker"
        yield (
            f"{named} has {busiest.connections:,} connections, and a process may often open {OPEN_FILES:,} files: "
            "raise the limit of open files (ulimit -n) where it runs"
        )


def _fan_in(found: Estimate) -> Iterator[str]:
    rows = [row for row in found.rows if row.fan_in > MOST_FAN_IN]
    for role in sorted({row.role for row in rows}):
        groups = [row.group for row in rows if row.role == role]
        most = max(row.fan_in for row in rows if row.role == role)
        yield (
            f"{role} takes {most:,} updates in a round in {counted(len(groups), 'group')} ({listed(groups)}), and more "
            f"than {MOST_FAN_IN} one after another make rounds long; put aggregators between"
        )
