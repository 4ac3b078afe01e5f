"""`metrics.csv`: a row for each round that made a model, of each experiment. The same events give the same bytes."""

import csv
import io
import math

from report.leaders import seconds_of
from report.record import Record
from report.rounds import Round, Run
from report.summary import total

COLUMNS = ("run", "round", "accuracy", "loss", "samples", "seconds", "overhead", "model")
EXPERIMENT = "experiment"
"""The first column, where there are several experiments."""
OF_DATASET = ("samples", "training", "validation_accuracy", "sent", "received")
"""Columns of each dataset, named `{column}.{dataset}`: seconds of training, payload bytes sent and received."""
OF_LEADER = ("seconds", "sent", "received")
"""Columns of each aggregator (logical sender): seconds until its sum was passed on or its model made, and its bytes."""
DIGITS = 6
_Cell = float | str | None


def metrics_csv(record: Record) -> str:
    """The table of all runs as CSV; what is not known is empty. Accuracies are shares of one, times seconds."""
    datasets = sorted(member.dataset for member in record.members)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    first = [EXPERIMENT] if record.experiments else []
    heads = [f"{column}.{dataset}" for dataset in datasets for column in OF_DATASET]
    names = _leaders(record)
    heads += [f"{column}.{name}" for name in names for column in OF_LEADER]
    writer.writerow([*first, *COLUMNS, *heads])
    for part in record.experiments or (record,):
        title = [part.title] if record.experiments else []
        own = {member.dataset for member in part.members}
        for _, run in sorted(part.history.runs.items()):
            for round_ in run.rounds:
                if round_.closing or round_.score:
                    cells = [*_row(run, round_, datasets, own), *_of_leaders(part, round_, names)]
                    writer.writerow([*title, *map(_cell, cells)])
    return out.getvalue()


def _leaders(record: Record) -> list[str]:
    """Logical senders without data that lead; members of a ring have the columns of their datasets."""
    without = {worker.spec.worker for worker in record.plan.aggregators}
    found = {office for worker, office in record.lineage.offices.items() if worker in without}
    return sorted(found & record.lineage.behind.keys())


def _of_leaders(record: Record, round_: Round, names: list[str]) -> list[_Cell]:
    cells: list[_Cell] = []
    lineage = record.lineage
    makers = {root.name for root in lineage.roots if not record.title or root.title == record.title}
    for name in names:
        moved = [traffic for (worker, _), traffic in round_.moved.items() if lineage.office(worker) == name]
        seconds = seconds_of(name, round_, makes=name in makers)
        cells += [seconds, total(sum(t.sent.values()) for t in moved), total(sum(t.received.values()) for t in moved)]
    return cells


def _row(run: Run, round_: Round, datasets: list[str], own: set[str]) -> list[_Cell]:
    cells: list[_Cell] = [
        run.number,
        round_.number,
        round_.accuracy,
        round_.loss,
        round_.total,
        round_.seconds,
        round_.overhead,
        round_.model,
    ]
    for dataset in datasets:
        if dataset not in own:
            cells += [None] * len(OF_DATASET)
            continue
        share, judged = round_.share(dataset), round_.validation.get(dataset)
        accuracy = judged.accuracy if judged and judged.count else None
        cells += [round_.samples(dataset), share.training, accuracy, share.sent, share.received]
    return cells


def _cell(value: _Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.{DIGITS}f}" if math.isfinite(value) else str(value)
    return str(value)
