"""A trainer's round is a pure function of model, dataset, settings, seed and round."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.conftest import ROOT, SOFTMAX, SpecOf, go_on
from worker import determinism
from worker.errors import Stopped, WorkerError
from worker.tensors import Weights
from worker.training import Learner


def same(a: Weights, b: Weights) -> bool:
    return list(a) == list(b) and all(a[name].tobytes() == b[name].tobytes() for name in a)


def test_softmax_learns_and_its_evaluation_shows_it(spec_of: SpecOf) -> None:
    learner = Learner.load(spec_of(epochs=3))
    start = learner.initial()

    trained = learner.train(start, 1, go_on)

    before, after = learner.evaluate(start, go_on), learner.evaluate(trained.weights, go_on)
    assert before.loss / 2**20 == pytest.approx(100 * np.log(4)), "zeros give all classes the same"
    assert after.correct > 90
    assert after.loss < before.loss / 2
    assert (after.count, after.validation_count, trained.samples) == (100, 30, 270)
    assert trained.loss is not None
    assert trained.loss < np.log(4) / 2


def test_a_round_does_not_depend_on_the_rounds_before_it(spec_of: SpecOf) -> None:
    """A trainer that lived and one that was restarted give the same update."""
    lived, restarted = Learner.load(spec_of()), Learner.load(spec_of())
    start = lived.initial()
    for round_ in (1, 2):
        lived.evaluate(lived.train(start, round_, go_on).weights, go_on)

    assert same(lived.train(start, 3, go_on).weights, restarted.train(start, 3, go_on).weights)


def test_a_renamed_group_changes_nothing(spec_of: SpecOf) -> None:
    one, other = Learner.load(spec_of(group="europe")), Learner.load(spec_of(group="old world"))
    start = one.initial()

    assert one.data_digest == other.data_digest
    assert same(start, other.initial())
    assert same(one.train(start, 1, go_on).weights, other.train(start, 1, go_on).weights)


@pytest.mark.parametrize(
    "change", [{"name": "us"}, {"seed": 1}, {"batch_size": 16}, {"epochs": 2}, {"learning_rate": 0.2}]
)
def test_name_seed_and_settings_each_make_another_update(spec_of: SpecOf, change: dict[str, Any]) -> None:
    """Two datasets with equal content are shuffled differently."""
    one, other = Learner.load(spec_of()), Learner.load(spec_of(**change))
    start = one.initial()

    assert not same(one.train(start, 1, go_on).weights, other.train(start, 1, go_on).weights)


def test_rounds_are_shuffled_differently(spec_of: SpecOf) -> None:
    learner = Learner.load(spec_of())
    start = learner.initial()

    assert not same(learner.train(start, 1, go_on).weights, learner.train(start, 2, go_on).weights)


def test_the_initial_model_and_its_structure_are_the_same_for_all_datasets(spec_of: SpecOf) -> None:
    one, other = Learner.load(spec_of(part="#1/3")), Learner.load(spec_of(name="us", part="#2/3"))

    assert one.data_digest != other.data_digest
    assert same(one.initial(), other.initial())
    assert one.structure == other.structure


def test_training_tells_its_progress_and_stops_at_the_next_batch_when_told_to(spec_of: SpecOf) -> None:
    learner = Learner.load(spec_of(epochs=2, batch_size=27))
    heard: list[float] = []

    def stop_at_a_third(done: float, loss: float | None) -> bool:
        assert loss is not None
        heard.append(done)
        return done < 0.34

    def go_on_hearing(done: float, _loss: float | None) -> bool:
        heard.append(done)
        return True

    learner.train(learner.initial(), 1, go_on_hearing)
    assert heard == pytest.approx(np.arange(1, 21) / 20)
    heard.clear()
    with pytest.raises(Stopped):
        learner.train(learner.initial(), 1, stop_at_a_third)

    assert heard == pytest.approx(np.arange(1, 8) / 20)


def test_evaluation_stops_when_told_to(spec_of: SpecOf) -> None:
    learner = Learner.load(spec_of())

    with pytest.raises(Stopped):
        learner.evaluate(learner.initial(), lambda _done, _loss: False)


def test_a_program_that_swallows_every_error_is_stopped_all_the_same(spec_of: SpecOf, tmp_path: Path) -> None:
    stubborn = tmp_path / "stubborn.py"
    stubborn.write_text(
        SOFTMAX.read_text() + "\n_train = train\n"
        "def train(model, arrays, settings, progress):\n"
        "    try:\n        return _train(model, arrays, settings, progress)\n"
        "    except Exception:\n        return 0.0\n"
    )
    learner = Learner.load(spec_of().model_copy(update={"program": str(stubborn)}))

    with pytest.raises(Stopped):
        learner.train(learner.initial(), 1, lambda _done, _loss: False)


@given(
    seed=st.integers(0, 2**70),
    parts=st.lists(st.one_of(st.text(), st.integers()), max_size=3),
    other=st.lists(st.one_of(st.text(), st.integers()), max_size=3),
)
def test_seeds_fit_32_bits_and_tell_all_parts_apart(seed: int, parts: list[str | int], other: list[str | int]) -> None:
    assert 0 <= determinism.derive_seed(seed, *parts) < 2**32
    assert (determinism.derive_seed(seed, *parts) == determinism.derive_seed(seed, *other)) == (parts == other)


def test_seeds_are_the_same_in_every_version_of_fedtag() -> None:
    """Or else an upgrade would change everyone's models."""
    assert determinism.derive_seed(7, "eu", 3) == 1661293837


def test_softmax_starts_without_tensorflow_and_scikit_learn(spec_of: SpecOf, tmp_path: Path) -> None:
    (tmp_path / "spec.json").write_text(spec_of().model_dump_json())
    code = (
        "import sys; from pathlib import Path; from tag.plan import WorkerSpec; from worker.training import Learner\n"
        f"learner = Learner.load(WorkerSpec.model_validate_json(Path({str(tmp_path / 'spec.json')!r}).read_text()))\n"
        "learner.train(learner.initial(), 1, lambda done, loss: True)\n"
        "print([name for name in ('tensorflow', 'keras', 'sklearn', 'scipy') if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_threads_that_come_after_tensorflow_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorFlow fixes its threads when it is loaded, so a late wish would go unheard."""
    monkeypatch.setitem(sys.modules, "tensorflow", sys)
    monkeypatch.setattr(determinism, "_state", {"threads": 1})

    determinism.prepare(1)
    with pytest.raises(WorkerError, match=r"threads 2 came after TensorFlow"):
        determinism.prepare(2)


def test_threads_reach_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ) | {"TF_CPP_MIN_LOG_LEVEL": "0"})
    monkeypatch.setattr(determinism, "_state", {})

    determinism.prepare(1)

    assert os.environ["OPENBLAS_NUM_THREADS"] == os.environ["TF_NUM_INTRAOP_THREADS"] == "1"
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0", "what the user set stays"
