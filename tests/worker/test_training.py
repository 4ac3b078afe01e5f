"""A trainer's round is a pure function of model, dataset, settings, seed and round."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tag.settings import DatasetSpec, TrainSettings
from tag.spec import Membership, WorkerSpec
from worker import determinism
from worker.errors import Stopped, WorkerError
from worker.tensors import Weights
from worker.training import Learner

ROOT = Path(__file__).parents[2]
SOFTMAX = ROOT / "worker" / "programs" / "softmax.py"
SpecOf = Callable[..., WorkerSpec]


def go_on(_done: float, _loss: float | None) -> bool:
    return True


def same(a: Weights, b: Weights) -> bool:
    return list(a) == list(b) and all(a[name].tobytes() == b[name].tobytes() for name in a)


@pytest.fixture
def spec_of(tmp_path: Path) -> SpecOf:
    """Gives the spec of a softmax trainer on a small learnable dataset, changed as asked."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(4, 6))
    y = np.arange(400) % 4
    x = (centres[y] + rng.normal(scale=0.4, size=(400, 6))).astype(np.float32)
    np.savez(tmp_path / "data.npz", x_train=x[:300], y_train=y[:300], x_test=x[300:], y_test=y[300:])

    def make(*, name: str = "eu", group: str = "europe", part: str = "", **settings: float) -> WorkerSpec:
        return WorkerSpec(
            federation="f",
            worker=f"trainer-{group}-{name}",
            role="trainer",
            memberships=(Membership(channel="param", group=group, peer="aggregator"),),
            program=str(SOFTMAX),
            dataset=DatasetSpec(name=name, uri=f"npz:{tmp_path / 'data.npz'}{part}"),
            train=TrainSettings.model_validate({"learning_rate": 0.1} | settings),
        )

    return make


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


def test_fedprox_on_softmax_is_that_of_its_paper(spec_of: SpecOf) -> None:
    """Li et al. 2020: each step descends the loss plus mu/2 ||w - w_global||²; written again on whole arrays."""
    settings = {"learning_rate": 0.1, "batch_size": 64, "epochs": 2, "mu": 0.7}
    learner = Learner.load(spec_of(**settings))
    start = {name: array + 0.3 for name, array in learner.initial().items()}
    kernel, bias = (start[name].astype(np.float64) for name in ("kernel", "bias"))
    shuffle = np.random.default_rng(determinism.derive_seed(0, "eu", 5))
    x, y = learner.data.train.x.astype(np.float64), learner.data.train.y
    for _ in range(2):
        order = shuffle.permutation(len(y))
        for at in range(0, len(y), 64):
            part = order[at : at + 64]
            scores = np.exp(x[part] @ kernel + bias)
            error = (scores / scores.sum(axis=1, keepdims=True) - np.eye(4)[y[part]]) / len(part)
            kernel, bias = (
                kernel - 0.1 * (x[part].T @ error + 0.7 * (kernel - start["kernel"])),
                bias - 0.1 * (error.sum(axis=0) + 0.7 * (bias - start["bias"])),
            )

    trained = learner.train(start, 5, go_on).weights

    np.testing.assert_allclose(trained["kernel"], kernel, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(trained["bias"], bias, rtol=1e-4, atol=1e-5)


def test_the_stronger_the_proximal_term_the_nearer_an_update_stays(spec_of: SpecOf) -> None:
    def moved(mu: float) -> float:
        learner = Learner.load(spec_of(epochs=3, mu=mu))
        start = learner.initial()
        after = learner.train(start, 1, go_on).weights
        return float(sum(np.square(after[name] - start[name]).sum() for name in start))

    distances = [moved(mu) for mu in (0.0, 0.1, 1.0, 5.0)]

    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < distances[0] / 4


FEDPROX_IN_KERAS = """
import sys
import numpy as np
from tag.settings import TrainSettings
from worker import determinism

determinism.prepare(1)
import keras
import tensorflow as tf
determinism.settle()
from worker import keras_defaults
from worker.data import Arrays

rng = np.random.default_rng(1)
x, y = rng.standard_normal((50, 4)).astype("float32"), rng.integers(0, 3, 50)
mu = float(sys.argv[1])

def build():
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(5, "tanh"), keras.layers.Dense(3, "softmax")])
    model.compile(keras.optimizers.SGD(momentum=0.9), "sparse_categorical_crossentropy")
    return model

model = build()
settings = TrainSettings(mu=mu, epochs=2, batch_size=16, learning_rate=0.2, seed=9)
keras_defaults.train(model, Arrays(x, y), settings, lambda done, loss: None)

again = build()
weights = [np.array(v, "float64") for v in again.get_weights()]
start, speed = [w.copy() for w in weights], [np.zeros_like(w) for w in weights]
shuffle = np.random.default_rng(9)
for _ in range(2):
    order = shuffle.permutation(50)
    for at in range(0, 50, 16):
        part = order[at : at + 16]
        again.set_weights(weights)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(y[part], again(x[part])))
            for v, s in zip(again.trainable_variables, start):
                loss += mu / 2 * tf.reduce_sum((v - tf.cast(s, v.dtype)) ** 2)
        slopes = tape.gradient(loss, again.trainable_variables)
        speed = [0.9 * m - 0.2 * g.numpy() for m, g in zip(speed, slopes)]
        weights = [w + m for w, m in zip(weights, speed)]
for one, other in zip(model.get_weights(), weights):
    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)
print(float(sum(np.square(w - s).sum() for w, s in zip(weights, start))))
"""


def test_fedprox_in_keras_is_a_hand_written_gradient_step() -> None:
    moved = []
    for mu in ("0", "0.5"):
        done = subprocess.run(
            [sys.executable, "-c", FEDPROX_IN_KERAS, mu], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        moved.append(float(done.stdout))

    assert moved[1] < moved[0], "the term holds the weights back"
