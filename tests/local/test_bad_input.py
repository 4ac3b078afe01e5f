"""Bad input of a run: exit status 2, one clear line, no traceback, no folder and no process left."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

TABLE = """
class Model:
    def __init__(self, shape=(8, 3)):
        import numpy
        self.weights = [numpy.zeros(shape, numpy.float32)]
        self.input_shape, self.output_shape = (None, shape[0]), (None, shape[1])
    def get_weights(self):
        return self.weights
    def set_weights(self, weights):
        self.weights = list(weights)
def train(model, arrays, settings, progress):
    return 0.0
def evaluate(model, arrays):
    return 0, 0.0
"""
UNEQUAL = (
    TABLE
    + """
_name = ""
def load_data(dataset):
    global _name
    _name = dataset.name
    return dataset.load()
def build_model():
    model = Model()
    if _name == "data-2":
        import numpy
        model.weights.append(numpy.zeros(3, numpy.float32))
    return model
"""
)
SOUND = TABLE + "def build_model():\n    return Model()\n"


def _write(federation: Any, case: str) -> Any:
    match case:
        case "empty":
            federation.data(x_train=np.zeros((0, 8)), y_train=np.zeros(0, int)).write()
        case "shape":
            federation.data(x_train=np.zeros((600, 9))).write()
        case "labels":
            federation.data(y_train=np.arange(600) % 5).write(program=SOUND)
        case "program":
            federation.write(program=TABLE)
        case "unequal":
            federation.write(program=UNEQUAL)
        case "raises":
            federation.write(program=SOUND.replace("return Model()", "return Modle()"))
    return federation


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("empty", "part is empty"),
        ("shape", "samples have different shapes"),
        ("labels", "label 4 is outside the model's 3 classes"),
        ("program", "has no function build_model"),
        ("unequal", "data-2"),
        ("raises", "build_model raised NameError"),
    ],
)
def test_what_a_worker_finds_wrong_ends_the_run_as_bad_input(
    federations: Callable[[], Any], case: str, said: str
) -> None:
    run = _write(federations(), case).run()

    assert run.status == 2, run.err
    (line,) = [line for line in run.err.splitlines() if line.startswith("error: ")]
    assert said in line
    assert run.err.splitlines()[-1] == line
    assert ("Traceback" in run.err) == (case == "raises"), "only the user's own code has a traceback to show"
    assert not run.runs.exists(), "nothing is left behind"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"rounds": 0}, "rounds"),
        ({"quorum": 4}, "quorum"),
        ({"epoch": 2}, "epochs"),
        ({"tag": "tags/none.yaml"}, "none.yaml"),
    ],
)
def test_what_the_stack_gets_wrong_starts_nothing(
    federations: Callable[[], Any], settings: dict[str, Any], said: str
) -> None:
    run = federations().write(**settings).run()

    assert run.status == 2
    assert "Pulumi.demo.yaml:" in run.err
    assert said in run.err
    assert "Traceback" not in run.err
    assert not run.runs.exists()


def test_a_missing_data_file_starts_nothing(federations: Callable[[], Any]) -> None:
    federation = federations().write()
    (federation.root / "blobs.npz").unlink()

    run = federation.run()

    assert run.status == 2
    assert "blobs.npz" in run.err
    assert "Traceback" not in run.err
    assert not run.runs.exists()


def test_a_folder_that_cant_be_written_is_bad_input(federations: Callable[[], Any]) -> None:
    federation = federations().write()
    (federation.root / "file").touch()

    run = federation.run(runs="file/runs")

    assert run.status == 2
    assert run.err.splitlines()[-1].startswith("error: folder ")
