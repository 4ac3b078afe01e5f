"""What keeps a plan, which runs on this machine, from running in a cluster."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from tag.kubernetes import Kubernetes
from tag.plan import Plan, PlannedBroker, PlannedWorker
from tag.rules.tally import Tally, tally

OBJECT_BYTES = 1024 * 1024
"""Most bytes of a Kubernetes ConfigMap or Secret."""

PROGRAM_BYTES = 900 * 1024
"""Most bytes of a program file: it travels in a ConfigMap, which holds 1 MiB."""

FEDERATION_BROKER = "broker"
"""What the objects of the federation's broker are named after; others are named after the broker's own name."""

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


def obstacles_of(plan: Plan, settings: Kubernetes | None = None) -> tuple[str, ...]:
    """What stands in the way of deploying a plan, whose programs are read, one sentence each."""
    try:
        return obstacles(plan, program_texts(plan), settings)
    except DeploymentError as error:
        return (str(error),)


def obstacles(plan: Plan, programs: Mapping[str, str], settings: Kubernetes | None = None) -> tuple[str, ...]:
    """What stands in the way of deploying a plan, one sentence each; empty if nothing does.

    Args:
        plan: all workers.
        programs: text of each program, by its path in the plan.
        settings: of the stack, which may have several clusters.
    """
    found = [_program(path, text) for path, text in sorted(programs.items())]
    found += [_data(worker) for worker in plan.trainers]
    found += [f"{name} {message}" for name, message in oversized(tally(plan))]
    found += [*_taken_names(plan), *(_out_of_reach(plan, settings) if settings is not None else ())]
    return tuple(sentence for sentence in found if sentence is not None)


def _taken_names(plan: Plan) -> Iterator[str]:
    """Brokers whose objects would have the names of others."""
    named = [broker.name for broker in plan.brokers if broker.name]
    taken = {worker.spec.worker for worker in plan.workers} if named else set()
    for name in named:
        if name in taken or name == FEDERATION_BROKER:
            what = "the federation's own broker" if name == FEDERATION_BROKER else "a worker"
            yield f"broker {name!r} has the name by which {what} stands in the cluster; give it another in the channel"


def _out_of_reach(plan: Plan, settings: Kubernetes) -> Iterator[str]:
    """Brokers that channels name, and workers of theirs in other clusters, one of each role."""
    homes = {broker.name: broker for broker in plan.brokers if broker.name}
    told: set[tuple[str, str]] = set()
    for worker in plan.workers:
        for place in worker.spec.memberships:
            broker = homes.get(place.broker)
            if broker is None or (broker.name, worker.spec.role) in told:
                continue
            if settings.cluster_of(broker.region) != settings.cluster_of(worker.region):
                told.add((broker.name, worker.spec.role))
                yield _far(broker, worker)


def _far(broker: PlannedBroker, worker: PlannedWorker) -> str:
    region = f"region {broker.region!r}" if broker.region is not None else "the stack's own cluster"
    remedy = "let its channel name no broker: the federation's is reached from everywhere (brokerAddress)"
    if broker.region is not None and worker.spec.dataset is None:
        remedy = f'place the role there (placement: {{region: "{{group}}"}} in the TAG), or {remedy}'
    return (
        f"broker {broker.name!r} runs in {region} and serves the pods of its own cluster only, but "
        f"{worker.spec.worker!r} runs in another by kubernetes.clusters; {remedy}"
    )


def oversized(counted: Tally) -> Iterator[tuple[str, str]]:
    """Lists that are made from all workers and that no object of a cluster can hold: their names and what to do."""
    divide = "shorten names, or divide the federation"
    for broker, size in sorted(counted.access_lists.items()):
        named = f" of broker {broker!r}" if broker else ""
        remedy = f'{divide}, or its groups by brokers of their own (broker: "broker-{{group}}")'
        yield from _oversized(f"access list{named} of {counted.count(broker)} workers", size, remedy)
    yield from _oversized(f"roster of {counted.count()} workers", counted.roster_bytes, divide)


def _oversized(name: str, size: int, remedy: str) -> Iterator[tuple[str, str]]:
    if size > OBJECT_BYTES:
        held = f"has {size:,} bytes, and an object of a cluster holds {OBJECT_BYTES:,}"
        yield name, f"{held}: this plan runs on one machine only; {remedy}"


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
