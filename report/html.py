"""A run's page: one file, no network, no scripts; light or dark as the reader's system is."""

import platform
from typing import Any

from report.comparison import verdict
from report.drawing import Chart
from report.palette import region_colours, variables
from report.record import Record
from report.summary import of_region, region_summaries, regions
from report.text import clean, clock, count, listing, loss, percent, plural, points, seconds, volume

TEMPLATE = "page.html.j2"


def page(record: Record, pictures: list[Chart]) -> str:
    """The page of a run, with its pictures in it."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("report", "."), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    return environment.get_template(TEMPLATE).render(_facts(record), pictures=pictures, colours=_css(record)) + "\n"


def _css(record: Record) -> list[tuple[str, str, str]]:
    found = variables(region_colours(list(record.groups)))
    return [(name, light, dark) for name, (light, dark) in found.items()]


def _facts(record: Record) -> dict[str, Any]:
    """What the template shows, as text."""
    facts, run = record.facts, record.run
    found = verdict(record)
    return {
        "federation": clean(record.federation),
        "tag": clean(record.plan.tag),
        "outcome": facts.outcome,
        "message": clean(facts.message),
        "headline": _headline(record),
        "started": clean(facts.started),
        "figures": _figures(record),
        "model": record.model or "",
        "regions": list(regions(record)),
        "rounds": _rounds(record),
        "summaries": [
            {
                "name": clean(s.name),
                "datasets": clean(listing(list(s.datasets), 12)),
                "samples": count(s.samples),
                "training": seconds(s.training),
                "validation": percent(s.validation),
                "sent": volume(s.sent),
                "received": volume(s.received),
            }
            for s in region_summaries(record)
        ],
        "data": [_data(record, m.dataset, m.uri) for m in record.members],
        "incidents": [{"at": clock(i.time - _start(record)), "text": clean(i.text)} for i in record.history.incidents],
        "dropped": [
            {"sender": clean(t.sender), "reason": clean(t.reason), "count": count(t.count), "detail": clean(t.detail)}
            for t in record.history.dropped
        ],
        "comparison": None
        if found is None
        else {
            "sentence": found.sentence,
            "rows": [
                (clean(e.name), percent(e.last.accuracy), loss(e.last.loss), points(found.difference(e)))
                for e in found.entrants
            ],
        },
        "command": f"uv run fedtag run {clean(facts.stack) or clean(record.federation)}",
        "environment": {
            "seed": facts.seed,
            "threads": facts.threads,
            "CPU": clean(facts.cpu.get("model", platform.machine())),
            **{clean(name): clean(version) for name, version in sorted(facts.versions.items())},
        },
        "unread": record.unread,
        "failure": clean(run.failure.message) if run.failure else "",
    }


def _headline(record: Record) -> str:
    made = plural(len(record.run.closed), "round")
    if record.accuracy is None:
        return f"No model was evaluated ({made})"
    return f"{percent(record.accuracy)} right after {made}"


def _start(record: Record) -> float:
    openings = [o.time for r in record.run.rounds for o in r.openings]
    return min(openings, default=0.0)


def _figures(record: Record) -> list[tuple[str, str]]:
    last = record.run.last
    samples = sum(s.samples or 0 for s in region_summaries(record))
    return [
        ("test accuracy", percent(record.accuracy)),
        ("test loss", loss(last.loss if last else None)),
        ("rounds", f"{len(record.run.closed)} of {record.planned or '—'}"),
        ("trainers", count(len(record.members))),
        ("training samples", count(samples)),
        ("time", seconds(record.facts.seconds)),
    ]


def _rounds(record: Record) -> list[dict[str, Any]]:
    by_region = regions(record)
    return [
        {
            "number": made.number,
            "accuracy": percent(made.accuracy),
            "loss": loss(made.loss),
            "seconds": seconds(made.seconds),
            "overhead": seconds(made.overhead),
            "shares": [
                (count(of_region(made, datasets).samples), seconds(of_region(made, datasets).training))
                for datasets in by_region.values()
            ],
        }
        for made in record.run.rounds
    ]


def _data(record: Record, dataset: str, uri: str) -> tuple[str, str, str, str]:
    state = record.history.states.get(dataset)
    return clean(dataset), clean(uri), count(state.samples if state else None), clean(state.digest if state else "")
