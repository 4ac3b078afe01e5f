"""FedProx at the trainer, beside what its paper says."""

import subprocess
import sys

import numpy as np

from tests.worker.conftest import ROOT, SpecOf, go_on
from worker import determinism
from worker.training import Learner


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
