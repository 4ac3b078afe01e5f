"""The comparison: the same program, settings and rounds on other data, judged on the same test set."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from local.compare import POOLED, compare, learner
from tag.load import load_stack
from tag.spec import WorkerSpec
from worker.errors import WorkerError


@pytest.fixture(scope="module")
def loaded(federations: Callable[[], Any]) -> Any:
    return load_stack(federations().write(rounds=2).stack)


@pytest.fixture
def specs(loaded: Any) -> list[WorkerSpec]:
    return [w.spec for w in loaded.plan.trainers]


def test_the_pooled_data_is_that_of_all_regions(specs: list[WorkerSpec]) -> None:
    names = ("data-1", "data-2", "data-3")
    alone = {name: learner(specs, name) for name in names}
    pooled = learner(specs, POOLED)

    assert pooled.samples == sum(own.samples for own in alone.values())
    assert {own.test_count for own in (pooled, *alone.values())} == {300}, "all are judged on the whole test set"
    assert len(np.unique(pooled.data.test.x, axis=0)) == 300, "the regions' shares are disjoint"
    assert len({own.data_digest for own in alone.values()}) == 3
    first = [own.initial()["kernel"] for own in (pooled, *alone.values())]
    assert all(np.array_equal(first[0], other) for other in first), "all start from the same model"


def test_every_kind_of_training_is_scored_after_each_round(loaded: Any, tmp_path: Path) -> None:
    said: list[str] = []

    found = compare(loaded, tmp_path, tmp_path, say=said.append, stopped=lambda: False)

    assert set(found) == {"pooled", "alone"}
    assert set(found["alone"]) == {"data-1", "data-2", "data-3"}
    for scores in (found["pooled"], *found["alone"].values()):
        assert [score["round"] for score in scores] == [0, 1, 2]
        assert scores[0]["accuracy"] < 0.6 < scores[-1]["accuracy"], "it learns"
        assert scores[-1]["loss"] < scores[0]["loss"]
    assert len({str(scores) for scores in (found["pooled"], *found["alone"].values())}) == 4
    assert len(said) == 12


def test_a_comparison_that_is_stopped_says_so(loaded: Any, tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match="was ended while pooled data was trained"):
        compare(loaded, tmp_path, tmp_path, say=lambda _: None, stopped=lambda: True)
