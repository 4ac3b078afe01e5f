"""A run's end as tables for a terminal: rounds, regions, the comparison, and what is kept."""

import io
import shutil
import sys
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from report import experiments as several
from report import text
from report.comparison import Verdict, verdict
from report.leaders import Leader, leaders
from report.record import Record, read_record
from report.rounds import Round
from report.summary import RegionRound, of_region, region_summaries, regions

LEAST_WIDTH = 80
MOST_WIDTH = 120
_FIXED = 32
_TIME = 9
_REGION = 15
_ALONE_SHOWN = 10
_LEADERS_SHOWN = 20
_NAME = 14


def summary(folder: Path) -> str:
    """The end of the run in a folder, as `summarize`.

    Raises:
        ReportError: the folder holds no run.
    """
    return summarize(read_record(folder))


def summarize(record: Record, *, width: int | None = None, colour: bool | None = None) -> str:
    """The end of a run: its tables, final accuracy, model and files.

    Args:
        record: of the run.
        width: columns, from 80 on; None is the terminal's, at most 120.
        colour: whether to use a terminal's; None asks standard output.
    """
    columns = width or min(MOST_WIDTH, shutil.get_terminal_size().columns)
    coloured = sys.stdout.isatty() if colour is None else colour
    console = Console(
        file=io.StringIO(),
        width=max(LEAST_WIDTH, columns),
        force_terminal=coloured,
        highlight=False,
        legacy_windows=False,
    )
    with console.capture() as captured:
        console.print(_end_of_run(record, console.width), soft_wrap=False)
    return "\n".join(line.rstrip() for line in captured.get().rstrip().split("\n"))


def _end_of_run(record: Record, width: int) -> RenderableType:
    parts: list[RenderableType] = []
    if record.experiments:
        parts += [_rounds_of_each(record, width), Text()]
    elif record.run.rounds:
        parts += [_rounds(record, width), Text()]
    parts += [_regions(record), Text()]
    if len(found := leaders(record)) > 1:
        parts += [_leaders(found), Text()]
    if record.experiments:
        entries = several.entries(record)
        parts += [_experiments(entries), Text(text.clean(several.sentence(entries))), Text()]
    if against := verdict(record):
        parts += [_comparison(against), Text(text.clean(against.sentence)), Text()]
    return Group(*parts, *_result(record), *_paths(record))


