"""`fedtag diff OLD NEW`: what changes from one stack, or TAG, to another, in the TAG's words."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.faults import fail
from cli.targets import TARGET

if TYPE_CHECKING:
    from tag.diff import Difference
    from tag.load import Loaded
    from tag.summary import Fact

_EPILOG = """\
Lines begin with + (new), - (gone), ~ (other than before) or = (a role whose workers all go on).
Exit status: 0 whether or not they differ, with --exit-code 1 if they do; 2 bad input."""
_WORDS = {"+": "added", "-": "removed", "~": "changed", "=": "unchanged"}


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to fedtag's parser."""
    parser = subparsers.add_parser(
        "diff",
        help="say what changes from one stack or TAG to another",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("old", metavar="OLD", help=TARGET)
    parser.add_argument("new", metavar="NEW", help="likewise, and of the same kind")
    parser.add_argument("--exit-code", action="store_true", help="end with status 1 if they differ")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Compares; 0, or with --exit-code 1 if there are differences, 2 with faults."""
    from tag.diff import lines
    from tag.faults import TagError

    try:
        difference, plans = _difference(args.old, args.new)
    except TagError as error:
        return fail(error, as_json=args.json)
    if args.json:
        print(json.dumps({"ok": True, "differs": difference.differs, **_facts(difference)}))
    elif difference.differs:
        print("\n".join([*lines(difference), *_workers(difference, plans=plans)]))
    else:
        print(f"{args.old} and {args.new} say the same")
    return int(args.exit_code and difference.differs)


def _difference(old: str, new: str) -> tuple[Difference, bool]:
    """What changes, and whether the two are stacks.

    Raises:
        TagError: with the faults of both, or because one is a stack and the other a TAG.
    """
    from tag.diff import diff_plans, diff_tags
    from tag.faults import Fault, TagError
    from tag.load import is_stack, load_stack, load_tag

    kinds = [is_stack(target) for target in (old, new)]
    if kinds[0] != kinds[1]:
        stack, tag = (old, new) if kinds[0] else (new, old)
        message = f"is a TAG, and {stack} is a stack; compare two stacks or two TAGs"
        raise TagError([Fault(tag, 1, "T050", "TARGET", message)])
    faults: list[Fault] = []
    loaded: list[Any] = []
    for target in (old, new):
        try:
            loaded.append(load_stack(target, to_run=False) if kinds[0] else load_tag(Path(target)))
        except TagError as error:
            faults += error.faults
    if faults:
        raise TagError(faults)
    if not kinds[0]:
        return diff_tags(loaded[0].tag, loaded[1].tag), False
    return diff_plans(loaded[0].plan, loaded[1].plan, (_settings(loaded[0]), _settings(loaded[1]))), True


def _settings(stack: Loaded) -> list[Fact]:
    """How a stack stands on a cluster."""
    from tag.summary import Fact, flat

    return [Fact("kubernetes", "kubernetes", flat(stack.stack.kubernetes), "how it stands on a cluster")]


def _workers(difference: Difference, *, plans: bool) -> list[str]:
    if not plans:
        return []
    counts = {
        "new": len(difference.starting),
        "gone": len(difference.ending),
        "started anew": len(difference.restarting),
        "as before": difference.going_on,
    }
    return ["", "workers: " + ", ".join(f"{count:,} {word}" for word, count in counts.items())]


def _facts(difference: Difference) -> dict[str, Any]:
    changes = [
        {
            "change": _WORDS[change.sign],
            "kind": change.kind,
            "subject": change.subject,
            "text": change.text,
            "before": dict(change.before),
            "after": dict(change.after),
            "restarts": list(change.restarts),
        }
        for change in difference.changes
    ]
    return {
        "changes": changes,
        "starting": list(difference.starting),
        "ending": list(difference.ending),
        "restarting": list(difference.restarting),
        "goingOn": difference.going_on,
    }
