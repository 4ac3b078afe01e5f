"""A follower's model on its way in: what it takes, confirms, and asks for again. Pure, as `follower.step`."""

from msgspec.structs import replace

from tag.limits import WINDOW_CHUNKS, model_window
from worker.protocol import follower_io as io
from worker.protocol.follower_state import Fetching, Follower
from worker.protocol.messages import ModelManifest, Want
from worker.protocol.patience import STALLED_S
from worker.protocol.streams import confirms
from worker.wire import chunk_count

Step = tuple[Follower, list[io.Action]]


def offered(follower: Follower, manifest: ModelManifest, now: float) -> Step:
    """Make room for a model that is announced, unless it is here or coming."""
    if manifest.term < follower.term or follower.holds(manifest.digest):
        return follower, []
    if follower.fetching is not None and follower.fetching.digest == manifest.digest:
        return follower, []
    fetching = Fetching(manifest.digest, chunk_count(manifest.size), 0, now, now)
    return replace(follower, fetching=fetching, stalled=now, patience=follower.patience.anew()), [io.Fetch(manifest)]


def held(follower: Follower, event: io.Holding) -> Step:
    """Keep a model that is whole: the initial one and those of the two newest rounds, should all aggregators forget.

    For who passes on, those below it keep them.
    """
    models = (event.held,) if follower.passes else (*follower.held[:1], *follower.held[1:][-1:], event.held)
    state = follower.state
    late = "" if state is None or event.held.digest == state.model else event.held.digest
    follower = replace(follower, held=models, fetching=None, late=late)
    kept = frozenset(h.digest for h in models)
    evaluations = {digest: e for digest, e in follower.evaluations.items() if digest in kept}
    return replace(follower, evaluations=evaluations), [io.Forget(kept)]


def received(follower: Follower, event: io.Came | io.Spoiled, now: float) -> Step:
    """Note what came, and confirm it twice a window."""
    fetching = follower.fetching
    if fetching is None or fetching.digest != event.digest:
        return follower, []
    if isinstance(event, io.Spoiled):
        return replace(follower, fetching=None, stalled=now), []
    patience = follower.patience.moved(now - fetching.at)
    window = model_window(len(follower.state.selected)) if follower.state is not None else WINDOW_CHUNKS
    due = confirms(fetching.have, event.have, count=fetching.count, window=window)
    # Half a window may take long, and whoever is silent is left behind.
    due = due or (now - fetching.told >= STALLED_S and fetching.have < event.have < fetching.count)
    told = now if due else fetching.told
    fetching = replace(fetching, have=event.have, at=now, told=told)
    follower = replace(follower, fetching=fetching, stalled=now, patience=patience)
    if follower.leader and due:
        return follower, [io.SendWant(follower.leader, Want(follower.term, fetching.digest, event.have))]
    return follower, []


def advance(follower: Follower, now: float) -> Step:
    """Ask for a model that is needed and does not come."""
    digest = follower.needed
    if not digest or follower.holds(digest) or now - follower.stalled < follower.patience.seconds:
        return follower, []
    fetching = follower.fetching
    have = fetching.have if fetching is not None and fetching.digest == digest else 0
    want = Want(follower.term, digest, have, ask=True)
    return replace(follower, stalled=now, patience=follower.patience.in_vain()), [io.SendWant(follower.leader, want)]
