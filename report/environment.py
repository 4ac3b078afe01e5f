"""What a run's bits depend on besides its stack: versions of libraries and the CPU."""

import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

_PACKAGES = {
    "fedtag": ("fedtag",),
    "numpy": ("numpy",),
    "keras": ("keras",),
    "tensorflow": ("tensorflow-cpu", "tensorflow"),
    "scikit-learn": ("scikit-learn",),
    "paho-mqtt": ("paho-mqtt",),
}
_CPU_KEYS = {"model name": "model", "flags": "flags", "Features": "flags"}
_SYSCTL_S = 5


def versions() -> dict[str, str]:
    """The version of Python and of each library that is installed."""
    found = {"python": platform.python_version()}
    for name, distributions in _PACKAGES.items():
        for distribution in distributions:
            try:
                found[name] = metadata.version(distribution)
            except metadata.PackageNotFoundError:
                continue
            break
    return found


def cpu() -> dict[str, str]:
    """The CPU's `model` and `flags`; hashes of models are comparable only where both are equal."""
    if sys.platform == "darwin":
        found = {
            "model": _sysctl("machdep.cpu.brand_string"),
            "flags": _sysctl("machdep.cpu.features") or _sysctl("hw.optional"),
        }
    else:
        found = _proc(Path("/proc/cpuinfo"))
    return {"model": found.get("model") or platform.machine(), "flags": found.get("flags", "")}


def _proc(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return {}
    found: dict[str, str] = {}
    for line in lines:
        key, colon, value = line.partition(":")
        if colon and key.strip() in _CPU_KEYS:
            found.setdefault(_CPU_KEYS[key.strip()], value.strip())
    return found


def _sysctl(key: str) -> str:
    try:
        done = subprocess.run(
            ["/usr/sbin/sysctl", "-n", key], capture_output=True, text=True, timeout=_SYSCTL_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return " ".join(done.stdout.split())
