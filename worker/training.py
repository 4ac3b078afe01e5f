"""A trainer's work: a pure function of model, dataset, settings, seed and round. No messages, no clock."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np

from tag.settings import DatasetSpec, TrainSettings
from tag.spec import WorkerSpec
from worker import determinism, keras_defaults
from worker.data import Array, Arrays, Data
from worker.errors import InputError, Stopped, WorkerError
from worker.model import Model, build_model, check_fit, weight_names
from worker.program import Program, load_program
from worker.tensors import Weights, table_of

LOSS_BITS = 20
"""Fraction bits of a summed loss."""
LOSS_CAP = 1e6
"""A mean loss beyond it, or one that is no number, counts as this."""

_INITIAL = "initial"
Progress = Callable[[float, float | None], bool]
"""Is told the share that is done and the loss so far; False stops the work at the next batch."""


@dataclass(frozen=True)
class Evaluation:
    """How a model does on the test share and on the validation part; losses are sums in units of 2^-20."""

    correct: int
    count: int
    loss: int
    validation_correct: int
    validation_count: int
    validation_loss: int


@dataclass(frozen=True)
class Trained:
    """What a round gave: weights, the samples that they stand for, and the mean loss of the last epoch."""

    weights: Weights
    samples: int
    loss: float | None


@dataclass(frozen=True, eq=False)
class Learner:
    """A program with its data, ready to train.

    Attributes:
        program: the user's.
        dataset: whose data it is.
        settings: of the training.
        data: checked.
        model: built once, to know its structure and to evaluate.
        names: of the weights, in the order of `get_weights`.
        predict: of a Keras model without an `evaluate` hook, or None.
    """

    program: Program
    dataset: DatasetSpec
    settings: TrainSettings
    data: Data
    model: Model
    names: tuple[str, ...]
    predict: keras_defaults.Predict | None

    @classmethod
    def load(cls, spec: WorkerSpec) -> Self:
        """Prepare the process, load the program and its data, and build the model.

        Raises:
            InputError: program, data or model is out of order, or they don't fit together.
            WorkerError: TensorFlow was imported before its threads could be set.
        """
        if spec.program is None or spec.dataset is None or spec.train is None:
            raise InputError(
                f"worker {spec.worker!r} lacks a program, a dataset or settings; a worker with data needs all three; "
                f"give role {spec.role!r} a program in the stack"
            )
        determinism.prepare(spec.train.threads)
        program = load_program(spec.program)
        determinism.settle()
        data = program.load_data(spec.dataset)
        model = build_model(program, data, determinism.derive_seed(spec.train.seed, _INITIAL))
        names = weight_names(model)
        check_fit(program, model, data, spec.dataset.name)
        predict = keras_defaults.make_predict(model, data.test) if "evaluate" not in program.functions else None
        return cls(program, spec.dataset, spec.train, data, model, names, predict)

    @property
    def data_digest(self) -> str:
        """SHA-256 of the data."""
        return self.data.digest

    @property
    def samples(self) -> int:
        """Training samples."""
        return len(self.data.train)

    @property
    def validation_count(self) -> int:
        """Validation samples."""
        return len(self.data.validation)

    @property
    def test_count(self) -> int:
        """Test samples."""
        return len(self.data.test)

    @property
    def structure(self) -> str:
        """SHA-256 of the names, shapes and dtypes of the weights, in order: equal in all trainers of a federation."""
        return table_of(self._named(self.model.get_weights())).digest

    def initial(self) -> Weights:
        """The weights that a run starts from: the same for every dataset."""
        seed = determinism.derive_seed(self.settings.seed, _INITIAL)
        return self._named(build_model(self.program, self.data, seed).get_weights())

    def evaluate(self, weights: Weights, progress: Progress) -> Evaluation:
        """Judge a model on the test share and on the validation part.

        Raises:
            Stopped: `progress` returned False.
            WorkerError: the program's `evaluate` raised or gave nonsense.
        """
        self.model.set_weights(self._ordered(weights))
        test, validation = self.data.test, self.data.validation
        total = len(test) + len(validation)
        share = len(test) / total
        correct, loss = self._judge(test, lambda done, _: _tell(progress, done * share, None))
        mine, my_loss = self._judge(validation, lambda done, _: _tell(progress, share + done * (1 - share), None))
        return Evaluation(correct, len(test), loss, mine, len(validation), my_loss)

    def train(self, weights: Weights, round_: int, progress: Progress) -> Trained:
        """Train a round from a model.

        Raises:
            Stopped: `progress` returned False.
            WorkerError: the program's `train` raised, or the new weights are not finite.
        """
        seed = determinism.derive_seed(self.settings.seed, self.dataset.name, round_)
        model = build_model(self.program, self.data, seed)
        model.set_weights(self._ordered(weights))
        settings = self.settings.model_copy(update={"seed": seed})
        hook: Callable[..., float | None] = self.program.functions.get("train", keras_defaults.train)
        with self.program.blamed("train", WorkerError):
            loss = hook(model, self.data.train, settings, lambda done, loss: _tell(progress, done, loss))
        trained = self._named(model.get_weights())
        for name, array in trained.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise WorkerError(
                    f"tensor {name!r} is not finite after round {round_!r}; weights must be finite numbers; "
                    f"take a lower learning rate than {self.settings.learning_rate!r}"
                )
        return Trained(trained, self.samples, None if loss is None else float(loss))

    def _judge(self, arrays: Arrays, progress: Callable[[float, float | None], None]) -> tuple[int, int]:
        if not len(arrays):
            return 0, 0
        with self.program.blamed("evaluate", WorkerError):
            if self.predict is None:
                correct, loss = self.program.functions["evaluate"](self.model, arrays)
                progress(1.0, None)
            else:
                correct, loss = keras_defaults.evaluate(self.model, self.predict, arrays, progress)
            correct, loss = int(correct), float(loss)
        if not 0 <= correct <= len(arrays):
            raise WorkerError(
                f"program {str(self.program.path)!r}: evaluate says that {correct} of {len(arrays)} samples are "
                "correct; the number of correct samples and the mean loss are wanted; return these two"
            )
        mean = max(-LOSS_CAP, min(loss, LOSS_CAP)) if math.isfinite(loss) else LOSS_CAP
        return correct, round(mean * len(arrays) * 2**LOSS_BITS)

    def _ordered(self, weights: Weights) -> list[Array]:
        """Copies, as a model of the user's may keep them and change them in place."""
        return [np.array(weights[name]) for name in self.names]

    def _named(self, weights: list[Array]) -> Weights:
        return dict(zip(self.names, map(np.asarray, weights), strict=True))


def _tell(progress: Progress, done: float, loss: float | None) -> None:
    if not progress(done, loss):
        raise Stopped
