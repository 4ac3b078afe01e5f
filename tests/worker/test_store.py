"""An aggregator's bytes: a checkpoint's way to a replica, which then makes the same model."""

import numpy as np
import pytest

from tag.options import Optimizer
from worker.download import Download
from worker.protocol.messages import Held, ModelManifest, UpdateManifest
from worker.roles.store import Store
from worker.tensors import digest, pack
from worker.wire import chunk_count, decode, encode

SIZES = [3, 40_000, 200_000]
"""Parameters: all in one chunk; an edge within a chunk; several chunks of model and of state."""


def update(size: int, seed: int) -> bytearray:
    return pack({"a": np.random.default_rng(seed).standard_normal(size).astype(np.float32)})


def add(store: Store, seed: int, size: int) -> None:
    file = update(size, seed)
    base = store.digest
    manifest = UpdateManifest(1, 1, (1, "a"), base, "eu", 10, digest(file), len(file))
    store.stage(manifest)
    for index in range(chunk_count(len(file))):
        store.put("eu", decode(encode(memoryview(file), manifest.digest, index, b"")))
    assert store.count(manifest, share=1, trainers=1) is None


def begun(optimizer: Optimizer, size: int) -> Store:
    store = Store(optimizer.filled())
    file = update(size, 0)
    assert store.take_model(Held(0, 0, digest(file), len(file)), (), file), "at a run's begin no state is missing"
    return store


def sent(store: Store, manifest: ModelManifest) -> Download:
    """What a replica has of a checkpoint."""
    download = Download()
    download.begin(manifest)
    file = store.file(manifest.digest)
    assert file is not None
    for index in range(chunk_count(manifest.size)):
        assert download.put(decode(encode(file, manifest.digest, index, b"{}")))
    return download


@pytest.mark.parametrize("sort", ["fedavg", "fedavgm", "fedyogi"])
@pytest.mark.parametrize("size", SIZES)
def test_a_replica_goes_on_from_a_checkpoint_to_the_same_model(sort: str, size: int) -> None:
    optimizer = Optimizer(sort=sort)
    leader, standby = begun(optimizer, size), Store(optimizer.filled())
    add(leader, 1, size)
    leader.make_model(1, 1, ("eu",))
    manifest = leader.checkpoint((1, "a"))
    whole = sent(leader, manifest).finish()
    assert whole is not None

    known = standby.take_model(whole.held, manifest.participants, *whole.split())
    for store in (leader, standby):
        add(store, 2, size)
        store.make_model(1, 2, ("eu",))

    assert known, "its state is whole"
    assert whole.held.round == 2
    assert manifest.state == (len(leader.state) if leader.state is not None else 0)
    assert (standby.digest, standby.state) == (leader.digest, leader.state)
    assert leader.file(manifest.digest) is None, "a checkpoint's bytes are gone when the next model is made"


def test_a_model_without_its_state_is_told_apart_from_the_first_one() -> None:
    store = begun(Optimizer(sort="fedadam"), 4)
    file = update(4, 5)

    assert not store.take_model(Held(1, 3, digest(file), len(file)), (), file)
    assert Store(Optimizer()).take_model(Held(1, 3, digest(file), len(file)), (), file), "an average has none to lose"
