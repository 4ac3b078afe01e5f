"""The programs that come with fedtag, and Keras' exactness, each in a process of its own."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tag.settings import DatasetSpec, TrainSettings
from tag.spec import WorkerSpec
from worker import export
from worker.tensors import pack
from worker.training import Learner

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / "worker" / "programs"
pytestmark = pytest.mark.timeout(300)  # 46 s of CPU in all, which take long where cores are shared
SCRIPT = """
import hashlib, json, sys
from pathlib import Path
from tag.spec import WorkerSpec
from worker import determinism
spec = WorkerSpec.model_validate_json(sys.argv[1])
determinism.prepare(spec.train.threads)
import numpy as np
from worker.tensors import pack
from worker.training import Learner
learner = Learner.load(spec)
go_on = lambda done, loss: True
said = {"digest": learner.data_digest, "names": learner.names, "accuracy": {}, "sha": {}}
start = learner.initial()
weights = start
for round_ in map(int, sys.argv[2].split(",")):
    if "same-start" in sys.argv:
        weights = start
    weights = learner.train(weights, round_, go_on).weights
    said["sha"][round_] = hashlib.sha256(pack(weights)).hexdigest()
    evaluation = learner.evaluate(weights, go_on)
    said["accuracy"][round_] = evaluation.correct / evaluation.count
said["parameters"] = sum(array.size for array in start.values())
"""


def run(
    program: str, uri: str, rounds: str, *words: str, worker: str = "trainer-eu-eu", more: str = ""
) -> dict[str, Any]:
    """What a trainer's process says about the rounds that it trained.

    Bytecode is kept, as it is for users: TensorFlow's import takes ten seconds without and three with it.
    """
    spec = WorkerSpec(
        federation="f",
        worker=worker,
        role="trainer",
        memberships=(),
        program=str(PROGRAMS / program),
        dataset=DatasetSpec(name="eu", uri=uri),
        train=TrainSettings(learning_rate=0.002),
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{SCRIPT}\n{more}\nprint(json.dumps(said))", spec.model_dump_json(), rounds, *words],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


@pytest.mark.slow
def test_a_restarted_trainer_repeats_a_round_of_a_net_with_dropout_to_the_bit_and_its_model_is_exported(
    tmp_path: Path,
) -> None:
    """Dropout keeps a counter in the living model: a round that reused it would differ after a restart."""
    export_and_reload = f"""
from worker import export
import keras
folder = Path({str(tmp_path)!r})
(folder / "model.safetensors").write_bytes(pack(weights))
kept, out = str(folder / "model.safetensors"), str(folder / "m.keras")
said["exit"] = export.main(["--program", spec.program, "--weights", kept, "--out", out])
wrong = folder / "wrong.safetensors"
wrong.write_bytes(pack(weights | {{"surplus": np.zeros(3)}}))
said["exit of wrong weights"] = export.main(["--program", spec.program, "--weights", str(wrong), "--out", out])
wrong.unlink()
test = learner.data.test
learner.model.set_weights(list(weights.values()))
reloaded = keras.saving.load_model(folder / "m.keras")
difference = np.abs(reloaded(test.x[:64], training=False) - learner.model(test.x[:64], training=False)).max()
said["difference"] = float(difference)
"""
    lived = run("mnist.py", "mnist:1/20", "1,2,3", "same-start")
    restarted = run("mnist.py", "mnist:1/20", "3", worker="trainer-old-world-eu", more=export_and_reload)

    assert lived["parameters"] == 34_826
    assert lived["digest"] == restarted["digest"]
    assert len(set(lived["sha"].values())) == 3, "each round has its own shuffle and dropout"
    assert lived["sha"]["3"] == restarted["sha"]["3"]
    assert lived["accuracy"]["3"] > 0.8
    assert restarted["exit"] == 0
    assert restarted["exit of wrong weights"] == 2
    assert restarted["difference"] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.keras", "model.safetensors"], "no draft is left"


@pytest.mark.slow
def test_digits_learn_from_the_data_of_scikit_learn_in_any_thread_and_stop_at_the_next_batch() -> None:
    """A worker's protocol has the main thread, its learner another one."""
    in_a_thread = """
import threading
from worker.errors import Stopped
again, heard, stopped = start, [], []
def work():
    global again
    for round_ in range(1, 9):
        again = learner.train(again, round_, go_on).weights
    try:
        learner.train(start, 1, lambda done, loss: heard.append(done) or len(heard) < 3)
    except Stopped:
        stopped.append(len(heard))
thread = threading.Thread(target=work)
thread.start()
thread.join()
said |= {"again": hashlib.sha256(pack(again)).hexdigest(), "stopped": stopped}
"""
    said = run("digits.py", "program:1/3", "1,2,3,4,5,6,7,8", more=in_a_thread)

    assert said["again"] == said["sha"]["8"], "a thread has no part in what a round gives"
    assert said["stopped"] == [3]
    assert said["names"][0] == "sequential/dense/kernel"
    assert said["accuracy"]["8"] > 0.75


@pytest.mark.slow
def test_medmnist_learns_from_made_data_when_there_is_no_file() -> None:
    said = run("medmnist.py", "program:1/2", "1,2,3")

    assert said["accuracy"]["3"] > 0.5, "chance is a ninth"


@pytest.mark.parametrize("part", ["mnist:1/3", "mnist:3/3"])
def test_softmax_learns_mnist_in_a_second(part: str) -> None:
    learner = Learner.load(
        WorkerSpec(
            federation="f",
            worker="trainer-eu-eu",
            role="trainer",
            memberships=(),
            program=str(PROGRAMS / "softmax.py"),
            dataset=DatasetSpec(name="eu", uri=part),
            train=TrainSettings(learning_rate=0.1),
        )
    )

    trained = learner.train(learner.initial(), 1, lambda _done, _loss: True)

    evaluation = learner.evaluate(trained.weights, lambda _done, _loss: True)
    assert evaluation.correct / evaluation.count > 0.85


PLAIN = """
import numpy as np
class M:
    def get_weights(self):
        return [np.zeros(2)]
    def set_weights(self, w):
        pass
"""


@pytest.mark.parametrize(
    "source", [PLAIN + "def build_model(): return M()\n", PLAIN + "def build_model(data): return M()\n"]
)
def test_export_of_a_model_that_is_not_keras_writes_nothing_and_is_fine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str
) -> None:
    program, weights, out = tmp_path / "p.py", tmp_path / "w.safetensors", tmp_path / "m.keras"
    program.write_text(source)
    weights.write_bytes(pack({"0000": np.zeros(2)}))

    status = export.main(["--program", str(program), "--weights", str(weights), "--out", str(out)])

    assert status == 0
    assert "no .keras file" in capsys.readouterr().out
    assert not out.exists()


@pytest.mark.parametrize("content", [None, b"junk"])
def test_export_of_weights_that_are_none_is_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    weights = tmp_path / "w.safetensors"
    if content is not None:
        weights.write_bytes(content)

    status = export.main(["--program", "p.py", "--weights", str(weights), "--out", "m.keras"])

    assert status == 2
    assert f"weights {str(weights)!r} can't be read" in capsys.readouterr().err


def test_export_of_a_program_that_is_missing_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(pack({"0000": np.zeros(2)}))

    status = export.main(["--program", "nowhere.py", "--weights", str(weights), "--out", "m.keras"])

    assert status == 2
    assert "program 'nowhere.py' can't be read" in capsys.readouterr().err
    assert hashlib.sha256(weights.read_bytes()).hexdigest(), "the weights are left alone"
