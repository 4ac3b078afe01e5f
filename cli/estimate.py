"""`fedtag estimate TARGET`: traffic, memory and limits of a stack or a TAG before anything runs, also scaled up."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, NamedTuple

from cli.faults import as_dicts, fail
from cli.targets import add_target, load, load_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tag.estimate.totals import Settings
    from tag.faults import Fault
    from tag.kubernetes import Kubernetes
    from tag.plan import Plan
    from tag.schema import Tag

_EPILOG = """\
Bytes are of MQTT's payload; TLS, MQTT and TCP add a few per cent. A round's seconds are of its transfers only; while
trainers train, each says and hears about 0.15 kB a second more.
--regions and --trainers scale the TAG up on paper: groups and datasets are multiplied, and the result is expanded.
Exit status: 0 fine, also with warnings; 2 bad input."""

_MOST = 1_000_000
"""Regions or trainers on paper."""


class _Target(NamedTuple):
    """What is estimated."""

    name: str
    tag: Tag
    plan: Plan
    warnings: Sequence[Fault]
    kubernetes: Kubernetes | None


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to fedtag's parser."""
    parser = subparsers.add_parser(
        "estimate",
        help="say what a stack or a TAG will take: bytes, memory, seconds",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_target(parser)
    parser.add_argument(
        "--model-size",
        metavar="SIZE",
        help="40MB, 139304 (bytes) or '34826 parameters'; left out, the program builds its model here",
    )
    parser.add_argument("--link", metavar="SPEED", help="of each region's link: 100mbit, 1gbit, 10MB/s")
    parser.add_argument("--data-size", metavar="SIZE", help="of all raw data, where it is not known: 1.2GB")
    parser.add_argument("--regions", metavar="N", type=int, help="estimate so many groups of trainers")
    parser.add_argument("--trainers", metavar="N", type=int, help="estimate so many trainers in all")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Estimates; 0 with an estimate, 2 with faults."""
    from cli.estimate_json import as_json
    from cli.estimate_lines import lines
    from tag.estimate.asynchronous import assumed
    from tag.estimate.totals import estimate
    from tag.estimate.warnings import warnings
    from tag.faults import TagError

    try:
        target = _target(args)
        settings = _settings(args, target)
    except TagError as error:
        return fail(error, as_json=args.json)
    found = estimate(target.plan, settings)
    beyond, granted = warnings(found), tuple(assumed(target.plan))
    if args.json:
        facts = {**as_json(found, settings, beyond), "assumed": list(granted)}
        print(json.dumps({"ok": True, "faults": as_dicts(target.warnings), **facts}))
        return 0
    for warning in target.warnings:
        print(warning)
    print("\n".join(lines(target.name, found, settings, beyond, granted)))
    return 0


def _target(args: argparse.Namespace) -> _Target:
    """The plan to estimate, scaled up if that is wanted.

    Raises:
        TagError: with the faults of the files, or of the options.
    """
    from tag.faults import Fault, TagError
    from tag.load import Expanded, Loaded

    scaled = args.trainers is not None or args.regions is not None
    for option in ("regions", "trainers"):
        count = getattr(args, option)
        if count is not None and not 1 <= count <= _MOST:
            message = f"{count} is not from 1 to {_MOST:,}; give how many there may be"
            raise TagError([Fault(args.target, 1, "T050", f"--{option}", message)])
    wanted = "add --job DIR or --trainers N"
    found = load(args.target, args.job) if scaled else load_plan(args.target, args.job, wanted)
    if not isinstance(found, Expanded):
        return _scaled(_alone(args.target, found.tag), args.regions, args.trainers)
    kubernetes = found.stack.kubernetes if isinstance(found, Loaded) else None
    target = _Target(args.target, found.tag, found.plan, found.warnings, kubernetes)
    return _scaled(target, args.regions, args.trainers) if scaled else target


def _alone(name: str, tag: Tag) -> _Target:
    """A TAG with a dataset for each of its groups."""
    from tag.estimate.scale import datasets_for
    from tag.expand import expand

    return _Target(name, tag, expand(tag, datasets_for(tag), federation="on-paper"), (), None)


def _scaled(target: _Target, regions: int | None, trainers: int | None) -> _Target:
    from tag.estimate.scale import datasets_of, scale
    from tag.expand import expand
    from tag.faults import Fault, TagError

    try:
        tag, datasets = scale(target.tag, datasets_of(target.plan), regions=regions, trainers=trainers)
    except ValueError as error:
        raise TagError([Fault(target.name, 1, "T050", "--regions, --trainers", str(error))]) from error
    specs = [worker.spec for worker in target.plan.workers]
    programs = {spec.role: spec.program for spec in specs if spec.program is not None}
    run_ = next((spec.run for spec in specs if spec.run is not None), None)
    plan = expand(tag, datasets, federation=target.plan.federation, run=run_, programs=programs)
    return target._replace(tag=tag, plan=plan)


def _settings(args: argparse.Namespace, target: _Target) -> Settings:
    """What is known beside the plan.

    Raises:
        TagError: an option is no size or speed, or the size of the model can't be known.
        WorkerError: the program's model can't be built.
    """
    from tag.estimate.sizes import data_bytes, parse_size, parse_speed
    from tag.estimate.totals import Settings
    from tag.kubernetes_resources import Resources

    size = _option(args, "model_size", parse_size)
    speed, data = _option(args, "link", parse_speed), _option(args, "data_size", parse_size)
    if data is None:
        known = [data_bytes(worker.spec.dataset.uri) for worker in target.plan.trainers if worker.spec.dataset]
        data = sum(n for n in known if n is not None) if known and None not in known else None
    model, parameters, loaded = (size, None, {}) if size is not None else _built(args.target, target.plan)
    return Settings(
        model=model,
        parameters=parameters,
        resources=target.kubernetes.resources if target.kubernetes else Resources(),
        home=target.kubernetes.home if target.kubernetes else None,
        speed=speed,
        data=data,
        loaded=loaded,
    )


def _option(args: argparse.Namespace, name: str, parse: Callable[[str], int]) -> int | None:
    from tag.faults import Fault, TagError

    text = getattr(args, name)
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError as error:
        raise TagError([Fault(args.target, 1, "T050", f"--{name.replace('_', '-')}", str(error))]) from error


def _built(name: str, plan: Plan) -> tuple[int, int | None, dict[str, int]]:
    """The model's bytes and parameters, and what building it took, by role: each program builds its model once.

    Raises:
        TagError: no program is known.
        WorkerError: a model can't be built.
    """
    from local.measure import measure
    from tag.faults import Fault, TagError

    specs = {worker.spec.role: worker.spec for worker in plan.trainers if worker.spec.program is not None}
    if not specs:
        message = "no program is known that builds the model; give its size, as in --model-size 40MB"
        raise TagError([Fault(name, 1, "T050", "--model-size", message)])
    by_program = {spec.program: spec for spec in specs.values()}
    measured = {program: measure(spec) for program, spec in by_program.items()}
    first = next(iter(measured.values()))
    return first.model, first.parameters, {role: measured[spec.program].peak for role, spec in specs.items()}
