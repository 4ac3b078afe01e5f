"""What workers told before anybody listened: no broker keeps it, but each worker writes it into its log."""

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from remote.cluster import Cluster, Pod
from worker.errors import WorkerError
from worker.events import Event, Progress, read_event

_AT_ONCE = 8
_MARK = b'"event"'


def told(lines: Iterable[bytes]) -> Iterator[Event]:
    """The events in a log's lines, but for progress, which is stale."""
    for line in lines:
        if _MARK not in line:
            continue
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # cut off, or of another program
        text = entry.get("event") if isinstance(entry, dict) else None
        event = read_event(text) if isinstance(text, str) else None
        if event is not None and not isinstance(event, Progress):
            yield event


def key(event: Event) -> str:
    """What two tellings of the same event have in common."""
    return event.to_json()


def read_pod(cluster: Cluster, pod: Pod, *, since: int | None = None, copy: Path | None = None) -> list[Event]:
    """The events in a pod's log, also of before its container's last restart.

    Args:
        cluster: of the pod.
        pod: a worker's.
        since: only of the last seconds.
        copy: file that the log is written to.

    Raises:
        WorkerError: the cluster does not give it.
    """
    found: list[Event] = []
    for previous in (True, False) if pod.restarts else (False,):
        try:
            lines = cluster.log(pod, since=since, previous=previous)
            found += told(lines if copy is None else _copied(lines, copy))
        except WorkerError:
            if not previous:  # an older container's log may be gone by now
                raise
    return found


def read_all(
    cluster: Cluster, pods: Iterable[Pod], *, since: int | None = None, folder: Path | None = None
) -> tuple[list[Event], list[str]]:
    """The events in the logs of many pods, in the order of their times, each once; and why logs could not be read.

    Args:
        cluster: of the pods.
        pods: of workers.
        since: only of the last seconds.
        folder: where the logs are copied to, as WORKER.log.
    """

    def one(pod: Pod) -> list[Event] | str:
        try:
            return read_pod(cluster, pod, since=since, copy=folder / f"{pod.worker}.log" if folder else None)
        except WorkerError as error:
            return str(error)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(one, pods))
    events = {key(event): event for answer in answers if not isinstance(answer, str) for event in answer}
    return sorted(events.values(), key=lambda event: event.time), [a for a in answers if isinstance(a, str)]


def _copied(lines: Iterable[bytes], path: Path) -> Iterator[bytes]:
    with path.open("ab") as out:
        for line in lines:
            out.write(line)
            yield line
