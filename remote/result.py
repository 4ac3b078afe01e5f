"""What a deployed run came to, in a folder like a local run's."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from remote.cluster import Pod
from remote.session import Session
from report.folder import RunFolder
from report.history import History
from tag.load import Loaded
from worker.errors import WorkerError
from worker.events import Evaluated, Event, Finished, RoundClosed, RoundOpened
from worker.protocol.messages import State
from worker.tensors import digest

SETTLE_S = 60.0
FETCH_S = 120.0


def await_end(session: Session, stack: str, *, partial: bool) -> State:
    """The state of the run's leader, when the run is over.

    Args:
        session: with the federation.
        stack: name, for messages.
        partial: a run that goes on will do.

    Raises:
        WorkerError: no leader answers, or the run is not over.
    """
    if not session.settle(SETTLE_S) or (state := session.state) is None:
        raise WorkerError(
            f"no aggregator leads stack {stack!r} within {SETTLE_S:g} s; see 'kubectl get pods', and the logs"
        )
    if state.phase in ("finished", "failed") or partial:
        return state
    where = f"in round {state.round} of {state.rounds}" if state.round else "not begun yet"
    raise WorkerError(
        f"the run of stack {stack!r} is not over, but {where}; follow it with 'fedtag watch {stack}', or take "
        "what it has reached with --partial"
    )


def keep(session: Session, loaded: Loaded, state: State, folder: RunFolder) -> str:
    """Fill a run's folder, but for what is made of it: events, plan, facts, logs, and the model if there is one.

    Args:
        session: with the federation.
        loaded: the stack.
        state: of the run's leader.
        folder: new.

    Returns:
        What the workers' logs do not tell any more, as a sentence; or empty.

    Raises:
        WorkerError: the model does not come.
    """
    folder.begin(loaded, versions={}, cpu={})
    events = [e for e in session.catch_up(folder.logs) if getattr(e, "run", state.run) == state.run]
    for event in events:
        folder.append(event)
    sha = None
    if state.model:
        model = session.fetch_model(FETCH_S)
        sha = digest(model)
        folder.model.write_bytes(model)
    pods = [pod for place in session.places() for pod in place.pods]
    folder.update(**_facts(state, events, sha), versions=_images(pods))
    return _lacking(events, state, loaded.stack.kubernetes.log_level)


def _facts(state: State, events: Sequence[Event], sha: str | None) -> dict[str, Any]:
    """The fields of run.json that tell how the run went."""
    begun = min((e.time for e in events if isinstance(e, RoundOpened)), default=None)
    ended = max((e.time for e in events if isinstance(e, RoundClosed | Evaluated | Finished)), default=None)
    scores = {e.model: e.accuracy for e in events if isinstance(e, Evaluated)}
    facts: dict[str, Any] = {"outcome": "interrupted", "model_sha256": sha, "accuracy": scores.get(sha or "")}
    facts["message"] = f"the run goes on: this is what it had reached in round {state.round} of {state.rounds}"
    if state.phase in ("finished", "failed"):
        facts |= {"outcome": state.phase, "message": state.message if state.phase == "failed" else ""}
    if begun is not None:
        facts["started"] = datetime.fromtimestamp(begun, UTC).isoformat(timespec="seconds")
        facts["seconds"] = round(max(0.0, (ended or begun) - begun), 3)
    return facts


def _images(pods: Sequence[Pod]) -> dict[str, str]:
    """The images of the workers and their digests, which stand for the versions of all libraries."""
    found: dict[str, set[str]] = {}
    for pod in pods:
        found.setdefault(f"image {pod.image}", set()).add(pod.image_id.rpartition("@")[2] or "unknown")
    return {image: ", ".join(sorted(ids)) for image, ids in sorted(found.items())}


def _lacking(events: Sequence[Event], state: State, level: str) -> str:
    """What a whole history of the run would have, and this one has not."""
    if not events:
        return (
            f"the workers' logs tell nothing of the run, so that the report is empty, though the model is whole; their "
            f"kubernetes.logLevel is {level!r}, and a lower one keeps events"
        )
    run = History(events).run(state.run)
    done = state.rounds if state.phase == "finished" else state.round - 1
    missing = [number for number in range(1, done + 1) if run.at(number).closing is None]
    if not missing:
        return ""
    rounds = ", ".join(map(str, missing))
    return (
        f"the workers' logs do not tell of round {rounds}: a pod was replaced since, or its log was cut; the model is "
        "whole, the report is not"
    )
