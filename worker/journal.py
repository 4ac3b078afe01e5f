"""What a worker says of itself: JSON lines on stderr."""

import json
import sys
import time
from typing import Any

LEVELS = ("debug", "info", "warning", "error")


class Journal:
    """Log lines of one worker, from a level on.

    Attributes:
        round: put on each line; whoever runs the rounds keeps it current.
    """

    def __init__(self, *, role: str, worker: str, level: str = "info") -> None:
        self.round = 0
        self._head = {"role": role, "worker": worker}
        self._least = LEVELS.index(level)

    def write(self, level: str, message: str, **fields: Any) -> None:
        """Write a line."""
        if LEVELS.index(level) < self._least:
            return
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = {"time": stamp, "level": level, **self._head, "round": self.round, "message": message, **fields}
        sys.stderr.write(json.dumps(line) + "\n")
        sys.stderr.flush()
