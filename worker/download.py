"""A model that is coming in, at whoever reads models: a trainer, a replica, the operator."""

from dataclasses import dataclass

from worker.protocol.messages import Held, ModelManifest
from worker.staging import Staged
from worker.wire import Chunk, Received, key_of


@dataclass(frozen=True)
class Downloaded:
    """A model that has come whole.

    Attributes:
        manifest: what it was announced as.
        file: its bytes, with an optimizer's state at the end of a checkpoint; None if their SHA-256 is another.
    """

    manifest: ModelManifest
    file: bytearray | None

    @property
    def held(self) -> Held:
        """The model as its holder names it, without an optimizer's state."""
        manifest = self.manifest
        if manifest.state:
            return Held(manifest.run, manifest.round, manifest.model, manifest.size - manifest.state)
        return Held(manifest.run, manifest.round, manifest.digest, manifest.size)

    def split(self) -> tuple[bytearray, bytearray | None]:
        """The model's file, and the optimizer's state if it came along."""
        file = self.file or bytearray()
        if not self.manifest.state:
            return file, None
        size = self.held.size
        state = file[size:]
        del file[size:]
        return file, state


class Download:
    """At most one model under way; a new one takes the place of the one before."""

    def __init__(self) -> None:
        self._manifest: ModelManifest | None = None
        self._staged: Staged | None = None

    @property
    def digest(self) -> str:
        """Of the model under way; empty if there is none."""
        return self._manifest.digest if self._manifest is not None else ""

    def have(self, digest: str) -> int:
        """Chunks of a model that are here without a gap."""
        return self._staged.received.confirmed if self._staged is not None and self.digest == digest else 0

    def begin(self, manifest: ModelManifest) -> None:
        """Make room for a model; its chunks follow."""
        self.drop()
        self._manifest = manifest
        self._staged = Staged(manifest.digest, Received(manifest.size))

    def drop(self) -> None:
        """Forget what is under way."""
        if self._staged is not None:
            self._staged.release()
        self._manifest = self._staged = None

    def put(self, chunk: Chunk) -> bool:
        """Keep a chunk; whether it was new and of the model under way.

        Raises:
            WireError: its index or length is none of this model's.
        """
        if self._staged is None or key_of(self._staged.digest) != chunk.key:
            return False
        return self._staged.put(chunk)

    def finish(self) -> Downloaded | None:
        """The model, if it has come whole; then nothing is under way any more."""
        manifest, staged = self._manifest, self._staged
        if manifest is None or staged is None or not staged.received.whole:
            return None
        found = Downloaded(manifest, staged.take() if staged.intact() else None)
        self.drop()
        return found
