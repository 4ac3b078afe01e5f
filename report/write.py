"""Everything that is made from a run's events: metrics, pictures, page. It can be made again at any time."""

from pathlib import Path

from report.metrics import metrics_csv
from report.record import Record, ReportError, read_record

__all__ = ["ReportError", "write_report"]


def write_report(folder: Path) -> list[Path]:
    """Make metrics.csv, the pictures and report.html of a run, or make them again; gives their paths.

    Raises:
        ReportError: the folder holds no run, or can't be written to.
    """
    from report.charts import charts
    from report.html import page

    record: Record = read_record(folder)
    pictures = charts(record)
    files = {"metrics.csv": metrics_csv(record).encode()}
    files |= {f"{chart.name}.png": chart.png for chart in pictures}
    files["report.html"] = page(record, pictures).encode()
    try:
        for name, content in files.items():
            draft = folder / f".{name}.draft"
            draft.write_bytes(content)
            draft.replace(folder / name)
    except OSError as error:
        raise ReportError(
            f"folder {str(folder)!r} can't keep the report ({error.strerror}); make it writable, or copy it elsewhere"
        ) from error
    return [folder / name for name in files]
