"""How long `pulumi preview` takes: this package beside a hand-written program with the same objects, and at scale.

    python tests/bench/preview.py [--times 5] [--regions 100 --trainers 10]

Needs `pulumi` on PATH and a cluster in KUBECONFIG; makes nothing there. The hand-written program is a flat list of the
objects that the package registers, one statement each, in a project of its own.
"""

import argparse
import json
import os
import pprint
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks
from ruamel.yaml import YAML

from components.federation import Federation
from components.settings import federation_args
from tag.load import load_stack
from tag.stack import FEDERATION

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ("Pulumi.yaml", "__main__.py", "components", "tag", "worker", "stacks", "pyproject.toml")
SECRET = "9f1c5a3e7b2d4860a1c3e5f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b"  # noqa: S105  of this measurement only
SECRET_MARK = "4dabf18193072939515e22adb298388d"  # noqa: S105  the key by which Pulumi marks a secret on the wire
ENVIRONMENT = {"PULUMI_CONFIG_PASSPHRASE": "of this measurement only", "PULUMI_SKIP_UPDATE_CHECK": "1"}


class Recorder(Mocks):
    """Keeps what a program registers."""

    def __init__(self) -> None:
        self.found: list[MockResourceArgs] = []

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Answer with the inputs."""
        self.found.append(args)
        return f"{args.name}-id", args.inputs

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], None]:
        """No function is called by our components."""
        raise AssertionError(args.token)


def _record(stack: Path) -> list[MockResourceArgs]:
    args = federation_args(load_stack(stack), SECRET, encrypted=True)
    recorder = Recorder()
    pulumi.runtime.set_mocks(recorder, project="bench", stack="bench", preview=False)

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def run() -> None:
        Federation(args.plan.federation, args)

    run()
    return [found for found in recorder.found if found.typ.startswith("kubernetes:")]


def _plain(value: Any) -> Any:
    """Inputs without the marks of secrets, and numbers as they were."""
    if isinstance(value, Mapping):
        return _plain(value["value"]) if SECRET_MARK in value else {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _statement(found: MockResourceArgs) -> str:
    """One object, as somebody would write it who knows all of it beforehand."""
    _, module, kind = found.typ.split(":")
    group, _, version = module.rpartition("/")
    package = f"k8s.{(group or 'core').partition('.')[0]}.{version}.{kind}"
    inputs = {key: value for key, value in _plain(found.inputs).items() if key not in {"kind", "apiVersion"}}
    data = inputs.pop("stringData", None)
    lines = [f"{package}(", f"    {found.name!r},"]
    lines += [f"    {_snake(key)}={pprint.pformat(value, width=110)}," for key, value in inputs.items()]
    lines += [f"    string_data=pulumi.Output.secret({data!r}),"] if data is not None else []
    return "\n".join([*lines, "    opts=pulumi.ResourceOptions(provider=provider),", ")"])


def _snake(key: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in key)


def _by_hand(folder: Path, found: list[MockResourceArgs]) -> None:
    folder.mkdir()
    head = "import pulumi\nimport pulumi_kubernetes as k8s\n\n"
    head += 'provider = k8s.Provider("kubernetes", enable_config_map_mutable=True, enable_secret_mutable=True)\n'
    (folder / "__main__.py").write_text(head + "\n".join(_statement(each) for each in found) + "\n")
    shutil.copy(ROOT / "Pulumi.yaml", folder)
    (folder / "stacks").mkdir()
    (folder / ".venv").symlink_to(Path(sys.prefix))


def _package(folder: Path) -> None:
    folder.mkdir()
    for name in PROJECT:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    (folder / ".venv").symlink_to(Path(sys.prefix))


def _grow(stack: Path, regions: int, trainers: int) -> None:
    """The stack with so many regions of so many trainers."""
    yaml = YAML()
    names = [f"region-{n:03}" for n in range(regions)]
    tag = stack.parent / "tags" / "regions.yaml"
    graph = yaml.load(tag)
    graph["channels"][0]["groupBy"]["value"] = names
    yaml.dump(graph, tag)
    document = yaml.load(stack)
    document["config"][FEDERATION]["datasets"] = {
        name: [{"name": f"{name}-{k:02}", "uri": f"program:{name}/{k}"} for k in range(trainers)] for name in names
    }
    yaml.dump(document, stack)


def _pulumi(folder: Path, state: Path, *arguments: str) -> str:
    environment = {**os.environ, **ENVIRONMENT, "PULUMI_BACKEND_URL": f"file://{state}"}
    command = ["pulumi", "--non-interactive", *arguments, "--stack", "eu-us-asia"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def _previewed(folder: Path, state: Path) -> float:
    start = time.monotonic()
    _pulumi(folder, state, "preview")
    return time.monotonic() - start


def measure(times: int, regions: int | None, trainers: int) -> dict[str, Any]:
    """Medians in seconds of previews in turn, and the number of objects."""
    with tempfile.TemporaryDirectory(prefix="fedtag-bench-") as name:
        base = Path(name)
        ours, hand = base / "package", base / "hand"
        _package(ours)
        stack = ours / "stacks" / "Pulumi.eu-us-asia.yaml"
        if regions is not None:
            _grow(stack, regions, trainers)
        found = _record(stack)
        _by_hand(hand, found)
        states = {folder: base / f"state-{folder.name}" for folder in (ours, hand)}
        for folder, state in states.items():
            state.mkdir()
            _pulumi(folder, state, "stack", "init")
            _pulumi(folder, state, "config", "set", "--secret", "fedtag:secret", SECRET)
        seconds: dict[Path, list[float]] = {ours: [], hand: []}
        for _ in range(times):
            for folder, state in states.items():
                seconds[folder].append(_previewed(folder, state))
        medians = {folder.name: round(statistics.median(taken), 2) for folder, taken in seconds.items()}
        return {"objects": len(found), **medians, "ratio": round(medians["package"] / medians["hand"], 3)}


def main() -> None:
    """Print the medians as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--regions", type=int)
    parser.add_argument("--trainers", type=int, default=10)
    given = parser.parse_args()
    print(json.dumps(measure(given.times, given.regions, given.trainers)))


if __name__ == "__main__":
    main()
