"""A TAG and its datasets to a plan: who the workers are. Pure, and general: it expands what can't be run yet, too."""

import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from tag.datasets import Dataset
from tag.infer import complete, depths, lowest_channel, model_channel
from tag.plan import EVERY_GROUP, Membership, Plan, PlannedWorker, RunSettings, WorkerSpec
from tag.schema import Role, Tag


def expand(
    tag: Tag,
    datasets: Iterable[Dataset],
    *,
    federation: str,
    run: RunSettings | None = None,
    programs: Mapping[str, str] | None = None,
) -> Plan:
    """The plan of a federation.

    A role with data has a worker per dataset, another role one per association times `replica`. The order in which
    roles, channels, associations and datasets are written doesn't matter.

    Args:
        tag: without faults (`tag.rules`); associations that it leaves out are inferred.
        datasets: of all roles.
        federation: name.
        run: for the roles without data.
        programs: path of the user's program, by role.

    Raises:
        LookupError: a dataset's group has no association, or an association lacks one of its role's channels.
    """
    datasets = list(datasets)
    groups: dict[str, set[str]] = {}
    for dataset in datasets:
        groups.setdefault(dataset.role, set()).add(dataset.group)
    tag = complete(tag, groups).tag
    run, programs = run or RunSettings(), programs or {}
    workers: list[PlannedWorker] = []
    with _collector_paused():
        for role in tag.roles:
            program = programs.get(role.name)
            if role.is_data_consumer:
                workers += _with_data(tag, role, datasets, federation, program)
            else:
                workers += _without_data(tag, role, federation, program, run)
    workers.sort(key=lambda worker: worker.spec.worker)
    channel = model_channel(tag)
    return Plan(
        federation=federation, tag=tag.name, model_channel=channel.name if channel else "", workers=tuple(workers)
    )


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Nothing that expansion makes is garbage; looking for it took two thirds of the time at 100,000 workers."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def matching(role: Role, group: str) -> list[dict[str, str]]:
    """The role's associations for the datasets of a group: those that name it on some channel."""
    return [entry for entry in role.group_association if group in entry.values()]


def _memberships(tag: Tag, role: Role, entry: Mapping[str, str]) -> tuple[Membership, ...]:
    return tuple(
        Membership(
            channel=channel.name,
            group=entry[channel.name],
            peer=channel.peer(role.name),
            functions=channel.func_tags.get(role.name, ()),
        )
        for channel in tag.channels_of(role.name)
    )


def _with_data(
    tag: Tag, role: Role, datasets: list[Dataset], federation: str, program: str | None
) -> Iterator[PlannedWorker]:
    places: dict[str, tuple[Membership, ...]] = {}
    for dataset in datasets:
        if dataset.role != role.name:
            continue
        group = dataset.group
        if group not in places:
            entries = matching(role, group)
            if not entries:
                raise LookupError(f"group {group!r} has datasets but no association of role {role.name!r}")
            places[group] = _memberships(tag, role, entries[0])
        spec = WorkerSpec(
            federation=federation,
            worker=f"{role.name}-{group}-{dataset.spec.name}",
            role=role.name,
            memberships=places[group],
            program=program,
            dataset=dataset.spec,
            train=dataset.train,
        )
        yield PlannedWorker(spec=spec, region=dataset.region, claim=dataset.claim, residency=dataset.residency)


def _without_data(
    tag: Tag, role: Role, federation: str, program: str | None, run: RunSettings
) -> Iterator[PlannedWorker]:
    if not role.group_association:
        return
    lowest = lowest_channel(tag, role.name, depths(tag)).name
    for entry in role.group_association:
        label = "all" if entry[lowest] == EVERY_GROUP else entry[lowest]
        places = _memberships(tag, role, entry)
        for index in range(role.replica):
            spec = WorkerSpec(
                federation=federation,
                worker=f"{role.name}-{label}-{index}",
                role=role.name,
                memberships=places,
                program=program,
                index=index,
                run=run,
            )
            yield PlannedWorker(spec=spec, region=role.placement.region)
