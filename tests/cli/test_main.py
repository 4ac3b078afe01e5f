"""The command itself: starts at once, knows its verbs, complains in one way."""

import resource
import subprocess
import sys

import pytest

from cli.__main__ import main
from cli.errors import guarded
from worker.errors import InputError, WorkerError


def _fedtag(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "cli", *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def test_help_lists_the_verbs_without_loading_anything_heavy() -> None:
    _fedtag("--help")  # compiles what was not compiled yet
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = _fedtag("--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    assert done.returncode == 0
    assert all(verb in done.stdout for verb in ("check", "expand", "run", "report"))
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert seconds < 0.5, "a command that takes longer to say what it can do feels broken"
    loaded = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "cli", "--help"], capture_output=True, text=True, check=True
    ).stderr
    for heavy in ("numpy", "pydantic", "matplotlib", "rich", "ruamel.yaml", "paho.mqtt"):
        assert f" {heavy}\n" not in loaded, f"{heavy} slows --help down"


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("fedtag 0.")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rnu", "x"], "error: command 'rnu' is not known; did you mean 'run'?; there are check, expand"),
        (["frobnicate"], "error: command 'frobnicate' is not known; there are"),
        ([], "error: the following arguments are required: COMMAND"),
        (["run"], "error: the following arguments are required: STACK"),
        (["run", "x", "--fast"], "error: unrecognized arguments: --fast"),
    ],
)
def test_a_wrong_command_line_is_bad_input(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    err = capsys.readouterr().err
    assert ended.value.code == 2
    assert err.startswith(said)
    assert err.count("\n") == 1


@pytest.mark.parametrize("verb", ["run", "check", "expand"])
def test_an_unknown_stack_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    assert main([verb, "eu-us-asai"]) == 2

    err = capsys.readouterr().err
    assert "eu-us-asia" in err
    assert "did you mean" in err


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (InputError("the data is missing"), 2, "error: the data is missing\n"),
        (WorkerError("it broke", detail="trainer | Traceback\n"), 1, "trainer | Traceback\nerror: it broke\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_errors_become_a_line_and_a_status(
    capsys: pytest.CaptureFixture[str], error: BaseException, status: int, said: str
) -> None:
    def command() -> int:
        raise error

    assert guarded(command) == status
    assert capsys.readouterr().err == said


def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = [sys.executable, "-m", "cli", "expand", "eu-us-asia", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()

    assert said == ""
