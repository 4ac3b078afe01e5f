"""What commands on a deployed stack share: its argument, and its outputs beside its file."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from remote.outputs import Deployed
    from tag.load import Loaded


def add_stack(parser: argparse.ArgumentParser) -> None:
    """Adds the stack's argument to a command's parser."""
    parser.add_argument(
        "stack", metavar="STACK", help="a deployed stack's name (stacks/Pulumi.NAME.yaml), or its stack file"
    )


def find(stack: str) -> tuple[Loaded, Deployed]:
    """A stack's file and the outputs of its last `pulumi up`; warns if they differ.

    Raises:
        InputError: there is no such stack, or it is not deployed.
        WorkerError: Pulumi does not answer.
    """
    from remote.outputs import read_outputs
    from tag.load import load_stack

    loaded = load_stack(stack)
    deployed = read_outputs(loaded)
    if differs := deployed.differs(loaded):
        print(f"warning: {differs}", file=sys.stderr)
    return loaded, deployed
