"""How a Keras model trains and is evaluated, where its program has no hooks of its own. Keras is imported when used.

Keras' `fit` traces anew for the last, smaller batch; one function with a free batch axis traces once, which saves a
second in every round.
"""

import importlib
import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from tag.settings import TrainSettings
from worker.data import Array, Arrays

BATCH = 512
"""Samples in one step of an evaluation."""
_LEAST_PROBABILITY = 1e-7

Progress = Callable[[float, float | None], None]
Predict = Callable[[Array], Any]


def is_keras(model: Any) -> bool:
    """Whether it is a Keras model."""
    return "keras" in sys.modules and isinstance(model, importlib.import_module("keras").Model)


def weight_names(model: Any) -> list[str]:
    """The paths of a Keras model's weights, in the order of `get_weights`."""
    return [variable.path for variable in model.weights]


def train(model: Any, arrays: Arrays, settings: TrainSettings, progress: Progress) -> float:
    """Train a new Keras model in place; gives the mean loss of the last epoch.

    The model's own `train_step` is used. An optimizer and loss that it was compiled with are kept, at the stack's
    learning rate; otherwise they are Adam and cross-entropy. With `settings.mu` (FedProx) each step's gradient also has
    that of mu/2 ||w - w_global||², over the trainable weights; the loss that is told is without it.
    """
    import tensorflow as tf

    _compile(model, settings.learning_rate)
    if settings.mu:
        _hold_back(model, settings.mu)
    y = _targets(model, arrays.y)
    step = tf.function(
        lambda xb, yb: model.train_step((xb, yb)),
        input_signature=[
            tf.TensorSpec([None, *arrays.x.shape[1:]], arrays.x.dtype),
            tf.TensorSpec([None, *y.shape[1:]], y.dtype),
        ],
    )
    batches = math.ceil(len(arrays) / settings.batch_size)
    shuffle = np.random.default_rng(settings.seed)
    loss = math.nan
    for epoch in range(settings.epochs):
        order = shuffle.permutation(len(arrays))
        model.reset_metrics()
        for batch in range(batches):
            chosen = order[batch * settings.batch_size : (batch + 1) * settings.batch_size]
            loss = float(step(arrays.x[chosen], y[chosen])["loss"])
            progress((epoch * batches + batch + 1) / (settings.epochs * batches), loss)
    return loss


def make_predict(model: Any, arrays: Arrays) -> Predict:
    """The model's outputs for samples like those of `arrays`, traced once."""
    import tensorflow as tf

    signature = [tf.TensorSpec([None, *arrays.x.shape[1:]], arrays.x.dtype)]
    return tf.function(lambda xb: model(xb, training=False), input_signature=signature)  # type: ignore[no-any-return]  # TensorFlow has no types


def evaluate(model: Any, predict: Predict, arrays: Arrays, progress: Progress) -> tuple[int, float]:
    """How many samples are classified correctly, and their mean cross-entropy."""
    logits = _gives_logits(model)
    correct, loss = 0, 0.0
    for start in range(0, len(arrays), BATCH):
        part = arrays.take(slice(start, start + BATCH))
        outputs = np.asarray(predict(part.x), dtype=np.float64)
        correct += int((outputs.argmax(axis=1) == part.y).sum())
        loss += float(_cross_entropy(outputs, part.y, logits=logits).sum())
        progress((start + len(part)) / len(arrays), None)
    return correct, loss / max(len(arrays), 1)


def _compile(model: Any, learning_rate: float) -> None:
    import keras

    if model.compiled:
        if not isinstance(model.optimizer.get_config().get("learning_rate"), dict):  # a schedule stays
            model.optimizer.learning_rate = learning_rate
    else:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=_gives_logits(model))
        model.compile(keras.optimizers.Adam(learning_rate), loss)
    model.optimizer.build(model.trainable_variables)


def _hold_back(model: Any, mu: float) -> None:
    """Add mu (w - w_global) to each gradient that the optimizer gets, from now on; w_global are the weights of now.

    Li et al. 2020, Federated Optimization in Heterogeneous Networks (arXiv:1812.06127). Done in the optimizer, it
    reaches every `train_step`, also a model's own.
    """
    import tensorflow as tf

    start = {id(variable): tf.identity(variable.value) for variable in model.trainable_variables}
    apply = model.optimizer.apply

    def held_back(gradients: Any, variables: Any = None) -> Any:
        variables = list(model.trainable_variables if variables is None else variables)
        pulled = [
            None if gradient is None else tf.convert_to_tensor(gradient) + mu * (variable - start[id(variable)])
            for gradient, variable in zip(gradients, variables, strict=True)
        ]
        return apply(pulled, variables)

    model.optimizer.apply = held_back


def _targets(model: Any, y: Array) -> Array:
    """Labels as the model's loss wants them: numbers, or rows for Keras' `categorical_crossentropy`."""
    import keras

    loss = model.loss
    if loss == "categorical_crossentropy" or isinstance(loss, keras.losses.CategoricalCrossentropy):
        return np.asarray(keras.utils.to_categorical(y, model.output_shape[-1]))
    return y


def _gives_logits(model: Any) -> bool:
    """Whether the outputs are logits: as the compiled loss says, or because no softmax comes last."""
    import keras

    said = getattr(getattr(model, "loss", None), "from_logits", None)
    if said is not None:
        return bool(said)
    last = model.layers[-1]
    return (
        not isinstance(last, keras.layers.Softmax)
        and getattr(last, "activation", None) is not keras.activations.softmax
    )


def _cross_entropy(outputs: Array, y: Array, *, logits: bool) -> Array:
    rows = np.arange(len(y))
    if not logits:
        picked: Array = np.log(np.clip(outputs[rows, y], _LEAST_PROBABILITY, 1.0))
        return -picked
    shifted: Array = outputs - outputs.max(axis=1, keepdims=True)
    total: Array = np.log(np.exp(shifted).sum(axis=1))
    return total - shifted[rows, y]
