"""An estimate as JSON, with units in the names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cli.estimate_lines import whole
from tag.estimate.brokers import Load
from tag.estimate.links import Link
from tag.estimate.memory import Pod
from tag.estimate.totals import Estimate, Layout, Row, Settings
from tag.limits import MAX_PACKET_BYTES

_DIGITS = 6


def as_json(found: Estimate, settings: Settings, beyond: Sequence[str]) -> dict[str, Any]:
    """All numbers, with their units in the names."""
    return {
        "federation": found.federation,
        "workers": found.workers,
        "trainers": found.trainers,
        "rounds": found.rounds,
        "modelBytes": settings.model,
        "modelParameters": settings.parameters,
        "brokerConnections": found.connections,
        "brokers": [_broker_json(broker) for broker in found.brokers],
        "brokerInBytesPerRound": found.into_broker,
        "brokerOutBytesPerRound": found.out_of_broker,
        "accessListBytes": found.access_list,
        "largestMessageBytes": found.packet,
        "largestMessageLimitBytes": MAX_PACKET_BYTES,
        "linkBitsPerSecond": settings.speed,
        "rawDataBytes": found.raw,
        "groups": [_row_json(row) for row in found.rows],
        "regionLinks": [_link_json(link, settings.speed) for link in found.links],
        "pods": [_pod_json(pod) for pod in found.pods],
        "layouts": [_layout_json(layout, found) for layout in found.layouts],
        "warnings": list(beyond),
    }


def _broker_json(broker: Load) -> dict[str, Any]:
    return {
        "name": broker.name,
        "region": broker.region,
        "connections": broker.connections,
        "inBytesPerRound": broker.taken,
        "outBytesPerRound": broker.given,
    }


def _row_json(row: Row) -> dict[str, Any]:
    return {
        "role": row.role,
        "group": row.group,
        "workers": row.workers,
        "fanIn": row.fan_in,
        "sentBytesPerRound": row.sent,
        "receivedBytesPerRound": row.received,
    }


def _link_json(link: Link, speed: int | None) -> dict[str, Any]:
    return {
        "region": link.region,
        "workers": link.workers,
        "upBytesPerRound": link.up,
        "downBytesPerRound": link.down,
        "secondsPerRound": _rounded(speed and (link.up + link.down) * 8 / speed),
    }


def _pod_json(pod: Pod) -> dict[str, Any]:
    return {
        "role": pod.role,
        "kind": pod.kind,
        "bound": pod.bound,
        "memoryBytes": pod.needs,
        "memoryLimitBytes": pod.limit,
        "limitIsFrom": pod.limit_is_from,
        "because": pod.because,
    }


def _layout_json(layout: Layout, found: Estimate) -> dict[str, Any]:
    return {
        "name": layout.name,
        "upBytesPerRound": layout.up,
        "downBytesPerRound": layout.down,
        "busiestLinkBytesPerRound": layout.busiest,
        "runBytes": whole(layout, found),
        "secondsPerRound": _rounded(layout.seconds.regions if layout.seconds else None),
        "secondsPerRoundWithOneLinkAtTheBroker": _rounded(layout.seconds.centre if layout.seconds else None),
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, _DIGITS)
