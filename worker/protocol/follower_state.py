"""A follower as a value: what it holds, what comes in, what it computes, what goes out."""

from collections.abc import Mapping

import msgspec

from worker.protocol.follower_io import Task
from worker.protocol.messages import NO_TERM, Evaluation, Held, State, Term, UpdateManifest
from worker.protocol.patience import Patience


class Fetching(msgspec.Struct, frozen=True):
    """A model that is coming in.

    Attributes:
        digest: its own.
        count: its chunks.
        have: how many are here without a gap.
        at: when the last one came.
        told: when that was last confirmed.
    """

    digest: str
    count: int
    have: int
    at: float
    told: float


class Upload(msgspec.Struct, frozen=True):
    """An update under way.

    Attributes:
        manifest: what it is.
        sent: chunks sent.
        at: when the last one was sent, or the leader's confirmation moved.
        confirmed: chunks that the leader has.
        done: whether the leader has counted it.
        again: chunks that go again after the next wait in vain: one, to see if it is lost, then ever twice as many.
    """

    manifest: UpdateManifest
    sent: int = 0
    at: float = 0.0
    confirmed: int = 0
    done: bool = False
    again: int = 1


class Follower(msgspec.Struct, frozen=True):
    """A follower.

    Attributes:
        dataset: its logical name.
        passes: whether it passes on what others below it train, and their evaluation with it.
        paired: whether a coordinator says whom to follow; then models come only to those who ask.
        ready: whether data and model are here.
        term: highest heard.
        leader: whose state is followed.
        state: the newest state.
        said: the term under which presence was last said.
        held: models whose bytes are kept, newest last; the initial one first.
        fetching: the model that is coming in.
        stalled: since when a model that is needed does not come.
        patience: how long that may last.
        task: what is being computed.
        evaluations: of held models, by digest.
        upload: the last update.
        late: the newest model, if a newer one was announced before it was whole.
        told: of which model the evaluation was told, under which term, and when.
    """

    dataset: str
    passes: bool = False
    paired: bool = False
    ready: bool = False
    term: Term = NO_TERM
    leader: str = ""
    state: State | None = None
    said: Term = NO_TERM
    held: tuple[Held, ...] = ()
    fetching: Fetching | None = None
    stalled: float = 0.0
    patience: Patience = Patience()
    task: Task | None = None
    evaluations: Mapping[str, Evaluation] = msgspec.field(default_factory=dict)
    upload: Upload | None = None
    late: str = ""
    told: tuple[str, Term, float] = ("", NO_TERM, 0.0)

    @property
    def busy(self) -> bool:
        """Whether it computes, or has an update to send."""
        return self.task is not None or (self.upload is not None and not self.upload.done)

    @property
    def needed(self) -> str:
        """The digest of the model that the current phase needs here; empty if none."""
        state = self.state
        if state is None or not self.ready or state.phase not in ("round", "evaluation"):
            return ""
        return state.model if self.dataset in state.selected else ""

    def holds(self, digest: str) -> bool:
        """Whether a model's bytes are here."""
        return any(held.digest == digest for held in self.held)
