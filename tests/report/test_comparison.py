"""What federation costs, and what may honestly be said of it."""

from pathlib import Path

import pytest

from report.comparison import Verdict, verdict
from report.record import read_record
from tests.report.build import comparison_of, keep, story


def judged(folder: Path, *, each: int = 1, rounds: int = 5, **offsets: float) -> Verdict:
    told = story(each=each, rounds=rounds)
    found = verdict(read_record(keep(told, folder / "run", comparison=comparison_of(told, **offsets))))
    assert found is not None
    return found


def test_a_small_difference_is_not_called_one(tmp_path: Path) -> None:
    found = judged(tmp_path, pooled=0.001, alone=-0.05)

    assert "the difference to pooled data is not more than chance explains with 10,000 test samples" in found.sentence
    assert found.margin(found.entrants[1]) == pytest.approx(0.0032, abs=2e-4), (
        "95 % of two shares of 10,000 near 98.6 %"
    )


def test_a_large_difference_is_said_plainly(tmp_path: Path) -> None:
    found = judged(tmp_path, pooled=0.009, alone=-0.05)

    assert found.sentence == (
        "Trained on the pooled data, a model is 0.90 points more accurate than the federated one; on the best region's "
        "data alone (asia), it is 5.00 points less accurate; this is one run with one seed."
    )


def test_a_federation_that_is_worse_than_one_region_alone_is_said_so(tmp_path: Path) -> None:
    found = judged(tmp_path, pooled=0.009, alone=0.012)

    assert "data alone (asia), it is 1.20 points more accurate" in found.sentence


def test_datasets_are_not_called_regions_where_regions_have_several(tmp_path: Path) -> None:
    found = judged(tmp_path, each=2, rounds=2)

    assert (found.unit, len(found.alone)) == ("dataset", 6)
    assert "best dataset's data alone (asia-01)" in found.headline


def test_there_is_none_without_a_model_or_without_figures(tmp_path: Path) -> None:
    told = story(rounds=1)
    assert verdict(read_record(keep(told, tmp_path / "without"))) is None

    empty = {"pooled": [], "alone": {}}
    assert verdict(read_record(keep(told, tmp_path / "empty", comparison=empty))) is None

    told.events.clear()
    assert verdict(read_record(keep(told, tmp_path / "unjudged", comparison=comparison_of(told)))) is None
