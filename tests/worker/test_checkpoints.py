"""Checkpoints on a volume: what comes back after a crash."""

from pathlib import Path

from worker.checkpoints import KEEP_S, Checkpoints, Volume
from worker.journal import Journal
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


def test_of_short_rounds_not_each_goes_to_the_disk_but_the_last_one_does(tmp_path: Path) -> None:
    volume = Volume(tmp_path, Journal(role="aggregator", worker="a"))
    kept = []
    for number, now in enumerate((10.0, 10.1, 10.2, 10.1 + KEEP_S), start=1):
        volume.keep(Held(1, number, digest(model(number)), 7), (), model(number), now)
        volume.settle()
        kept.append(read(tmp_path))
    volume.keep(Held(1, 5, digest(model(5)), 7), (), model(5))
    volume.settle()

    assert [found[0] for found in kept if found] == [1, 1, 1, 4]
    assert read(tmp_path) == (5, model(5))


def test_a_disk_that_takes_nothing_is_told_and_ends_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "volume"
    checkpoints = Checkpoints(folder)
    folder.rmdir()
    checkpoints.begin(Held(1, 1, "0" * 64, 3), ("eu",), b"abc")

    trouble = checkpoints.settle()

    assert "could not be written" in trouble
    assert str(folder) in trouble
    assert checkpoints.settle() == "", "told once"


def test_an_optimizers_state_comes_back_with_its_model_or_neither_does(tmp_path: Path) -> None:
    """A model with another round's state, or with none, would go on to another model, and nobody would know."""
    checkpoints = Checkpoints(tmp_path)
    for number in (1, 2, 3):
        file = model(number)
        held = Held(1, number, digest(file), len(file))
        checkpoints.begin(held, ("eu",), file, b"state %d" % number)
        assert checkpoints.settle() == ""
    whole = checkpoints.read()
    states = sorted(tmp_path.glob("*.optimizer.safetensors"))

    states[-1].write_bytes(b"state 9")
    damaged = checkpoints.read()

    assert whole is not None
    assert (whole[0].round, whole[2], whole[3]) == (3, model(3), b"state 3")
    assert len(states) == 2, "older ones are gone"
    assert damaged is not None
    assert (damaged[0].round, damaged[3]) == (2, b"state 2")


def test_a_volume_keeps_what_an_earlier_release_wrote_without_a_state(tmp_path: Path) -> None:
    write(tmp_path, 1)

    found = Checkpoints(tmp_path).read()

    assert found is not None
    assert found[3] is None
