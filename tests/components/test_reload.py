"""The broker's helpers, run by a shell: they copy what Kubernetes brings, and ask the broker to read it again."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from components import access, reload

WAIT_S = 20
SHELL = shutil.which("sh") or ""

pytestmark = pytest.mark.skipif(not SHELL, reason="there is no POSIX shell")


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """What Kubernetes mounts, by links as it does, and what the broker reads."""
    source, target, data = tmp_path / "source", tmp_path / "run", tmp_path / "data"
    for folder in (source, target, data):
        folder.mkdir()
    for name in ("acl", "tls.key"):
        (data / name).write_text(f"first {name}")
        (source / name).symlink_to(data / name)
    return source, target


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends at a hang-up; `proc` shows it, and no other, as mosquitto."""
    # Whoever started these tests may have had hang-ups ignored, which processes inherit.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    process = subprocess.Popen([str(shutil.which("sleep")), "60"])
    signal.signal(signal.SIGHUP, before)
    entry = tmp_path / "proc" / str(process.pid)
    entry.mkdir(parents=True)
    (entry / "comm").write_text("mosquitto\n")
    other = tmp_path / "proc" / str(os.getpid())
    other.mkdir()
    (other / "comm").write_text("mosquitto_sub\n")
    yield process
    process.kill()
    process.wait(WAIT_S)


@pytest.fixture
def script(tmp_path: Path, folders: tuple[Path, Path]) -> Callable[[str], str]:
    """A helper's script with the folders of this test."""

    def _script(text: str) -> str:
        places = {reload.SOURCE: folders[0], access.FOLDER: folders[1], "/proc/": f"{tmp_path}/proc/"}
        for place, here in places.items():
            text = text.replace(place, str(here))
        return text

    return _script


def test_the_broker_gets_plain_files_that_only_it_can_read(
    script: Callable[[str], str], folders: tuple[Path, Path]
) -> None:
    """Mosquitto 2.1 refuses the links by which Kubernetes mounts Secrets."""
    subprocess.run([SHELL, "-c", script(reload.COPY)], check=True)

    for name in ("acl", "tls.key"):
        copy = folders[1] / name
        assert not copy.is_symlink()
        assert copy.read_text() == f"first {name}"
        assert copy.stat().st_mode & 0o077 == 0


def test_a_changed_rule_is_copied_and_the_broker_alone_is_told(
    script: Callable[[str], str], folders: tuple[Path, Path], broker: subprocess.Popen[bytes]
) -> None:
    source, target = folders
    subprocess.run([SHELL, "-c", script(reload.COPY)], check=True)
    watch = subprocess.Popen([SHELL, "-c", script(reload.WATCH)], stdout=subprocess.PIPE, text=True)
    try:
        time.sleep(0.2)
        assert broker.poll() is None, "nothing has changed yet"
        source.joinpath("acl").resolve().write_text("second acl")

        assert watch.stdout is not None
        assert watch.stdout.readline() == "reloaded acl\n"
        assert broker.wait(WAIT_S) == -signal.SIGHUP
        assert (target / "acl").read_text() == "second acl"
        assert not (target / "acl").is_symlink()
        assert (target / "acl").stat().st_uid == os.getuid(), "mosquitto 2.1 warns of rules that somebody else owns"
        assert (target / "acl").stat().st_mode & 0o077 == 0, "and of rules that others can read"
    finally:
        watch.terminate()
        assert watch.wait(WAIT_S) == 0, "a helper that ignores its end keeps a pod for its whole grace period"
        if watch.stdout is not None:
            watch.stdout.close()


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="this system has no /proc/net/tcp")
def test_the_probe_succeeds_only_while_something_listens() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        command = [SHELL, "-c", reload.listening(listener.getsockname()[1])]
        assert subprocess.run(command, capture_output=True, check=False).returncode != 0

        listener.listen()

        assert subprocess.run(command, capture_output=True, check=False).returncode == 0
