"""Child processes: started in a session of their own, ended within a bound, never left behind."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

GRACE_S = 5.0
"""Seconds between SIGTERM and SIGKILL."""
_KILLED_S = 10.0
_POLL_S = 0.01
_MOST_LINES = 60
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_NOTE = re.compile(r"[IW]\d{4} \d\d:\d\d:\d+\.\d+ |WARNING: All log messages before absl::InitializeLog")
_LAUNCHER = tuple(f'  File "{file}"' for file in ("<frozen runpy>", Path(__file__).with_name("child.py")))


@dataclass(frozen=True)
class Command:
    """A module to run as a process.

    Attributes:
        name: of the process, for people.
        module: run by `python -m`.
        arguments: its command line.
        log: file that its output is appended to.
        threads: of numeric libraries; workers set them too, but libraries read them early.
        environment: more variables.
    """

    name: str
    module: str
    arguments: tuple[str, ...]
    log: Path
    threads: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)


class Child:
    """A running command; it ends when this process does (`local.child`).

    Attributes:
        log: file with its output.
        started: by the monotonic clock.
    """

    def __init__(self, command: Command) -> None:
        self.log = command.log
        self._offset = command.log.stat().st_size if command.log.exists() else 0
        # A dictionary's order is fixed, a set's is not: with one hash seed, a user's program repeats in this too.
        environment = os.environ | {"PYTHONHASHSEED": "0", "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}
        environment |= dict.fromkeys(_THREADS, str(command.threads)) | dict(command.environment)
        with command.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "local.child", command.module, *command.arguments],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
            )
        self.started = time.monotonic()

    @property
    def pid(self) -> int:
        """Its process id, which is also its group's."""
        return self._process.pid

    def poll(self) -> int | None:
        """Its exit status, or None while it runs; a signal's is negative."""
        return self._process.poll()

    def terminate(self) -> None:
        """Ask it to end."""
        if self.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it and whatever it started, at once."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait(_KILLED_S)
        if self._process.stdin is not None:
            self._process.stdin.close()

    def stop(self, grace: float = GRACE_S) -> None:
        """Ask it to end, and end it if it has not after `grace` seconds."""
        stop_all([self], grace)

    def wait(self, timeout: float) -> int | None:
        """Its exit status, or None if it still runs after `timeout` seconds."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout)
        return None

    def output(self) -> list[str]:
        """The last lines that it wrote for people: no log entries (JSON objects), none of TensorFlow's notes."""
        with self.log.open("rb") as file:
            file.seek(self._offset)
            lines = file.read().decode(errors="replace").splitlines()
        return _without_launcher(
            [line for line in lines if line.strip() and not _is_entry(line) and not _NOTE.match(line)]
        )[-_MOST_LINES:]


def stop_all(children: Iterable[Child], grace: float = GRACE_S) -> None:
    """Ask all to end, and end those that have not after `grace` seconds."""
    children = list(children)
    try:
        for child in children:
            child.terminate()
        deadline = time.monotonic() + grace
        while any(child.poll() is None for child in children) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
    finally:
        for child in children:
            child.kill()


def _without_launcher(lines: Iterable[str]) -> list[str]:
    """Lines without a traceback's frames of `local.child`, which tell nobody anything."""
    kept = []
    inside = False
    for line in lines:
        if line.startswith('  File "'):
            inside = line.startswith(_LAUNCHER)
        elif not line.startswith("    "):
            inside = False
        if not inside:
            kept.append(line)
    return kept


def _is_entry(line: str) -> bool:
    if not line.startswith("{"):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
