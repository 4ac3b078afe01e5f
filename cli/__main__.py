"""The `fedtag` command."""

from __future__ import annotations

import argparse
import importlib
import sys
from difflib import get_close_matches
from keyword import iskeyword
from typing import TYPE_CHECKING, NoReturn

from cli.errors import guarded

if TYPE_CHECKING:
    from collections.abc import Sequence

_VERBS = (
    "check",
    "expand",
    "draw",
    "estimate",
    "diff",
    "new",
    "import",
    "schema",
    "run",
    "report",
    "watch",
    "result",
)


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints look like all others."""

    def error(self, message: str) -> NoReturn:
        """End with exit status 2."""
        self.exit(2, f"error: {message}; see {self.prog} --help\n")


class _Version(argparse.Action):
    """Prints the version, which is looked up only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version

        print(f"fedtag {version('fedtag')}")
        parser.exit()


def make_parser(verbs: Sequence[str] = _VERBS) -> argparse.ArgumentParser:
    """The parser of these verbs; each is a module with `register` and `run`, imported here and not before."""
    parser = _Parser(
        prog="fedtag",
        description="Turn a Topology Abstraction Graph into a running federated-learning system.",
        epilog="Exit status: 0 fine, 1 failed, 2 bad input, 130 interrupted.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for verb in verbs:
        importlib.import_module(f"cli.{verb}{'_' * iskeyword(verb)}").register(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; gives its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    verb = next((argument for argument in arguments if not argument.startswith("-")), None)
    if verb in _VERBS:
        parsed = make_parser([verb]).parse_args(arguments)
        return guarded(lambda: int(parsed.run(parsed)))
    parser = make_parser()
    if verb is not None:
        near = get_close_matches(verb, _VERBS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        parser.error(f"command {verb!r} is not known{hint}; there are {', '.join(_VERBS)}")
    parser.parse_args(arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
