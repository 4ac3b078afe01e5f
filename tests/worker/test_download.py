"""A model that is coming in, whoever reads it."""

from hypothesis import given
from hypothesis import strategies as st

from tag.limits import CHUNK_BYTES
from worker.download import Download
from worker.protocol.messages import ModelManifest
from worker.tensors import digest
from worker.wire import Chunk, decode, encode

FILE = bytes(range(256)) * (5 * CHUNK_BYTES // 512)
DIGEST = digest(FILE)
MANIFEST = ModelManifest(1, 2, (1, "a"), DIGEST, len(FILE), ("eu",))


def chunk(index: int, file: bytes = FILE, named: str = DIGEST) -> Chunk:
    return decode(encode(memoryview(file), named, index, b"{}"))


@given(st.permutations(range(3)), st.integers(0, 2))
def test_chunks_in_any_order_and_twice_make_the_model_once(order: list[int], twice: int) -> None:
    download = Download()
    assert not download.put(chunk(0)), "nothing was begun"
    download.begin(MANIFEST)
    new = [download.put(chunk(index)) for index in (*order, twice)]
    done = download.finish()

    assert new == [True, True, True, False]
    assert done is not None
    assert (done.file, done.held.digest, done.held.round) == (FILE, DIGEST, 2)
    assert download.finish() is None
    assert download.digest == ""


def test_another_model_takes_the_place_of_the_one_under_way() -> None:
    download = Download()
    download.begin(MANIFEST)
    download.put(chunk(0))
    other = FILE[::-1]
    download.begin(ModelManifest(1, 3, (1, "a"), digest(other), len(other)))

    assert download.have(DIGEST) == 0
    assert not download.put(chunk(1)), "of the one before"


def test_bytes_with_another_digest_are_no_model() -> None:
    download = Download()
    download.begin(MANIFEST)
    for index in range(3):
        download.put(chunk(index, FILE[:-1] + b"x"))
    done = download.finish()

    assert done is not None
    assert done.file is None
