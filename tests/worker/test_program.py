"""A user's program is one file; what is wrong with it is told in a sentence that names it."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tag.settings import DatasetSpec, TrainSettings
from tag.spec import WorkerSpec
from worker.data import Arrays, Data
from worker.errors import InputError, WorkerError
from worker.program import load_program
from worker.training import Learner

MODEL = """
import numpy as np

class Model:
    output_shape = (None, 2)
    def __init__(self):
        self.w = np.zeros((3, 2), np.float32)
    def get_weights(self):
        return [self.w]
    def set_weights(self, weights):
        self.w, = weights

def train(model, arrays, settings, progress):
    progress(1.0, 0.5)
    return 0.5

def evaluate(model, arrays):
    return len(arrays), 0.25
"""
SOUND = MODEL + "def build_model():\n    return Model()\n"
WriteProgram = Callable[[str], Path]
Make = Callable[..., Learner]


@pytest.fixture
def write_program(tmp_path: Path) -> WriteProgram:
    """Writes a program; gives its path."""

    def write(source: str) -> Path:
        path = tmp_path / "mine.py"
        path.write_text(source)
        return path

    return write


@pytest.fixture
def learner_of(tmp_path: Path, write_program: WriteProgram) -> Make:
    """Loads a learner of a program's text, on ten samples of three features in two classes."""

    def make(source: str, uri: str | None = None) -> Learner:
        x, y = np.arange(30, dtype=np.float32).reshape(10, 3), np.arange(10) % 2
        np.savez(tmp_path / "data.npz", x_train=x, y_train=y, x_test=x, y_test=y)
        return Learner.load(
            WorkerSpec(
                federation="f",
                worker="trainer-eu-eu",
                role="trainer",
                memberships=(),
                program=str(write_program(source)),
                dataset=DatasetSpec(name="eu", uri=uri or f"npz:{tmp_path / 'data.npz'}", validation=0.2),
                train=TrainSettings(),
            )
        )

    return make


def test_a_program_without_load_data_reads_what_its_uri_says(learner_of: Make) -> None:
    learner = learner_of(SOUND)

    assert (learner.samples, learner.validation_count, learner.test_count) == (8, 2, 10)


def test_a_program_can_bring_its_own_data_and_have_it_divided(learner_of: Make) -> None:
    source = SOUND + (
        "def load_data(dataset):\n"
        "    x, y = np.arange(90.0).reshape(30, 3), np.arange(30) % 2\n"
        "    return dataset.take_part(x, y, test=(x[:12], y[:12]))\n"
    )

    parts = [learner_of(source, f"program:{k}/3").data for k in (1, 2, 3)]

    kept = [part.train.x[:, 0].tolist() + part.validation.x[:, 0].tolist() for part in parts]
    assert sorted(itertools.chain(*kept)) == list(np.arange(0.0, 90.0, 3.0))
    assert [len(part.test) for part in parts] == [4, 4, 4]


def test_a_program_that_divides_its_own_data_refuses_a_uri_of_other_data(learner_of: Make) -> None:
    source = SOUND + "def load_data(dataset):\n    return dataset.take_part(0, 0, test=(0, 0))\n"

    with pytest.raises(InputError, match=r"program:K/N is wanted; write program:2/3"):
        learner_of(source, "mnist:2/3")


def test_build_model_may_take_the_data_to_fit_its_shape(learner_of: Make) -> None:
    source = MODEL + (
        "def build_model(data):\n"
        "    model = Model()\n"
        "    model.w = np.zeros((data.train.x.shape[1], data.classes + 5), np.float32)\n"
        "    return model\n"
    )

    (weights,) = learner_of(source).initial().values()

    assert weights.shape == (3, 7)


