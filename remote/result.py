"""What a deployed run came to, in a folder like a local run's."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from remote.cluster import Pod
from remote.session import Session
from report.folder import RunFolder
from report.histories import Histories
from report.traffic import Ledger
from tag.load import Loaded
from tag.roots import Lineage, lineage
from worker.errors import WorkerError
from worker.events import Evaluated, Event, Finished, RoundClosed, RoundOpened
from worker.protocol.messages import State
from worker.tensors import digest

SETTLE_S = 60.0
FETCH_S = 120.0


def await_end(session: Session, stack: str, *, partial: bool) -> dict[str, State]:
    """The states of the runs' leaders by logical sender, when all runs are over or one has failed.

    Args:
        session: with the federation.
        stack: name, for messages.
        partial: a run that goes on will do.

    Raises:
        WorkerError: no leader answers, or a run is not over.
    """
    if not session.settle(SETTLE_S):
        silent = [root.name for root in session.roots if root.name not in session.states]
        who = "no aggregator" if len(session.roots) == 1 else f"nobody of {', '.join(silent)}"
        raise WorkerError(f"{who} leads stack {stack!r} within {SETTLE_S:g} s; see 'kubectl get pods', and the logs")
    states = dict(session.states)
    going = [root for root in session.roots if states[root.name].phase not in ("finished", "failed")]
    if not going or partial or any(state.phase == "failed" for state in states.values()):
        return states
    state = states[going[0].name]
    where = f"in round {state.round} of {state.rounds}" if state.round else "not begun yet"
    which = f"experiment {going[0].title!r}" if len(session.roots) > 1 else "the run"
    raise WorkerError(
        f"{which} of stack {stack!r} is not over, but {where}; follow it with 'fedtag watch {stack}', or take "
        "what it has reached with --partial"
    )


def keep(session: Session, loaded: Loaded, states: Mapping[str, State], folder: RunFolder) -> str:
    """Fill a run's folder, but for what is made of it: events, plan, facts, logs, and the models if there are any.

    Args:
        session: with the federation.
        loaded: the stack.
        states: of the runs' leaders, by logical sender.
        folder: new.

    Returns:
        What the workers' logs do not tell any more, as a sentence; or empty.

    Raises:
        WorkerError: a model does not come.
    """
    folder.begin(loaded, versions={}, cpu={})
    known = lineage(loaded.plan)
    several = len(known.roots) > 1
    runs = {root.title if several else "": states[root.name].run for root in known.roots}
    first = next(iter(runs.values()))
    events = [
        e
        for e in session.catch_up(folder.logs)
        if getattr(e, "run", None) in (None, runs.get(known.title(e.worker), first))
    ]
    for event in events:
        folder.append(event)
    reached = []
    for root in known.roots:
        title, state, sha = root.title if several else "", states[root.name], None
        if state.model:
            model = session.fetch_model(FETCH_S, root.name)
            sha = digest(model)
            folder.keep_model(model, title)
        own = [e for e in events if e.worker in root.workers]
        scores = {e.model: e.accuracy for e in own if isinstance(e, Evaluated)}
        reached.append({"name": title, "model_sha256": sha, "accuracy": scores.get(sha or "")})
    facts: dict[str, Any] = (
        {"experiments": reached} if several else {k: reached[0][k] for k in reached[0] if k != "name"}
    )
    pods = [pod for place in session.places() for pod in place.pods]
    traffic = Ledger(loaded.plan, events).traffic().told()
    folder.update(**_facts(states, events), **facts, traffic=traffic, versions=_images(pods))
    return _lacking(events, known, states, loaded.stack.kubernetes.log_level)


def _facts(states: Mapping[str, State], events: Sequence[Event]) -> dict[str, Any]:
    """The fields of run.json that tell how the run went; of several, it went as the worst."""
    begun = min((e.time for e in events if isinstance(e, RoundOpened)), default=None)
    ended = max((e.time for e in events if isinstance(e, RoundClosed | Evaluated | Finished)), default=None)
    failed = next((state for state in states.values() if state.phase == "failed"), None)
    going = next((state for state in states.values() if state.phase not in ("finished", "failed")), None)
    facts: dict[str, Any] = {"outcome": "finished", "message": ""}
    if failed is not None:
        facts = {"outcome": "failed", "message": failed.message}
    elif going is not None:
        had = f"what it had reached in round {going.round} of {going.rounds}"
        facts = {"outcome": "interrupted", "message": f"the run goes on: this is {had}"}
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


def _lacking(events: Sequence[Event], known: Lineage, states: Mapping[str, State], level: str) -> str:
    """What a whole history of the run would have, and this one has not."""
    if not events:
        return (
            f"the workers' logs tell nothing of the run, so that the report is empty, though the model is whole; their "
            f"kubernetes.logLevel is {level!r}, and a lower one keeps events"
        )
    histories = Histories(known, events)
    missing: set[int] = set()
    for root in known.roots:
        state = states[root.name]
        run = histories.by_title[root.title if histories.several else ""].run(state.run)
        done = state.rounds if state.phase == "finished" else state.round - 1
        missing |= {number for number in range(1, done + 1) if run.at(number).closing is None}
    if not missing:
        return ""
    rounds = ", ".join(map(str, sorted(missing)))
    return (
        f"the workers' logs do not tell of round {rounds}: a pod was replaced since, or its log was cut; the model is "
        "whole, the report is not"
    )
