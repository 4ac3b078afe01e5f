"""`metrics.csv`, for spreadsheets and scripts."""

import csv
import io
from pathlib import Path

from report.metrics import metrics_csv
from report.record import read_record
from tests.report.build import Story, keep, sha, star, story
from worker import events as ev


def rows_of(told: Story, folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(metrics_csv(read_record(keep(told, folder))))))


def test_there_is_a_row_for_each_round_with_its_figures_and_each_datasets(tmp_path: Path) -> None:
    rows = rows_of(story(rounds=3), tmp_path / "run")

    assert [row["round"] for row in rows] == ["1", "2", "3"]
    first = rows[0]
    assert (first["run"], first["accuracy"], first["loss"]) == ("1", "0.966000", "0.110000")
    assert (first["samples"], first["samples.mnist-eu"], first["model"]) == ("53970", "17990", sha("model", 1, 1))
    assert float(first["seconds"]) > float(first["training.mnist-us"]) > float(first["training.mnist-asia"])
    assert 0 < float(first["overhead"]) < 1
    assert (first["validation_accuracy.mnist-us"], first["sent.mnist-us"]) == ("0.970000", "140204")


def test_what_is_not_known_is_empty_and_a_round_that_made_no_model_has_no_row(tmp_path: Path) -> None:
    told = Story(star(), rounds=3).start()
    told.round(1)
    told.open(2)
    told.events = [e for e in told.events if not isinstance(e, ev.Uploaded | ev.Evaluated)]
    (row,) = rows_of(told, tmp_path / "run")

    assert (row["accuracy"], row["loss"], row["sent.mnist-eu"]) == ("", "", "")
    assert row["samples.mnist-eu"] == "17990"


def test_a_diverged_loss_is_kept_as_it_is(tmp_path: Path) -> None:
    told = story(rounds=1)
    told.tell(ev.Evaluated(**told.lead(9), round=1, accuracy=0.1, loss=float("nan"), count=10_000))

    assert rows_of(told, tmp_path / "run")[0]["loss"] == "nan"


def test_a_later_run_is_added_below_the_first(tmp_path: Path) -> None:
    told, second = story(rounds=1), Story(star(), rounds=1, run=2)
    second.now = told.now + 10
    second.round(1)
    told.events += second.finish().events

    assert [(row["run"], row["round"]) for row in rows_of(told, tmp_path / "run")] == [("1", "1"), ("2", "1")]
