"""Events out of workers' logs, whatever else stands there."""

import json
from collections.abc import Iterator

from remote import journal
from remote.cluster import Cluster, Pod
from worker import events as ev
from worker.errors import WorkerError


def _line(event: ev.Event) -> bytes:
    entry = {"time": "2026-01-01T00:00:00Z", "level": "info", "worker": event.worker, "event": event.to_json()}
    return json.dumps(entry).encode() + b"\n"


LEADING = ev.Leading(time=3.0, worker="aggregator-all-0", term=1)
READY = ev.Ready(time=1.0, worker="trainer-eu", dataset="eu", samples=3)


def test_events_are_found_among_everything_else() -> None:
    lines = [
        b"I0000 00:00:1795504410.002232 port.cc:153] oneDNN custom operations are on.\n",
        _line(READY),
        b'{"time": "2026-01-01T00:00:00Z", "level": "info", "message": "connected"}\n',
        b'{"event": "cut o\n',
        b'{"event": 7}\n',
        b'["event"]\n',
        b'{"event": "{\\"event\\": \\"of_another_release\\"}"}\n',
        b'\xff"event"\n',
        _line(ev.Progress(worker="trainer-eu", dataset="eu", phase="training")),
        _line(LEADING),
    ]

    assert list(journal.told(lines)) == [READY, LEADING], "progress is stale, the rest is no event"


class _Logs(Cluster):
    """A cluster that has logs and nothing else."""

    def __init__(self, current: dict[str, list[bytes]], before: dict[str, list[bytes]]) -> None:
        self.logs = {False: current, True: before}

    def log(self, pod: Pod, *, since: int | None = None, previous: bool = False) -> Iterator[bytes]:
        assert since is None
        if pod.name not in self.logs[previous]:
            raise WorkerError(f"no log of {pod.name}")
        yield from self.logs[previous][pod.name]


def test_logs_of_many_pods_become_one_story_in_the_order_of_time() -> None:
    cluster = _Logs({"a": [_line(LEADING)], "b": [_line(READY), _line(READY)]}, {})

    events, troubles = journal.read_all(cluster, [Pod("n", "a", "a"), Pod("n", "b", "b")])

    assert (events, troubles) == ([READY, LEADING], [])


def test_a_restarted_container_is_read_from_before_its_restart() -> None:
    again = ev.Ready(time=9.0, worker="trainer-eu", dataset="eu", samples=3)
    cluster = _Logs({"b": [_line(again)], "a": []}, {"b": [_line(READY)]})

    events, troubles = journal.read_all(cluster, [Pod("n", "b", "b", restarts=1), Pod("n", "a", "a", restarts=1)])

    assert events == [READY, again]
    assert troubles == [], "an older container's log may be gone; that is nobody's trouble"


def test_a_log_that_can_not_be_read_is_told_and_the_others_are_read() -> None:
    events, troubles = journal.read_all(_Logs({"b": [_line(READY)]}, {}), [Pod("n", "a", "a"), Pod("n", "b", "b")])

    assert events == [READY]
    assert troubles == ["no log of a"]
