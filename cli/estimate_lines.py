"""An estimate as lines for people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, TypeVar

from tag.estimate.sizes import bytes_text, memory_text, three_digits
from tag.estimate.totals import Estimate, Layout, Settings
from tag.names import natural
from tag.summary import FEDERATIONS, counted, listed

T = TypeVar("T")
_NAMED = 3
"""Groups or regions that are named; of more, the first and the last."""


def lines(
    name: str, found: Estimate, settings: Settings, beyond: Sequence[str], assumed: Sequence[str] = ()
) -> list[str]:
    """The estimate for people; groups and regions with the same numbers share a row."""
    it, count = ("it", "") if len(found.brokers) == 1 else ("them", f"{len(found.brokers)} brokers with ")
    broker = (
        f"{count}{counted(found.connections, 'connection')}; a round brings {it} {bytes_text(found.into_broker)} and "
        f"takes {bytes_text(found.out_of_broker)} from {it}"
    )
    shown = [
        f"{name}: {counted(found.workers, 'worker')}, {found.trainers:,} with data; {counted(found.rounds, 'round')}",
        f"  model    {bytes_text(settings.model)}"
        + (f", {settings.parameters:,} parameters" if settings.parameters is not None else ""),
        f"  broker   {broker}",
    ]
    for table in (_roles(found), _brokers(found), _pods(found), _links(found, settings), _layouts(found)):
        if len(table) > 1:
            shown += ["", *_aligned(table)]
    shown += _raw(found)
    shown += [f"assumed: {text}" for text in assumed]
    return shown + ([""] + [f"warning: {text}" for text in beyond] if beyond else [])


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The first column and texts to the left, numbers to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    right = [i > 0 and all(_is_number(row[i]) for row in rows[1:]) for i in range(len(rows[0]))]
    return [
        "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True)).rstrip()
        for row in rows
    ]


def _is_number(cell: str) -> bool:
    return cell == "–" or cell[:1].isdigit()


def _together(items: Iterable[T], same: Any) -> list[list[T]]:
    alike: dict[Hashable, list[T]] = defaultdict(list)
    for item in items:
        alike[same(item)].append(item)
    return list(alike.values())


def _several(names: list[str], what: str) -> str:
    names = sorted(names, key=natural)
    return listed(names) if len(names) <= _NAMED else f"{names[0]} … {names[-1]} ({counted(len(names), what)})"


def _roles(found: Estimate) -> list[Sequence[str]]:
    head = ("ROLE", "GROUP", "WORKERS", "FAN-IN", "ONE SENDS A ROUND", "ONE RECEIVES")
    alike = _together(found.rows, lambda r: (r.role, r.workers, r.fan_in, bytes_text(r.sent), bytes_text(r.received)))
    return [
        head,
        *(
            (
                rows[0].role,
                _several([row.group for row in rows], "group"),
                f"{sum(row.workers for row in rows):,}",
                f"{rows[0].fan_in:,}" if rows[0].fan_in else "–",
                bytes_text(rows[0].sent),
                bytes_text(rows[0].received),
            )
            for rows in alike
        ),
    ]


def _brokers(found: Estimate) -> list[Sequence[str]]:
    """Nothing where there is only one."""
    if len(found.brokers) == 1:
        return []
    alike = _together(
        found.brokers, lambda b: (b.region is None, b.connections, bytes_text(b.taken), bytes_text(b.given))
    )
    return [
        ("BROKER", "REGION", "CONNECTIONS", "TAKES A ROUND", "GIVES"),
        *(
            (
                _several([b.name or FEDERATIONS for b in some], "broker"),
                _several([b.region or "–" for b in some], "region") if some[0].region else "–",
                f"{some[0].connections:,}" + (" each" if len(some) > 1 else ""),
                bytes_text(some[0].taken),
                bytes_text(some[0].given),
            )
            for some in alike
        ),
    ]


def _pods(found: Estimate) -> list[Sequence[str]]:
    alike = _together(found.pods, lambda p: (p.kind, p.kind != "broker" and p.role, p.bound, memory_text(p.needs)))
    return [
        ("POD", "MEMORY", "LIMIT", "AS FAR AS IT IS KNOWN"),
        *(
            (
                _several([p.role for p in pods], "broker"),
                f"{pods[0].bound} {memory_text(pods[0].needs)}",
                memory_text(pods[0].limit),
                pods[0].because,
            )
            for pods in alike
        ),
    ]


def _links(found: Estimate, settings: Settings) -> list[Sequence[str]]:
    speed = settings.speed
    alike = _together(found.links, lambda link: (link.workers, bytes_text(link.up), bytes_text(link.down)))
    return [
        ("REGION", "WORKERS", "UP A ROUND", "DOWN A ROUND", *(("SECONDS",) if speed else ())),
        *(
            (
                _several([link.region for link in links], "region"),
                f"{sum(link.workers for link in links):,}"
                + (f" ({links[0].workers:,} each)" if len(links) > 1 else ""),
                bytes_text(links[0].up),
                bytes_text(links[0].down),
                *((three_digits((links[0].up + links[0].down) * 8 / speed),) if speed else ()),
            )
            for links in alike
        ),
    ]


def _layouts(found: Estimate) -> list[Sequence[str]]:
    timed = any(layout.seconds is not None for layout in found.layouts)
    rounds = counted(found.rounds, "round").upper()
    clock = ("SECONDS A ROUND", "WITH ONE LINK AT THE BROKER")
    return [
        ("OVER REGION LINKS", "UP A ROUND", "DOWN A ROUND", f"IN {rounds}", *(clock if timed else ())),
        *(
            (
                layout.name,
                bytes_text(layout.up),
                bytes_text(layout.down),
                bytes_text(whole(layout, found)),
                *((three_digits(s.regions), three_digits(s.centre)) if (s := layout.seconds) is not None else ()),
            )
            for layout in found.layouts
        ),
    ]


def whole(layout: Layout, found: Estimate) -> int:
    """Bytes over the regions' links in the whole run."""
    return found.rounds * (layout.up + layout.down)


def _raw(found: Estimate) -> list[str]:
    """How the run compares with sending the raw data to one place."""
    run = whole(found.layouts[0], found)
    if found.raw is None:
        return ["raw data to one place: its size is not known here; give --data-size"]
    text = f"raw data to one place, once: {bytes_text(found.raw)}"
    if not run or not found.raw:
        return [text]
    if found.raw >= run:
        return [f"{text}, {three_digits(found.raw / run)} × what the run takes"]
    return [f"{text}; the run takes {three_digits(run / found.raw)} × as much"]
