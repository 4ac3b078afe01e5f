"""An aggregator's bytes: the model, the sum, what is staged, and what goes out."""

from collections.abc import Collection
from dataclasses import dataclass

from tag.limits import STAGING_BYTES, WINDOW_CHUNKS
from tag.options import Optimizer
from worker import optimizers
from worker.channel import Channel
from worker.protocol.buffer import UNIT
from worker.protocol.messages import Held, ModelManifest, Term, UpdateManifest, Want
from worker.protocol.streams import Stream
from worker.staging import Budget, Staged
from worker.sums import Sum, fault, sums_fault
from worker.tensors import Table, digest, read_table
from worker.wire import Chunk, Joined, Received, chunk_count, key_of


@dataclass
class Update:
    """An update that is staged."""

    manifest: UpdateManifest
    staged: Staged


class Store:
    """The model of a round and the sum of its updates; memory is 1 model, 2 for the sum, 1 for staging, and the state.

    Args:
        optimizer: by which the next model is made.

    Attributes:
        model: its bytes; None until one is held.
        state: of the optimizer; None if it has none.
        base: the model as its holders name it, and the datasets whose updates are in it.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self._optimizer = optimizer
        self._checkpoint = ""
        self._kept: tuple[str, bytes] | None = None
        self.model: bytearray | None = None
        self.state: bytearray | None = None
        self.base: tuple[Held, tuple[str, ...]] | None = None
        self._table: Table | None = None
        self._sum: Sum | None = None
        self._updates: dict[str, Update] = {}
        self._budget = Budget(STAGING_BYTES)

    @property
    def digest(self) -> str:
        """Of the model; empty if there is none."""
        return self.base[0].digest if self.base is not None else ""

    def take_model(
        self, held: Held, participants: tuple[str, ...], file: bytearray, state: bytearray | None = None
    ) -> bool:
        """Hold a model, with the optimizer's state or, where none fits, the first one; False if it is lost."""
        self.model, self.base = file, (held, participants)
        table = read_table(file)
        if table != self._table:
            self._table, self._sum = table, None
        self._budget.limit = max(STAGING_BYTES, len(file))
        if not self._optimizer.has_state:
            return True
        known = optimizers.fits(self._optimizer, table, state)
        self.state = state if known else optimizers.begin(self._optimizer, table)
        self._checkpoint = ""
        return known or held.run == 0

    def stage(self, manifest: UpdateManifest) -> None:
        """Make room for an update."""
        staged = Staged(manifest.digest, Received(manifest.size), self._budget)
        self._updates[manifest.dataset] = Update(manifest, staged)

    def unstage(self, dataset: str, *, only_sum: bool = False) -> None:
        """Forget a staged update, or all and the sum, or only that."""
        names = [dataset] if dataset else list(self._updates)
        for name in names if not only_sum else ():
            if (update := self._updates.pop(name, None)) is not None:
                update.staged.release()
        if not dataset and self._sum is not None and self._sum.samples:
            self._sum.clear()

    def put(self, dataset: str, chunk: Chunk) -> Received | None:
        """Keep a chunk of a dataset's update; None if it is not staged or not new.

        Raises:
            WireError: it is none of this transfer's.
        """
        update = self._updates.get(dataset)
        if update is None or key_of(update.manifest.digest) != chunk.key:
            return None
        return update.staged.received if update.staged.put(chunk) else None

    def size_of(self, manifest: UpdateManifest) -> int:
        """Bytes that an update must have: those of the model, or of its sums; 0 while there is no model."""
        if self._table is None:
            return 0
        return self._table.sums.size if manifest.participants else self._table.size

    def count(self, manifest: UpdateManifest, *, share: int, trainers: int, weight: int = 0) -> tuple[str, str] | None:
        """Check a whole update and add it; why not, as a reason and a sentence, if it is refused.

        Args:
            manifest: of the update.
            share: trainers whose updates are in it.
            trainers: of the whole round.
            weight: of a difference, or a sum of them, in units of `UNIT`; 0 where its samples weigh it.
        """
        update = self._updates.pop(manifest.dataset)
        try:
            if self._table is None:
                return "stale", "there is no model to compare with"
            if not update.staged.intact():
                return "corrupted", f"the update of dataset {manifest.dataset!r} has another SHA-256"
            data = update.staged.bytes()
            partial = bool(manifest.participants)
            samples = weight or manifest.samples
            if partial:
                why = sums_fault(data, self._table, samples=samples, share=share, trainers=trainers)
            else:
                why = fault(data, self._table, samples=samples, trainers=trainers)
            if why:
                return why
            self._sum = self._sum or Sum(self._table)
            if conflict := self._sum.conflict(data, partial=partial):
                return "wrong_shape", conflict
            if partial:
                self._sum.add_sums(data, samples, weight / UNIT if weight else 1.0)
            else:
                self._sum.add(data, samples)
            return None
        finally:
            update.staged.release()

    def make_model(self, run: int, number: int, participants: tuple[str, ...], scale: float = 0.0) -> Held:
        """Write the mean over the model's bytes, or add the sum times `scale` to them; the base of the next round."""
        if self.model is None or self._sum is None:
            raise ValueError("no model and no update to make one of")
        if scale:
            self._sum.shift(self.model, scale)
        else:
            optimizers.advance(self._optimizer, self._sum, self.model, self.state)
        self._sum.clear()
        held = Held(run, number + 1, digest(self.model), len(self.model))
        self.base, self._checkpoint = (held, participants), ""
        return held

    def checkpoint(self, term: Term) -> ModelManifest:
        """The manifest of what replicas need to go on: the model, and the optimizer's state if it has one."""
        if self.model is None or self.base is None:
            raise ValueError("no model to keep")
        held, participants = self.base
        if self.state is None:
            return ModelManifest(held.run, held.round, term, held.digest, held.size, participants)
        self._checkpoint = self._checkpoint or digest(self.model, self.state)
        size = held.size + len(self.state)
        return ModelManifest(
            held.run, held.round, term, self._checkpoint, size, participants, len(self.state), held.digest
        )

    def file(self, name: str) -> memoryview | Joined | None:
        """The bytes that have a SHA-256: the model's, the checkpoint's, those kept; None if they are here no more."""
        if self._kept is not None and name == self._kept[0]:
            return memoryview(self._kept[1])
        if self.model is None or name not in (self.digest, self._checkpoint):
            return None
        if name == self.digest or self.state is None:
            return memoryview(self.model)
        return Joined(memoryview(self.model), memoryview(self.state))

    def keep(self, digests: Collection[str]) -> None:
        """Keep the bytes of the model, which is about to be replaced, or of one before it, while they are being sent.

        Args:
            digests: of models that are on their way; at most one is kept beside the model.
        """
        if self._kept is not None and self._kept[0] in digests:
            return
        self._kept = None
        if self.model is not None and self.digest in digests:
            self._kept = (self.digest, bytes(self.model))

    def sums(self) -> bytearray:
        """The file of the sum; it stays as it is until the next round."""
        if self._sum is None:
            raise ValueError("no update, so no sum to pass on")
        return self._sum.file


