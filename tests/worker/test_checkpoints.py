"""Checkpoints on a volume: what comes back after a crash."""

from pathlib import Path

from worker.checkpoints import Checkpoints
from worker.protocol.messages import Held
from worker.tensors import digest


def write(folder: Path, *rounds: int) -> None:
    """Keep a model of each round."""
    checkpoints = Checkpoints(folder)
    for number in rounds:
        file = model(number)
        checkpoints.begin(Held(1, number, digest(file), len(file)), ("eu", "us"), file)
        assert checkpoints.settle() == ""


def model(number: int) -> bytearray:
    return bytearray(f"model {number}".encode())


def read(folder: Path) -> tuple[int, bytearray] | None:
    found = Checkpoints(folder).read()
    return (found[0].round, found[2]) if found is not None else None


def test_the_newest_of_two_generations_comes_back(tmp_path: Path) -> None:
    write(tmp_path, 1, 2, 3)

    assert read(tmp_path) == (3, model(3))
    assert len(list(tmp_path.glob("*.safetensors"))) == 2, "older ones are gone"


def test_a_damaged_or_half_written_model_gives_way_to_the_one_before(tmp_path: Path) -> None:
    write(tmp_path, 4, 5)
    newest = max(tmp_path.glob("*.safetensors"))
    newest.write_bytes(newest.read_bytes()[:-1])
    (tmp_path / ".00000001-00000006.safetensors.part").write_bytes(b"mod")

    assert read(tmp_path) == (4, model(4))


def test_an_empty_folder_gives_nothing(tmp_path: Path) -> None:
    assert read(tmp_path / "new") is None


def test_a_disk_that_takes_nothing_is_told_and_ends_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "volume"
    checkpoints = Checkpoints(folder)
    folder.rmdir()
    checkpoints.begin(Held(1, 1, "0" * 64, 3), ("eu",), b"abc")

    trouble = checkpoints.settle()

    assert "could not be written" in trouble
    assert str(folder) in trouble
    assert checkpoints.settle() == "", "told once"
