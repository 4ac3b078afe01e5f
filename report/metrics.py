"""`metrics.csv`: a row for each round that made a model. The same events give the same bytes."""

import csv
import io
import math

from report.record import Record
from report.rounds import Round, Run

COLUMNS = ("run", "round", "accuracy", "loss", "samples", "seconds", "overhead", "model")
OF_DATASET = ("samples", "training", "validation_accuracy", "sent", "received")
"""Columns of each dataset, named `{column}.{dataset}`: seconds of training, payload bytes sent and received."""
DIGITS = 6


def metrics_csv(record: Record) -> str:
    """The table of all runs as CSV; what is not known is empty. Accuracies are shares of one, times seconds."""
    datasets = sorted(member.dataset for member in record.members)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*COLUMNS, *(f"{column}.{dataset}" for dataset in datasets for column in OF_DATASET)])
    for _, run in sorted(record.history.runs.items()):
        for round_ in run.rounds:
            if round_.closing or round_.score:
                writer.writerow(_row(run, round_, datasets))
    return out.getvalue()


def _row(run: Run, round_: Round, datasets: list[str]) -> list[str]:
    cells: list[float | int | str | None] = [
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
        share, own = round_.share(dataset), round_.validation.get(dataset)
        accuracy = own.accuracy if own and own.count else None
        cells += [round_.samples(dataset), share.training, accuracy, share.sent, share.received]
    return [_cell(cell) for cell in cells]


def _cell(value: float | str | None) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.{DIGITS}f}" if math.isfinite(value) else str(value)
    return str(value)
