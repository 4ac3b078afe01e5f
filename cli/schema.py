"""`fedtag schema tag|stack`: the JSON Schema by which editors complete and check a file."""

from __future__ import annotations

import argparse
import json

KINDS = ("tag", "stack")


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to fedtag's parser."""
    parser = subparsers.add_parser("schema", help="print the JSON Schema of a TAG or a stack file", description=__doc__)
    parser.add_argument("kind", metavar="KIND", choices=KINDS, help=" or ".join(KINDS))
    parser.add_argument("--json", action="store_true", help="in one line")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the schema."""
    from tag.json_schema import SCHEMAS

    print(json.dumps(SCHEMAS[args.kind](), indent=None if args.json else 2, ensure_ascii=False))
    return 0
