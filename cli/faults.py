"""How a command ends that was given files with faults."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tag.faults import Fault, TagError


def fail(error: TagError, *, as_json: bool) -> int:
    """Prints what is wrong, on the error stream or as JSON, and gives the exit code for bad input."""
    from cli.excerpts import SHOWN, counted

    if as_json:
        print(json.dumps({"ok": False, "faults": as_dicts(error.faults)}))
        return 2
    for fault in error.faults[:SHOWN]:
        print(fault, file=sys.stderr)
    if len(error.faults) > SHOWN:
        print(f"… and {len(error.faults) - SHOWN:,} more; 'fedtag check --json' has all", file=sys.stderr)
    print(f"{counted(error.faults)}; nothing was started", file=sys.stderr)
    return 2


def as_dicts(faults: Iterable[Fault]) -> list[dict[str, Any]]:
    """Faults for JSON."""
    return [asdict(fault) for fault in faults]
