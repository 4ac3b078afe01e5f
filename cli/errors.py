"""The one place where errors become lines for the user and exit statuses: 0 fine, 1 failed, 2 bad input."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

INTERRUPTED = 130
_BROKEN_PIPE = 141


def guarded(command: Callable[[], int]) -> int:
    """Run a command; gives its exit status, also where it raised one of our errors."""
    from tag.faults import TagError
    from worker.errors import WorkerError

    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may lack a user's letters
    try:
        status = command()
        sys.stdout.flush()
    except TagError as error:
        from cli.faults import fail

        return fail(error, as_json=False)
    except WorkerError as error:
        sys.stderr.write(error.detail)
        print(f"error: {error}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader, such as head, has left; Python would complain once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    return status
