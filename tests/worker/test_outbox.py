"""Models on their way while the next ones are made."""

from typing import Any

import numpy as np
import pytest

from tag.limits import CHUNK_BYTES, WINDOW_CHUNKS
from tag.options import Optimizer
from worker.protocol.messages import Held, ModelManifest, Want
from worker.roles.store import Outbox, Store
from worker.tensors import digest, pack

TERM = (1, "aggregator-all-0")
COUNT = 3 * WINDOW_CHUNKS


class Channel:
    """Takes what is sent: of each chunk its model's version and its bytes."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int, int, bytes]] = []

    def send_chunks(
        self, _kind: str, file: memoryview, manifest: ModelManifest, chunks: range, *, group: str, **_: Any
    ) -> None:
        for index in chunks:
            part = bytes(file[index * CHUNK_BYTES : index * CHUNK_BYTES + 256])
            self.sent.append((group, manifest.round, index, part))


@pytest.fixture
def outbox() -> tuple[Outbox, Store, Channel]:
    """An outbox whose models take three windows."""
    channel, store = Channel(), Store(Optimizer(sort="fedbuff"))
    return Outbox(channel, store), store, channel  # type: ignore[arg-type]


def make(store: Store, version: int, outbox: Outbox, now: float) -> ModelManifest:
    """The next version in the place of the one before, as a root makes it."""
    file = pack({"w": np.full(CHUNK_BYTES // 4 * COUNT - 64, version, np.float32)})
    store.keep(outbox.under_way(now))
    if store.model is None:
        store.take_model(Held(1, version, digest(file), len(file)), (), file)
    else:
        store.model[:] = file
        store.base = (Held(1, version, digest(file), len(file)), ())
    return ModelManifest(1, version, TERM, digest(file), len(file))


def confirm(outbox: Outbox, manifest: ModelManifest, have: int) -> None:
    outbox.want("a", "far", Want(TERM, manifest.digest, have), None, 2.0)


def test_a_version_comes_whole_though_newer_ones_are_made_and_then_the_newest_follows(
    outbox: tuple[Outbox, Store, Channel],
) -> None:
    box, store, channel = outbox
    first = make(store, 1, box, 0.0)
    box.publish("model", "far", first, ["a"], 0.0, after=True)
    for version in (2, 3, 4):
        newer = make(store, version, box, 1.0)
        box.publish("model", "far", newer, ["a"], 1.0, after=True)
    assert {version for _, version, _, _ in channel.sent} == {1}

    for have in range(WINDOW_CHUNKS // 2, COUNT, WINDOW_CHUNKS // 2):
        confirm(box, first, have)

    of_first = [(index, part) for _, version, index, part in channel.sent if version == 1]
    assert [index for index, _ in of_first] == list(range(COUNT))
    assert {np.frombuffer(part, np.float32)[-1] for _, part in of_first} == {1.0}, "its own bytes, not the newest ones"
    assert {version for _, version, _, _ in channel.sent} == {1, 4}


def test_a_reader_that_is_lost_does_not_keep_the_newest_version_from_its_group(
    outbox: tuple[Outbox, Store, Channel],
) -> None:
    box, store, channel = outbox
    box.publish("model", "far", make(store, 1, box, 0.0), ["a"], 0.0, after=True)
    box.publish("model", "far", make(store, 2, box, 1.0), ["a", "b"], 1.0, after=True)
    box.advance(60.0)

    assert {version for _, version, _, _ in channel.sent} == {1, 2}


def test_one_model_at_most_is_kept_beside_the_newest(outbox: tuple[Outbox, Store, Channel]) -> None:
    box, store, channel = outbox
    first, near = make(store, 1, box, 0.0), []
    box.publish("model", "far", first, ["a"], 0.0, after=True)
    for version in (2, 3):
        near.append(make(store, version, box, 1.0))
        box.publish("model", "near", near[-1], ["b"], 1.0, after=True)

    assert store.file(first.digest) is not None
    assert store.file(near[0].digest) is None
    assert [version for group, version, _, _ in channel.sent if group == "near"][-1] == 3
