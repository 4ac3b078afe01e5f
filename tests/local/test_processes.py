"""Children and workers: they end within a bound, crashes are shown under their names, nothing is left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from local.processes import Child, Command
from local.workers import RESTARTS, Workers
from worker.errors import InputError, WorkerError

Script = Callable[..., Command]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """A command that runs some Python."""

    def make(name: str, text: str) -> Command:
        module = f"script_{name.replace('-', '_')}"
        (tmp_path / f"{module}.py").write_text(text)
        return Command(name, module, (), tmp_path / f"{name}.log", environment={"PYTHONPATH": str(tmp_path)})

    return make


def _wait(true: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()


def _says(child: Child, word: str) -> bool:
    return _wait(lambda: any(word in line for line in child.output()))


def test_a_child_that_will_not_end_is_killed_with_all_that_it_started(script: Script) -> None:
    stubborn = """if True:
        import signal, subprocess, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        print("grandchild", grandchild.pid, flush=True)
        time.sleep(60)
    """
    child = Child(script("stubborn", stubborn))
    assert _says(child, "grandchild")
    grandchild = int(child.output()[-1].split()[1])
    begun = time.monotonic()

    child.stop(grace=0.3)

    assert time.monotonic() - begun < 5
    assert child.poll() == -signal.SIGKILL
    assert _wait(lambda: not psutil.pid_exists(grandchild)), "it was in the same group"


def test_a_child_that_ends_on_request_is_not_killed(script: Script) -> None:
    polite = """if True:
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
        print("ready", flush=True)
        time.sleep(60)
    """
    child = Child(script("polite", polite))
    assert _says(child, "ready")

    child.stop()

    assert child.poll() == 7


def test_a_child_ends_when_the_runner_is_killed(script: Script, tmp_path: Path) -> None:
    command = script("orphan", "import time; print('up', flush=True); time.sleep(60)")
    code = f"""if True:
        import os, signal, time
        from pathlib import Path
        from local.processes import Child, Command
        child = Child(Command("orphan", {command.module!r}, (), Path({str(tmp_path / "o.log")!r}),
                              environment={{"PYTHONPATH": {str(tmp_path)!r}}}))
        while not child.output():
            time.sleep(0.02)
        print(child.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30)

    assert _wait(lambda: not psutil.pid_exists(int(done.stdout))), "an orphan would train for nobody"


def test_a_crash_is_shown_under_the_workers_name_and_ends_the_run_after_some_new_starts(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.workers.BACKOFF_S", 0.01)
    note = "I0000 00:00:1795504410.002232   12731 port.cc:153] oneDNN custom operations are on."
    crashing = script(
        "trainer-eu", f"import json\nprint({note!r})\nprint(json.dumps({{'level': 'hid' + 'den'}}))\n{{}}['weights']"
    )
    said: list[str] = []
    workers = Workers([crashing], say=said.append)
    workers.start()

    with pytest.raises(WorkerError, match=rf"'trainer-eu' ended with exit status 1 {RESTARTS + 1} times") as caught:
        _until_raised(workers)

    assert not isinstance(caught.value, InputError), "a crash is not the user's input"
    assert said.count("trainer-eu | KeyError: 'weights'") == RESTARTS + 1
    assert "trainer-eu | Traceback (most recent call last):" in said
    assert not any("hidden" in line or "port.cc" in line for line in said), "log entries are for the log"
    assert not any("runpy" in line or "child.py" in line for line in said), "how it was started helps nobody"
    assert workers.pids == {}


def test_bad_input_of_a_worker_ends_the_run_at_once(script: Script) -> None:
    bad = script(
        "trainer-eu",
        "import sys\nprint('  line 3 of mine.py')\nprint('error: no data')\nsys.exit(2)",
    )
    said: list[str] = []
    workers = Workers([bad], say=said.append)
    workers.start()

    with pytest.raises(InputError, match=r"^no data$") as caught:
        _until_raised(workers)

    assert caught.value.detail == "trainer-eu |   line 3 of mine.py\n"
    assert said == [], "the caller shows the error once"


def test_a_killed_worker_is_started_again(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.workers.BACKOFF_S", 0.01)
    said: list[str] = []
    workers = Workers([script("trainer-eu", "import time; time.sleep(60)")], say=said.append)
    workers.start()
    first = workers.pids["trainer-eu"]
    try:
        os.kill(first, signal.SIGKILL)
        assert _wait(lambda: _second(workers) not in (first, None))
        assert said == ["trainer-eu | was ended by signal 9; it is started again in 0.01 s (1 of 3)"]
    finally:
        workers.kill()


def test_the_run_goes_on_without_as_many_trainers_as_the_quorum_spares(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.workers.BACKOFF_S", 0.001)
    commands = [script(f"trainer-{name}", "raise SystemExit(1)") for name in ("eu", "us")]
    said: list[str] = []
    workers = Workers(commands, say=said.append, dispensable=frozenset(c.name for c in commands), spare=1)
    workers.start()

    with pytest.raises(WorkerError, match="the run needs it"):
        _until_raised(workers)

    assert sum("the run goes on without it" in line for line in said) == 1


def _second(workers: Workers) -> int | None:
    workers.check()
    return workers.pids.get("trainer-eu")


def _until_raised(workers: Workers, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        workers.check()
        time.sleep(0.005)
