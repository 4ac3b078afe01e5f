"""`python -m local.child MODULE …`: run a module as a program that ends when its parent does.

The parent holds the other end of this process' standard input. It closes when the parent ends, however it ends, so
that nothing is left behind even by SIGKILL; that works on every system, unlike Linux' parent-death signal.
"""

import contextlib
import os
import runpy
import signal
import sys
import threading
import time

GRACE_S = 5.0
"""Seconds that an orphan has to end by itself."""


def main() -> None:
    """Take the module's name from the command line and run it with the arguments that follow."""
    module, *arguments = sys.argv[1:]
    sys.argv = [module, *arguments]
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _end_with_parent() -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 1024):
            pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(1)


if __name__ == "__main__":
    main()
