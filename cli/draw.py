"""`fedtag draw TARGET`: the roles, channels, groups and workers of a stack or a TAG, as a picture or as text."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.faults import as_dicts, fail
from cli.targets import add_target, load

if TYPE_CHECKING:
    from report.graph.model import Graph
    from tag.faults import Fault

_FORMATS = ("svg", "png", "mermaid", "dot")
_SUFFIXES = {".svg": "svg", ".png": "png", ".mmd": "mermaid", ".mermaid": "mermaid", ".dot": "dot", ".gv": "dot"}
_PICTURES = ("svg", "png")
_STDOUT = Path("-")


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to fedtag's parser."""
    parser = subparsers.add_parser("draw", help="draw a stack or a TAG", description=__doc__)
    add_target(parser)
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        help="where to write; its ending says the format; '-' is the standard output "
        "(default: TARGET.svg or TARGET.png here; Mermaid and DOT are printed)",
    )
    parser.add_argument("--format", choices=_FORMATS, help="of the drawing (default: as FILE ends, else svg)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Draws; 0 with a drawing, 2 with faults."""
    from tag.faults import TagError

    try:
        form = _format(args.format, args.out)
        if args.json and args.out == _STDOUT and form == "png":
            raise _fault("--out", "a PNG can't stand in JSON; name a FILE, or choose another --format")
        graph, warnings = _graph(args.target, args.job)
        content = _drawn(graph, form)
        out = _destination(args.target, args.out, form)
        if out is not None:
            _write(out, content)
    except TagError as error:
        return fail(error, as_json=args.json)
    if args.json:
        print(json.dumps(_facts(graph, warnings, form, out, content)))
        return 0
    for warning in warnings:
        print(warning, file=sys.stderr)
    if out is None:
        _print(content)
    else:
        print(f"{out}: {_summary(graph)}")
    return 0


def _fault(subject: str, message: str) -> Exception:
    from tag.faults import Fault, TagError

    return TagError([Fault("fedtag draw", 1, "T050", subject, message)])


def _format(form: str | None, out: Path | None) -> str:
    """The format that is asked for, or that the file's name ends in.

    Raises:
        TagError: neither says one.
    """
    if form is not None:
        return form
    if out is None or out == _STDOUT:
        return "svg"
    if (found := _SUFFIXES.get(out.suffix.lower())) is None:
        raise _fault(
            "--out", f"{str(out)!r} ends in no known format; end it in {', '.join(_SUFFIXES)}, or add --format"
        )
    return found


def _graph(target: str, job: Path | None) -> tuple[Graph, tuple[Fault, ...]]:
    """What is drawn, and the warnings of its files.

    Raises:
        TagError: with the faults of the files.
    """
    from report.graph.build import from_plan, from_tag
    from tag.load import Expanded

    loaded = load(target, job)
    graph = from_plan(loaded.plan) if isinstance(loaded, Expanded) else from_tag(loaded.tag)
    return graph, loaded.warnings


def _drawn(graph: Graph, form: str) -> bytes:
    if form in _PICTURES:
        from report.chart_tag import picture

        return picture(graph, "svg" if form == "svg" else "png")
    from report.graph.dot import dot
    from report.graph.mermaid import mermaid
    from report.graph.outline import outline
    from report.palette import colours_of

    write = mermaid if form == "mermaid" else dot
    return write(outline(graph), colours_of(graph.groups, graph.regions)).encode()


def _destination(target: str, out: Path | None, form: str) -> Path | None:
    """The file to write; None is the standard output."""
    from tag.stack import stack_name

    if out is not None:
        return None if out == _STDOUT else out
    if form not in _PICTURES:
        return None
    path = Path(target)
    known = stack_name(path)
    return Path(f"{known or (path.stem if path.suffix in ('.yaml', '.yml', '.json') else path.name)}.{form}")


def _write(out: Path, content: bytes) -> None:
    """Writes the file whole or not at all.

    Raises:
        TagError: it can't be written.
    """
    draft = out.parent / f".{out.name}.draft"
    try:
        draft.write_bytes(content)
        draft.replace(out)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise _fault(
            "--out", f"file {str(out)!r} can't be written ({error.strerror}); name another with --out"
        ) from error


def _print(content: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def _summary(graph: Graph) -> str:
    from report.graph.words import workers_of

    roles = ", ".join(f"{role.name} ({workers_of(role.count)})" for role in graph.roles)
    return f"{roles}; {', '.join(channel.name for channel in graph.channels)}"


def _facts(graph: Graph, warnings: tuple[Fault, ...], form: str, out: Path | None, content: bytes) -> dict[str, Any]:
    facts: dict[str, Any] = {"ok": True, "faults": as_dicts(warnings), "format": form, "tag": graph.name}
    facts["federation"] = graph.federation or None
    facts["roles"] = [
        {"name": role.name, "tier": role.tier, "workers": role.count, "groups": len(role.crowds)}
        for role in graph.roles
    ]
    facts["channels"] = [
        {"name": channel.name, "pair": [channel.upper, channel.lower], "groups": list(channel.groups)}
        for channel in graph.channels
    ]
    facts["file"] = None if out is None else str(out)
    if out is None:
        facts["text"] = content.decode() if form != "png" else None
    return facts
