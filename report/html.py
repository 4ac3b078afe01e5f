"""A run's page: one file, no network, no scripts; light or dark as the reader's system is."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from report import experiments as several
from report.comparison import Verdict, verdict
from report.drawing import Chart
from report.leaders import leaders, seconds_of
from report.palette import region_colours, variables
from report.record import Record
from report.rounds import Round
from report.summary import of_region, region_summaries, regions, total
from report.text import UNKNOWN, clean, clock, count, loss, percent, plural, points, seconds, volume

TEMPLATE = "page.html.j2"
EACH_REGION = 6
"""Regions up to which the table of rounds has columns for each."""
_FLAGS = 400


def page(record: Record, pictures: Sequence[Chart]) -> str:
    """The page of a run, with its pictures in it."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    by_name = {picture.name: picture for picture in pictures}
    text = environment.get_template(TEMPLATE).render(_facts(record), pictures=by_name, colours=_css(record))
    return text.strip() + "\n"


def _css(record: Record) -> list[tuple[str, str, str]]:
    found = variables(region_colours(list(record.groups)))
    return [(name, light, dark) for name, (light, dark) in found.items()] + [("warn", "#b35900", "#f0a04b")]


def _facts(record: Record) -> dict[str, Any]:
    """What the template shows, as text."""
    facts, history = record.facts, record.history
    found = verdict(record)
    begun = min((o.time for r in record.run.rounds for o in r.openings), default=None)
    unread = record.unread + history.unreadable
    entries = several.entries(record)
    return {
        "federation": clean(record.federation),
        "outcome": clean(facts.outcome),
        "message": clean(facts.message or (record.run.failure.message if record.run.failure else "")),
        "headline": several.headline(entries) or _headline(record),
        "lead": _lead(record),
        "figures": _figures(record),
        "model": "" if entries else clean(record.model or ""),
        "experiments": _experiments(entries) if entries else None,
        "rounds": [(clean(one.title), *_rounds(one)) for one in record.experiments or (record,) if one.run.rounds],
        "rounds_caption": "Accuracy and loss: of the model that the round made, on the test set. "
        "Overhead: the round's time less its slowest trainer's evaluating and training",
        "summaries": _regions(record),
        "leaders": _leaders(record),
        "passing": _passing(record),
        "links": [(clean(r), volume(up), volume(record.traffic.down[r])) for r, up in record.traffic.up.items()],
        "channels": [(clean(n), volume(b.sent), volume(b.received)) for n, b in record.traffic.channels.items()],
        "data": [_data(record, member.dataset, member.uri) for member in record.members],
        "incidents": [(_since(incident.time, begun), clean(incident.text)) for incident in record.incidents],
        "dropped": [(clean(t.sender), clean(t.reason), count(t.count), clean(t.detail)) for t in history.dropped],
        "comparison": _comparison(found) if found else None,
        "command": _command(record),
        "again": f"uv run fedtag report {shlex.quote(f'runs/{clean(record.folder.resolve().name)}')}",
        "environment": _environment(record),
        "unread": plural(unread, "line") if unread else "",
    }


def _headline(record: Record) -> str:
    last = record.run.last
    if last is None:
        return "No model was evaluated"
    number = record.run.scored[-1].number
    when = f"after {plural(number, 'round')}" if number else "before training"
    return f"{percent(last.accuracy)} accuracy {when}"


def _lead(record: Record) -> str:
    samples = total(state.samples for state in record.history.states.values())
    data = f": {plural(samples, 'sample')} in all" if samples else ""
    where = f"{plural(len(record.members), 'trainer')} in {plural(len(record.groups), 'region')}, each on its own data"
    if record.experiments:
        each = f"{where}{data}, in {plural(len(record.experiments), 'experiment')} that share nothing"
        return f"{each}: each has its own aggregator, and a model of its own."
    tested = f", tested on {plural(record.run.last.count, 'sample')}" if record.run.last else ""
    earlier = f" This is run {record.run.number}; it goes on from the run before." if record.run.number > 1 else ""
    return f"One model, trained by {where}{data}{tested}.{earlier}"


def _figures(record: Record) -> list[tuple[str, str]]:
    samples = total(state.samples for state in record.history.states.values())
    if record.experiments:
        return [
            ("experiments", count(len(record.experiments))),
            ("rounds of each", count(record.planned)),
            ("trainers", count(len(record.members))),
            ("training samples", count(samples)),
            ("time", seconds(record.facts.seconds)),
        ]
    last = record.run.last
    rounds = f"{len(record.run.closed)} of {record.planned}" if record.planned else str(len(record.run.closed))
    return [
        ("test accuracy", percent(record.accuracy)),
        ("test loss", loss(last.loss if last else None)),
        ("rounds", rounds),
        ("trainers", count(len(record.members))),
        ("training samples", count(samples)),
        ("time", seconds(record.facts.seconds)),
    ]


