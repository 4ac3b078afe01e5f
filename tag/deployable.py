"""What keeps a plan, which runs on this machine, from running in a cluster."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from tag.plan import Plan, PlannedWorker
from tag.rules.tally import Tally, tally

OBJECT_BYTES = 1024 * 1024
"""Most bytes of a Kubernetes ConfigMap or Secret."""

PROGRAM_BYTES = 900 * 1024
"""Most bytes of a program file: it travels in a ConfigMap, which holds 1 MiB."""

DATA_FOLDER = PurePosixPath("/data")
"""Where a worker finds the volume of its claim."""


class DeploymentError(ValueError):
    """The stack runs on one machine only; its text has one obstacle a line."""


def program_texts(plan: Plan) -> dict[str, str]:
    """The text of each program of a plan, by its path there.

    Raises:
        DeploymentError: if a file is no text.
    """
    paths = sorted({worker.spec.program for worker in plan.workers if worker.spec.program is not None})
    try:
        return {path: Path(path).read_text(encoding="utf-8") for path in paths}
    except (OSError, UnicodeDecodeError) as error:
        raise DeploymentError(f"a program can't be read: {error}; name a Python file in UTF-8") from error


def obstacles_of(plan: Plan) -> tuple[str, ...]:
    """What stands in the way of deploying a plan, whose programs are read, one sentence each."""
    try:
        return obstacles(plan, program_texts(plan))
    except DeploymentError as error:
        return (str(error),)


def obstacles(plan: Plan, programs: Mapping[str, str]) -> tuple[str, ...]:
    """What stands in the way of deploying a plan, one sentence each; empty if nothing does.

    Args:
        plan: all workers.
        programs: text of each program, by its path in the plan.
    """
    found = [_program(path, text) for path, text in sorted(programs.items())]
    found += [_data(worker) for worker in plan.trainers]
    found += [f"{name} {message}" for name, message in oversized(tally(plan))]
    return tuple(sentence for sentence in found if sentence is not None)


def oversized(counted: Tally) -> Iterator[tuple[str, str]]:
    """Lists that are made from all workers and that no object of a cluster can hold: their names and what to do."""
    what = f"of {sum(bucket.count for bucket in counted.buckets)} workers"
    for name, size in ((f"access list {what}", counted.access_list_bytes), (f"roster {what}", counted.roster_bytes)):
        if size > OBJECT_BYTES:
            message = (
                f"has {size:,} bytes, and an object of a cluster holds {OBJECT_BYTES:,}: this plan runs on one machine "
                "only; shorten names, or divide the federation"
            )
            yield name, message


def _program(path: str, text: str) -> str | None:
    size = len(text.encode())
    if size <= PROGRAM_BYTES:
        return None
    return (
        f"program {path!r} has {size} bytes, and {PROGRAM_BYTES} can travel to a cluster; "
        "keep its data in a dataset, and its modules in an image built FROM the trainer image"
    )


def _data(worker: PlannedWorker) -> str | None:
    dataset = worker.spec.dataset
    if dataset is None or not dataset.uri.startswith("npz:"):
        return None
    path = PurePosixPath(dataset.uri.removeprefix("npz:").partition("#")[0])
    if worker.claim is None:
        return (
            f"dataset {dataset.name!r} is the file {str(path)!r} of this machine, which a pod can't see; "
            f"put it on a volume, name its claim (claim: NAME) and write uri: npz:{DATA_FOLDER}/{path.name}"
        )
    if DATA_FOLDER not in path.parents:
        return (
            f"dataset {dataset.name!r} has the path {str(path)!r}, but its claim {worker.claim!r} is mounted at "
            f"{DATA_FOLDER}; write uri: npz:{DATA_FOLDER}/{path.name}"
        )
    return None