def test_a_program_may_define_dataclasses_and_is_not_cached_beside_its_file(write_program: WriteProgram) -> None:
    """Dataclasses look their module up by name; a ConfigMap's folder takes no __pycache__."""
    path = write_program("from dataclasses import dataclass\n@dataclass\nclass A:\n    b: 'int'\n" + SOUND)

    load_program(path)

    assert [each.name for each in path.parent.iterdir()] == ["mine.py"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def build_model(:\n", r"mine.py:1: .*makes it no Python"),
        ("x = 1\n\x00", r"mine.py:1: .*makes it no Python"),
        ("def bild_model(): pass\ndef other(): pass\n", r"it has \['bild_model', 'other'\]; rename bild_model"),
        ("import os\n", r"has no function build_model; it has \[\]; add build_model\(\)"),
        ("import nowhere_at_all\n", r"its import raised ModuleNotFoundError at line 1 \(No module named"),
        (SOUND.replace("arrays, settings, progress", "arrays"), r"train takes 2 parameters; it is called with 4"),
        (MODEL + "def build_model(a, b, c): pass\n", r"build_model takes 3 parameters; it is called with 0 or 1"),
        (
            MODEL + "def build_model():\n    return 1 / 0\n",
            r"build_model raised ZeroDivisionError at line 20 \(division",
        ),
        (MODEL + "def build_model():\n    return 'm'\n", r"returned 'str' without get_weights"),
        (SOUND.replace("np.zeros((3, 2)", "np.full((3, 2), np.nan"), r"tensor '0000' is not finite when built"),
        (SOUND.replace("np.float32", "object"), r"tensor '0000' has dtype 'object'"),
        (SOUND.replace("return [self.w]", "return []"), r"the model has 0 weights"),
        (SOUND.replace("def evaluate", "def judge"), r"has no function evaluate; only Keras models"),
        (SOUND.replace("(None, 2)", "(None, 1)"), r"dataset 'eu': label 1 is outside the model's 1 classes"),
        (
            SOUND.replace("output_shape = ", "input_shape = (None, 4); output_shape = "),
            r"shape \(3,\), and .* takes \(4,\)",
        ),
        (SOUND + "def load_data(dataset):\n    return 3\n", r"load_data returned 'int'; a Data is wanted"),
        (
            SOUND + "def load_data(dataset):\n    raise KeyError\n",
            r"load_data raised KeyError at line 22 \(no message\)",
        ),
    ],
)
def test_a_program_that_is_out_of_order_is_an_error_that_names_it(learner_of: Make, source: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        learner_of(source)


def test_a_missing_program_is_an_error_that_names_it() -> None:
    with pytest.raises(InputError, match=r"program 'nowhere.py' can't be read \(No such file or directory\)"):
        load_program("nowhere.py")


def test_the_traceback_of_a_failure_begins_in_the_users_file(learner_of: Make) -> None:
    with pytest.raises(InputError) as caught:
        learner_of(MODEL + "def build_model():\n    return 1 / 0\n")

    assert caught.value.detail.startswith("Traceback")
    assert "program.py" not in caught.value.detail, "the user has nothing to mend in ours"
    assert "return 1 / 0" in caught.value.detail


def test_a_worker_without_a_program_is_told_to_get_one() -> None:
    spec = WorkerSpec(federation="f", worker="trainer-eu-eu", role="trainer", memberships=())

    with pytest.raises(InputError, match=r"give role 'trainer' a program"):
        Learner.load(spec)


def go_on(_done: float, _loss: float | None) -> bool:
    return True


def test_what_fails_in_a_round_is_no_fault_of_the_input_and_has_its_traceback(learner_of: Make) -> None:
    learner = learner_of(SOUND.replace("progress(1.0, 0.5)", "raise OSError('disk')"))

    with pytest.raises(WorkerError, match=r"train raised OSError at line 14 \(disk\)") as caught:
        learner.train(learner.initial(), 1, go_on)

    assert not isinstance(caught.value, InputError)
    assert "raise OSError('disk')" in caught.value.detail


def test_weights_that_are_not_finite_end_the_round_with_the_tensors_name(learner_of: Make) -> None:
    learner = learner_of(SOUND.replace("progress(1.0, 0.5)", "model.w[0] = np.inf"))

    with pytest.raises(WorkerError, match=r"tensor '0000' is not finite after round 3; .*lower learning rate"):
        learner.train(learner.initial(), 3, go_on)


def test_an_evaluation_that_makes_no_sense_is_an_error(learner_of: Make) -> None:
    learner = learner_of(SOUND.replace("return len(arrays), 0.25", "return 99, 0.25"))

    with pytest.raises(WorkerError, match=r"99 of 10 samples are correct"):
        learner.evaluate(learner.initial(), go_on)


@pytest.mark.parametrize(("loss", "counted"), [("0.25", 0.25), ("np.nan", 1e6), ("np.inf", 1e6), ("-9e9", -1e6)])
def test_a_loss_is_summed_in_fixed_point_and_capped(learner_of: Make, loss: str, counted: float) -> None:
    learner = learner_of(SOUND.replace("0.25", loss))

    evaluation = learner.evaluate(learner.initial(), go_on)

    assert evaluation.loss == round(counted * 10 * 2**20)
    assert evaluation.validation_loss == round(counted * 2 * 2**20)
    assert (evaluation.correct, evaluation.validation_correct) == (10, 2)


def test_a_model_that_changes_its_weights_in_place_does_not_change_the_callers(learner_of: Make) -> None:
    """The trainer keeps the round's model, to supply it to others."""
    learner = learner_of(SOUND.replace("progress(1.0, 0.5)", "model.w += 1"))
    weights = learner.initial()

    trained = learner.train(weights, 1, go_on).weights

    assert weights["0000"].max() == 0
    assert trained["0000"].min() == 1


def test_data_may_be_made_whole_by_the_program(learner_of: Make) -> None:
    source = SOUND + (
        "from worker.data import Arrays, Data\n"
        "def load_data(dataset):\n"
        "    part = Arrays(np.zeros((4, 3)), np.array([[0], [1], [0], [1]]))\n"
        "    return Data(part, part.take(slice(0)), part)\n"
    )

    learner = learner_of(source, "program:anything at all")

    assert learner.data.train.y.tolist() == [0, 1, 0, 1]
    assert learner.evaluate(learner.initial(), go_on).validation_count == 0


def test_digests_of_equal_data_are_equal_and_of_other_dtypes_differ() -> None:
    part = Arrays(np.zeros((4, 3)), np.zeros(4, np.int64))
    single = Arrays(part.x.astype(np.float32), part.y)

    assert Data(part, part, part).digest == Data(part, part, part).digest
    assert Data(part, part, part).digest != Data(single, part, part).digest