def _experiments(entries: list[several.Entry]) -> dict[str, Any]:
    rows = [
        (
            clean(entry.title),
            count(entry.samples),
            f"{entry.rounds} of {entry.planned}",
            count(entry.tested or None),
            percent(entry.last.accuracy if entry.last else None),
            entry.best_said or UNKNOWN,
            seconds(entry.seconds),
            clean(entry.model or UNKNOWN),
        )
        for entry in entries
    ]
    return {"sentence": clean(several.sentence(entries)), "rows": rows}


def _rounds(record: Record) -> tuple[list[str], list[list[str]]]:
    """Heads and rows: of few regions each has its columns, of many there is a span."""
    places = regions(record)
    each = len(places) <= EACH_REGION
    heads = ["round", "accuracy", "loss", "time", "overhead"]
    if each:
        heads += [head for name in places for head in (f"{clean(name)}: samples", "training")]
    else:
        heads += ["samples", "fastest training", "slowest training"]
    run = record.run
    rows = []
    for made in ([run.initial] if run.initial and run.rounds else []) + run.rounds:
        name = str(made.number) if made.number else "first model"
        row = [name, percent(made.accuracy), loss(made.loss), seconds(made.seconds), seconds(made.overhead)]
        rows.append(row + (_shares(made, places) if each else _span(made)))
    return heads, rows


def _shares(made: Round, places: dict[str, tuple[str, ...]]) -> list[str]:
    if not made.number:
        return [""] * (2 * len(places))
    found = [of_region(made, datasets) for datasets in places.values()]
    return [cell for own in found for cell in (count(own.samples), seconds(own.training))]


def _span(made: Round) -> list[str]:
    times = [s.training for s in made.shares.values() if s.training is not None]
    if not made.number or not times:
        return [count(made.total) if made.number else "", "", ""]
    return [count(made.total), seconds(min(times)), seconds(max(times))]


def _regions(record: Record) -> list[tuple[str, ...]]:
    return [
        (
            clean(found.name),
            count(len(found.datasets)),
            count(found.samples),
            seconds(found.training),
            percent(found.validation),
            volume(found.sent),
            volume(found.received),
        )
        for found in region_summaries(record)
    ]


def _leaders(record: Record) -> list[tuple[str, ...]]:
    return [
        (
            clean(found.name),
            "makes the model" if found.makes else "passes on sums",
            count(found.trainers),
            seconds(found.seconds),
            volume(found.sent),
            volume(found.received),
        )
        for found in leaders(record)
    ]


def _passing(record: Record) -> tuple[list[str], list[list[str]]] | None:
    """Round by round, after how long each of a few middle aggregators passed on its sum; None if there are none."""
    names = sorted({name for made in record.run.rounds for name in made.passings})
    if not names or len(names) > EACH_REGION:
        return None
    rows = [
        [str(made.number), *(seconds(seconds_of(name, made, makes=False)) for name in names), seconds(made.seconds)]
        for made in record.run.rounds
    ]
    return ["round", *(clean(name) for name in names), "whole round"], rows


def _comparison(found: Verdict) -> dict[str, Any]:
    rows = []
    for entrant in found.entrants:
        gap = "" if entrant is found.federated else points(found.difference(entrant))
        name = clean(entrant.name) + (" alone" if entrant.kind == "alone" else "")
        rows.append((name, str(entrant.last.round), percent(entrant.last.accuracy), loss(entrant.last.loss), gap))
    return {"sentence": clean(found.sentence), "unit": found.unit, "rows": rows}


def _command(record: Record) -> str:
    stack = shlex.quote(clean(record.facts.stack or record.federation))
    return f"uv run fedtag run {stack}{' --compare' if record.facts.comparison else ''}"


def _environment(record: Record) -> list[tuple[str, str]]:
    facts = record.facts
    flags = clean(facts.cpu.get("flags", ""))
    rows = [
        ("started", facts.started),
        ("seed", facts.seed),
        ("threads", facts.threads),
        ("CPU", facts.cpu.get("model")),
        ("CPU flags", flags if len(flags) <= _FLAGS else f"{flags[:_FLAGS].rsplit(' ', 1)[0]} … (all in run.json)"),
        *sorted(facts.versions.items()),
    ]
    return [(clean(name), clean(value)) for name, value in rows if value not in (None, "")]


def _since(time: float, begun: float | None) -> str:
    if begun is None:
        return UNKNOWN
    return clock(time - begun) if time >= begun else "before"


def _data(record: Record, dataset: str, uri: str) -> tuple[str, str, str, str]:
    state = record.history.states.get(dataset)
    digest = clean(state.digest) if state and state.digest else UNKNOWN
    return clean(dataset), clean(uri), count(state.samples if state else None), digest