def _plain_table(*columns: tuple[str, bool]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    for name, right in columns:
        table.add_column(
            Text(name), justify="right" if right else "left", no_wrap=True, overflow="ellipsis", vertical="bottom"
        )
    return table


def _rounds(record: Record, width: int) -> Table:
    places = regions(record)
    each = _FIXED + _REGION * len(places) <= width
    timed = not each or _FIXED + _TIME + _REGION * len(places) <= width
    columns = [
        ("round", True),
        ("accuracy", True),
        ("loss", True),
        *([("time", True)] if timed else []),
        ("overhead", True),
    ]
    if each:
        columns += [(text.shorten(text.clean(region), _NAME), True) for region in places]
    else:
        columns += [("samples", True), ("training, fastest to slowest", True)]
    table = _plain_table(*columns)
    table.caption = "below each region: samples, time of training" if each else None
    table.caption_justify = "right"
    run = record.run
    for made in ([run.initial] if run.initial else []) + run.rounds:
        cells = [str(made.number), text.percent(made.accuracy), text.loss(made.loss)]
        cells += [text.seconds(made.seconds)] if timed else []
        cells += [text.seconds(made.overhead)]
        if made.number and each:
            cells += [_share(of_region(made, datasets)) for datasets in places.values()]
        elif made.number:
            cells += [text.count(made.total), _span(made)]
        table.add_row(*cells)
    return table


def _rounds_of_each(record: Record, width: int) -> Table:
    """The rounds of each experiment, side by side; of many only the accuracies, of very many nothing."""
    last = max((r.number for e in record.experiments for r in e.run.rounds), default=-1)
    numbers = range(last + 1)
    names = [text.shorten(text.clean(e.title), _NAME) for e in record.experiments]
    for wide in (True, False):
        rows = [[_made(e.run.record.get(n), wide=wide) for e in record.experiments] for n in numbers]
        columns = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
        if sum(columns) + len(columns) + len("round ") <= width:
            break
    else:
        names, rows = [], []
    table = _plain_table(("round", True), *((name, True) for name in names))
    table.caption = ("accuracy, loss, time of the round" if wide else "accuracy") if names else None
    table.caption_justify = "right"
    for number, cells in zip(numbers, rows, strict=False):
        if any(cells):
            table.add_row(str(number), *cells)
    return table


def _made(made: Round | None, *, wide: bool) -> str:
    if made is None or not (made.score or made.closing):
        return ""
    rest = f" {text.loss(made.loss)} {text.seconds(made.seconds).rjust(7)}" if wide else ""
    return f"{text.percent(made.accuracy)}{rest}"


def _experiments(found: list[several.Entry]) -> Table:
    table = _plain_table(
        ("experiment", False),
        ("samples", True),
        ("rounds", True),
        ("tested", True),
        ("accuracy", True),
        ("best round", True),
        ("time", True),
        ("SHA-256", True),
    )
    for entry in found:
        table.add_row(
            text.shorten(text.clean(entry.title), _NAME),
            text.count(entry.samples),
            f"{entry.rounds}/{entry.planned}" if entry.rounds != entry.planned else str(entry.rounds),
            text.count(entry.tested or None),
            text.percent(entry.last.accuracy if entry.last else None),
            entry.best_said or text.UNKNOWN,
            text.seconds(entry.seconds),
            text.digest(entry.model),
        )
    return table


def _share(region: RegionRound) -> str:
    return f"{text.count(region.samples)} {text.seconds(region.training).rjust(7)}"


def _span(made: Round) -> str:
    times = sorted(s.training for s in made.shares.values() if s.training is not None)
    return f"{text.seconds(times[0])} to {text.seconds(times[-1])}" if times else text.UNKNOWN


def _regions(record: Record) -> Table:
    table = _plain_table(
        ("region", False),
        ("trainers", True),
        ("samples", True),
        ("training", True),
        ("own validation", True),
        ("up", True),
        ("down", True),
    )
    for region in region_summaries(record):
        table.add_row(
            text.shorten(text.clean(region.name), _NAME),
            str(len(region.datasets)),
            text.count(region.samples),
            text.seconds(region.training),
            text.percent(region.validation),
            text.volume(region.sent),
            text.volume(region.received),
        )
    return table


def _leaders(found: list[Leader]) -> Table:
    """Of very many only the first: they stand in metrics.csv."""
    table = _plain_table(
        ("aggregator", False), ("trainers", True), ("time of a round", True), ("sent", True), ("received", True)
    )
    for leader in found[:_LEADERS_SHOWN]:
        table.add_row(
            text.shorten(text.clean(leader.name), 2 * _NAME),
            str(leader.trainers),
            text.seconds(leader.seconds),
            text.volume(leader.sent),
            text.volume(leader.received),
        )
    if len(found) > _LEADERS_SHOWN:
        table.add_row(f"and {len(found) - _LEADERS_SHOWN} more")
    return table


def _comparison(found: Verdict) -> Table:
    table = _plain_table(
        ("training", False), ("rounds", True), ("accuracy", True), ("loss", True), ("federated is", True)
    )
    alone = sorted(found.alone, key=lambda e: -e.last.accuracy)[:_ALONE_SHOWN] if found.alone else []
    for entrant in found.entrants:
        if entrant.kind == "alone" and entrant not in alone:
            continue
        name = text.shorten(text.clean(entrant.name), 2 * _NAME)
        difference = "" if entrant is found.federated else f"{text.points(found.difference(entrant))} points"
        table.add_row(
            f"{name} alone" if entrant.kind == "alone" else name,
            str(entrant.last.round),
            text.percent(entrant.last.accuracy),
            text.loss(entrant.last.loss),
            difference,
        )
    hidden = len(found.alone) - len(alone)
    if hidden:
        table.add_row(f"and {text.plural(hidden, found.unit)} alone, less accurate")
    return table


def _result(record: Record) -> list[RenderableType]:
    run, facts = record.run, record.facts
    made = min((len(e.run.closed) for e in record.experiments), default=len(run.closed))
    reached = f" after {made} of {text.plural(record.planned, 'round')}" if record.planned else ""
    took = f", {text.seconds(facts.seconds)}" if facts.seconds else ""
    why = f": {text.clean(facts.message)}" if facts.message else ""
    style = "" if facts.outcome == "finished" else "bold yellow"
    lines: list[RenderableType] = [Text(f"{text.clean(facts.outcome)}{reached}{took}{why}", style=style)]
    if record.accuracy is not None:
        tested = f" on {text.plural(run.last.count, 'test sample')}" if run.last else ""
        lines.append(Text.assemble("final accuracy ", (text.percent(record.accuracy), "bold"), tested))
    if record.model and not record.experiments:
        lines.append(Text(f"model SHA-256  {text.clean(record.model)}"))
    dropped = sum(tally.count for tally in record.history.dropped)
    if dropped:
        said = f"{text.plural(dropped, 'message')} dropped; report.html says whose and why"
        lines.append(Text(said, style="yellow"))
    return lines


def _paths(record: Record) -> list[RenderableType]:
    shown = sorted(path for path in record.folder.iterdir() if not path.name.startswith("."))
    kept = [f"{path.name}/" if path.is_dir() else path.name for path in shown]
    lines = [Text(), Text(f"kept in {text.clean(record.folder)}/", overflow="fold")]
    return [*lines, Text("  " + "  ".join(text.clean(name) for name in kept))]
