"""A run's folder, read as it was left: whole, cut off, or not a run at all."""

import json
from pathlib import Path

import pytest

from report.record import ReportError, read_record
from tests.report.build import comparison_of, keep, sha, story
from worker.errors import InputError


def test_a_finished_run_is_read_whole(tmp_path: Path) -> None:
    told = story()
    record = read_record(keep(told, tmp_path / "run", comparison=comparison_of(told)))

    assert record.federation == "eu-us-asia"
    assert record.groups == ("asia", "eu", "us")
    assert [(m.group, m.dataset) for m in record.members] == [
        ("asia", "mnist-asia"),
        ("eu", "mnist-eu"),
        ("us", "mnist-us"),
    ]
    assert [r.number for r in record.run.closed] == [1, 2, 3, 4, 5]
    assert record.planned == 5
    assert record.model == sha("model", 1, 5)
    assert record.facts.comparison is not None
    assert len(record.facts.comparison.pooled) == 6
    assert record.unread == 0


def test_the_accuracy_is_of_the_last_judged_model_where_run_json_has_none(tmp_path: Path) -> None:
    record = read_record(keep(story(rounds=2), tmp_path / "run", accuracy=None))

    assert record.accuracy == 0.9768


def test_a_run_that_was_cut_off_in_the_middle_of_a_line_is_read_up_to_there(tmp_path: Path) -> None:
    folder = keep(story(), tmp_path / "run")
    events = (folder / "events.jsonl").read_bytes()
    (folder / "events.jsonl").write_bytes(
        events[: len(events) // 2] + b'{"time": 17\xff\n\n{"event": "of the future"}\n'
    )

    record = read_record(folder)

    assert 0 < len(record.run.closed) < 5
    assert record.unread == 2, "the torn line, and the kind that is not known"
    assert record.planned == 5, "what the events said of the plan holds"


def test_a_run_that_ended_before_any_event_is_a_run(tmp_path: Path) -> None:
    folder = keep(story(), tmp_path / "run", model_sha256=None)
    (folder / "events.jsonl").write_text("")

    record = read_record(folder)

    assert record.run.rounds == []
    assert record.accuracy is None
    assert record.model is None
    assert record.planned == 5, "the plan's aggregators know it"


def test_facts_of_a_later_version_are_passed_over(tmp_path: Path) -> None:
    record = read_record(keep(story(), tmp_path / "run", weather="fair"))

    assert record.facts.seed == 1


@pytest.mark.parametrize("name", ["plan.json", "run.json", "events.jsonl"])
def test_a_folder_without_a_runs_files_is_no_run(tmp_path: Path, name: str) -> None:
    folder = keep(story(rounds=1), tmp_path / "run")
    (folder / name).unlink()

    with pytest.raises(ReportError, match=rf"is no run: {name} can't be read \(No such file or directory\); give a"):
        read_record(folder)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("plan.json", "{", "the whole: invalid json"),
        ("plan.json", "{}", "federation: field required"),
        ("run.json", json.dumps({"seconds": "long"}), "seconds: input should be a valid number"),
        ("run.json", json.dumps({"comparison": {"pooled": [{}]}}), "comparison.pooled.0.round: field required"),
    ],
)
def test_a_broken_file_is_named_with_its_field(tmp_path: Path, name: str, text: str, said: str) -> None:
    folder = keep(story(rounds=1), tmp_path / "run")
    (folder / name).write_text(text)

    with pytest.raises(ReportError) as caught:
        read_record(folder)
    assert name in str(caught.value)
    assert said in str(caught.value)


def test_a_missing_folder_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is no folder; give a folder that 'fedtag run' has made"):
        read_record(tmp_path / "nowhere")
