"""A run's end as JSON: its rounds, what each experiment came to, and what was moved."""

from typing import Any

from report import experiments as several
from report.comparison import verdict
from report.record import Record
from report.summary import of_region, regions


def describe(record: Record) -> dict[str, Any]:
    """The end of a run as one JSON object: shares of one, seconds, bytes; null is not known."""
    found = verdict(record)
    told: dict[str, Any] = {
        "folder": str(record.folder),
        "outcome": record.facts.outcome,
        "message": record.facts.message,
        "accuracy": record.accuracy,
        "model": record.model,
        "rounds": _rounds_told(record),
        "dropped": sum(tally.count for tally in record.history.dropped),
        "comparison": found.sentence if found else None,
        "traffic": record.traffic.told(),
    }
    if record.experiments:
        told |= {"rounds": [], "model": None, "experiments": _experiments_told(record)}
    return told


def _rounds_told(record: Record) -> list[dict[str, Any]]:
    return [
        {
            "round": r.number,
            "accuracy": r.accuracy,
            "loss": r.loss,
            "samples": r.total,
            "seconds": r.seconds,
            "overhead": r.overhead,
            "regions": {
                name: {"samples": own.samples, "training": own.training, "sent": own.sent, "received": own.received}
                for name, datasets in regions(record).items()
                for own in (of_region(r, datasets),)
            },
        }
        for r in record.run.rounds
    ]


def _experiments_told(record: Record) -> list[dict[str, Any]]:
    return [
        {
            "name": entry.title,
            "samples": entry.samples,
            "accuracy": entry.last.accuracy if entry.last else None,
            "tested": entry.tested,
            "best_round": entry.best.number if entry.best else None,
            "seconds": entry.seconds,
            "model": entry.model,
            "file": entry.file,
            "rounds": _rounds_told(part),
        }
        for entry, part in zip(several.entries(record), record.experiments, strict=True)
    ]