class Outbox:
    """The way of models to readers: streams to groups, and chunks to those who ask."""

    def __init__(self, channel: Channel, store: Store) -> None:
        self._channel = channel
        self._store = store
        self._streams: dict[tuple[str, str], tuple[ModelManifest, Stream]] = {}
        self._direct: dict[str, int] = {}
        self._next: dict[tuple[str, str], tuple[ModelManifest, list[str]]] = {}

    def publish(
        self, kind: str, group: str, manifest: ModelManifest, readers: list[str], now: float, *, after: bool = False
    ) -> None:
        """Begin a model's stream to a group.

        Args:
            kind: of message.
            group: whose readers take it.
            manifest: of the model.
            readers: ids.
            now: by the monotonic clock.
            after: whether what is on its way there first comes to its end; else this takes its place.
        """
        if after and (kind, group) in self._under_way(now):
            self._next[kind, group] = (manifest, readers)
            return
        self._next.pop((kind, group), None)
        stream = Stream.to(readers, manifest.digest, chunk_count(manifest.size), now)
        self._streams[kind, group] = (manifest, stream)
        self._direct.clear()
        self.advance(now)

    def want(self, sender: str, group: str, want: Want, manifest: ModelManifest | None, now: float) -> None:
        """Take a reader's word: it confirms, or asks for what it lacks."""
        for key, (about, stream) in self._streams.items():
            if stream.digest == want.digest:
                self._streams[key] = (about, stream.confirm(sender, want.have, now))
        known = self._direct.get(sender)
        follows = known is not None and want.have > known - WINDOW_CHUNKS
        if manifest is not None and manifest.digest == want.digest and (want.ask or follows):
            first = want.have if want.ask or known is None else known
            last = min(chunk_count(manifest.size), want.have + WINDOW_CHUNKS)
            self._send("model", manifest, range(first, last), group, sender)
            self._direct[sender] = max(last, first)
        self.advance(now)

    def advance(self, now: float) -> None:
        """Send what the windows allow."""
        for (kind, group), (manifest, stream) in self._streams.items():
            after, chunks = stream.advance(now)
            if chunks:
                self._streams[kind, group] = (manifest, after)
                self._send(kind, manifest, chunks, group, "")
        for key in self._next.keys() - self._under_way(now).keys():
            manifest, readers = self._next.pop(key)
            if self._store.file(manifest.digest) is not None:
                self.publish(*key, manifest, readers, now)

    def under_way(self, now: float) -> frozenset[str]:
        """Digests of models that somebody still waits for the rest of."""
        return frozenset(self._under_way(now).values())

    def _under_way(self, now: float) -> dict[tuple[str, str], str]:
        return {
            key: stream.digest
            for key, (_, stream) in self._streams.items()
            if not stream.over(now) and self._store.file(stream.digest) is not None
        }

    def clear(self) -> None:
        """Forget all streams."""
        self._streams.clear()
        self._next.clear()
        self._direct.clear()

    def _send(self, kind: str, manifest: ModelManifest, chunks: range, group: str, to: str) -> None:
        if (file := self._store.file(manifest.digest)) is not None:
            self._channel.send_chunks(kind, file, manifest, chunks, group=group, to=to)
