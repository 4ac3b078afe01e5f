"""`python -m worker`: one worker of a plan. Exit 0 after SIGTERM, 2 on bad input, 1 when it breaks."""

import argparse
import os
import signal
import sys
from pathlib import Path

from pydantic import ValidationError

from tag.spec import WorkerSpec
from worker.address import Address
from worker.errors import InputError, WorkerError
from worker.health import serve
from worker.journal import LEVELS, Journal
from worker.roles.base import Quit, Worker
from worker.roles.compose import compose


def main(argv: list[str] | None = None) -> int:
    """Run a worker until a signal ends it; the exit status."""
    args = _parser().parse_args(argv)
    try:
        spec = _read_spec(args.spec)
        journal = Journal(role=spec.role, worker=spec.worker, level=args.log_level)
        worker = _worker(spec, args, journal)
        if args.metrics_port is not None:
            labels = {"federation": spec.federation, "worker": spec.worker, "role": spec.role}
            serve(worker, port=args.metrics_port, host=args.metrics_host, labels=labels)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.put(Quit()))
        status = worker.run()
    except WorkerError as error:
        sys.stderr.write(f"{error.detail}error: {error}\n")
        return error.status
    if worker.failure is not None:
        trace = worker.failure.trace.rstrip("\n")
        sys.stderr.write((f"{trace}\n" if trace else "") + f"error: {worker.failure.message}\n")
        sys.stderr.flush()
        # A native library's threads may still be at work; there is nothing left to tidy.
        os._exit(status)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m worker", description=__doc__)
    parser.add_argument("--spec", type=Path, required=True, help="the worker's spec, as JSON")
    parser.add_argument(
        "--broker",
        required=True,
        action="append",
        help="mqtt://host:port or mqtts://host:port; NAME=URL for one that channels name, again for each",
    )
    parser.add_argument("--tls", type=Path, help="folder with ca.crt, tls.crt and tls.key")
    parser.add_argument("--roster", type=Path, help="file with the datasets that are expected, by group")
    parser.add_argument("--state", type=Path, help="folder for checkpoints")
    parser.add_argument("--metrics-port", type=int, help="serve /healthz, /readyz and /metrics there")
    parser.add_argument("--metrics-host", default="127.0.0.1", help="address to serve them on (%(default)s)")
    parser.add_argument("--log-level", choices=LEVELS, default="info", help="least level of log lines (%(default)s)")
    return parser


def _read_spec(path: Path) -> WorkerSpec:
    try:
        return WorkerSpec.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"spec {str(path)!r} can't be read: {error.strerror}; give the file of a plan") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"spec {str(path)!r} is no worker's spec: {where}: {first['msg']}; make it anew") from error


def _worker(spec: WorkerSpec, args: argparse.Namespace, journal: Journal) -> Worker:
    named = (text.rpartition("=") for text in args.broker)
    addresses = {name: Address.parse(url, args.tls) for name, _, url in named}
    worker = Worker(spec, addresses, journal)
    compose(worker, roster=args.roster, state=args.state)
    return worker


if __name__ == "__main__":
    sys.exit(main())
