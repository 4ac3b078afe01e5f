"""Experiments beside each other in a report: each has its rounds, and at the end they are compared."""

import csv
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from report.as_json import describe
from report.charts import charts
from report.experiments import entries, sentence
from report.html import page
from report.live import LiveView
from report.metrics import metrics_csv
from report.plain import PlainView
from report.record import Record, read_record
from report.tables import summarize
from tag.roots import lineage
from tests.report.build import keep, sha
from tests.report.told import SAMPLES, Told, parallel, parallel_plan
from worker import events as ev


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return read_record(keep(parallel(), tmp_path / "run", model_sha256=None))  # type: ignore[arg-type]  # as a story


def test_each_experiment_is_known_by_itself(record: Record) -> None:
    assert [(e.title, [round(r.accuracy or 0, 2) for r in e.run.rounds]) for e in record.experiments] == [
        ("eu", [0.95, 0.94]),
        ("us", [0.7, 0.75]),
    ]
    assert [e.model for e in record.experiments] == [sha("eu", 2), sha("us", 2)]
    assert [[m.dataset for m in e.members] for e in record.experiments] == [["a", "b"], ["c"]]


def test_they_are_compared_by_samples_rounds_accuracy_best_round_time_and_model(record: Record) -> None:
    eu, us = entries(record)

    assert (eu.samples, us.samples) == (2 * SAMPLES, SAMPLES)
    assert (eu.best_said, us.best_said) == ("1 (95.00 %)", "2 (75.00 %)")
    assert (eu.tested, us.tested) == (200, 100)
    assert eu.seconds == pytest.approx(1.82)
    assert (eu.model, us.model) == (sha("eu", 2), sha("us", 2))
    assert sentence([eu, us]).startswith("The model of eu is right on 94.00 % of its test samples, 19.00 points more")
    assert "chance" not in sentence([eu, us])


def test_a_difference_that_chance_explains_is_called_so(tmp_path: Path) -> None:
    told = Told(parallel_plan(), 1).start()
    told.own_round("eu", 1, 0.80)
    told.own_round("us", 1, 0.81)
    said = sentence(entries(read_record(keep(told, tmp_path / "run"))))  # type: ignore[arg-type]  # as a story

    assert "us is right on 81.00 %" in said
    assert "not more than chance explains with 100 and 200 test samples" in said


@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal_shows_rounds_side_by_side_and_the_comparison(record: Record, width: int) -> None:
    lines = summarize(record, width=width, colour=False).splitlines()

    assert max(map(len, lines)) <= width
    assert lines[0].split() == ["round", "eu", "us"]
    assert lines[1].split() == ["1", "95.00", "%", "0.3000", "0.80", "s", "70.00", "%", "0.3000", "0.80", "s"]
    (row,) = (line for line in lines if line.startswith("us ") and sha("us", 2)[:12] in line)
    assert row.split()[:6] == ["us", "900", "2", "100", "75.00", "%"]
    assert not any("model SHA-256" in line for line in lines), "there is no one model"


def test_json_and_metrics_have_a_part_for_each(record: Record) -> None:
    told = json.loads(json.dumps(describe(record)))
    rows = list(csv.DictReader(io.StringIO(metrics_csv(record))))

    assert [(e["name"], e["accuracy"], len(e["rounds"])) for e in told["experiments"]] == [
        ("eu", 0.94, 2),
        ("us", 0.75, 2),
    ]
    assert [(row["experiment"], row["round"], row["accuracy"]) for row in rows] == [
        ("eu", "1", "0.950000"),
        ("eu", "2", "0.940000"),
        ("us", "1", "0.700000"),
        ("us", "2", "0.750000"),
    ]


def test_the_page_and_the_curves_are_of_all(record: Record) -> None:
    pictures = charts(record)
    html = page(record, pictures)
    learning = next(p for p in pictures if p.name == "learning")

    assert learning.title == "After the last round: eu 94.00 %, us 75.00 %"
    assert {"tag", "phases", "bytes"} <= {p.name for p in pictures}
    assert html.count("<h3>eu</h3>") == html.count("<h3>us</h3>") == 1
    assert sha("us", 2) in html


def test_lines_begin_with_the_experiments_name() -> None:
    told, lines = parallel(), list[str]()
    view = PlainView(lines.append, lambda: 0.0, lineage=lineage(told.plan))
    for event in told.events:
        view.event(event)

    assert "   0:00  eu: round 1 of 2 begins with 2 trainers" in lines
    assert "   0:00  us: round 2 of 2: accuracy 75.00 %, loss 0.3000" in lines
    assert any(line.startswith("   0:00  us: round 1: c trained") for line in lines)


def test_the_live_view_has_a_line_for_each() -> None:
    told = parallel()
    console = Console(width=100, height=30, force_terminal=True, color_system=None, file=io.StringIO())
    view = LiveView(told.plan, console, lambda: 0.0)
    for event in told.events:
        if not (isinstance(event, ev.Finished) and event.worker == "aggregator-us-0"):
            view.event(event)
    with console.capture() as shown:
        console.print(view.picture())
    lines = shown.get().splitlines()

    assert "2 experiments" in lines[0]
    assert lines[1].split()[:4] == ["eu", "finished", "2", "rounds"]
    assert "accuracy 94.00 %" in lines[1]
    assert lines[2].split()[:5] == ["us", "round", "2", "of", "2"]


def test_incidents_are_told_under_the_experiments_name(tmp_path: Path) -> None:
    told = parallel()
    told.tell(ev.Leading, "aggregator-us-0", 1, term=2)
    found = read_record(keep(told, tmp_path / "run"))  # type: ignore[arg-type]  # as a story

    assert [i.text for i in found.incidents] == ["us: aggregator-us-0 took over the leadership (term 2)"]
