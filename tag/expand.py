"""A TAG and its datasets to a plan: who the workers are. Pure, and general: it expands what can't be run yet, too."""

import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from pydantic import BaseModel

from tag.datasets import Dataset
from tag.infer import complete, depths, lowest_channel, model_channel
from tag.model import Model
from tag.names import group_name, label, worker_id
from tag.options import Optimizer, Selector
from tag.plan import Limits, Plan, PlannedWorker
from tag.schema import Role, Tag
from tag.settings import RunSettings, TrainSettings
from tag.spec import GROUP_MARK, Membership, WorkerSpec

M = TypeVar("M", bound=Model)


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
        run: for who leads: the roles without data, and the members of rings.
        programs: path of the user's program, by role.

    Raises:
        LookupError: a dataset's group has no association, or an association lacks one of its role's channels.
    """
    datasets = list(datasets)
    groups: dict[str, set[str]] = {}
    for dataset in datasets:
        groups.setdefault(dataset.role, set()).add(group_name(dataset.group))
    tag = complete(tag, groups).tag
    run, programs = run or RunSettings(), programs or {}
    workers: list[PlannedWorker] = []
    seed = next((dataset.train.seed for dataset in datasets), TrainSettings().seed)
    depth = depths(tag)
    with collector_paused():
        for role in tag.roles:
            program = programs.get(role.name)
            if role.is_data_consumer:
                workers += _with_data(tag, role, datasets, federation=federation, program=program, run=run)
            else:
                workers += _without_data(tag, role, depth, federation=federation, program=program, run=run, seed=seed)
    workers.sort(key=lambda worker: worker.spec.worker)
    channel = model_channel(tag)
    name = channel.name if channel else ""
    plan = {"federation": federation, "tag": tag.name, "model_channel": name, "workers": tuple(workers)}
    return _made(Plan, plan)


@contextmanager
def collector_paused() -> Iterator[None]:
    """Nothing that checks and expansion make is garbage; looking for it takes two thirds of 100,000 workers' time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def matching(role: Role) -> dict[str, list[dict[str, str]]]:
    """The role's associations by the group that they name on some channel: that of the datasets which they are for."""
    found: dict[str, list[dict[str, str]]] = {}
    for entry in role.group_association:
        for group in dict.fromkeys(entry.values()):
            found.setdefault(group, []).append(entry)
    return found


def _memberships(tag: Tag, role: Role, entry: Mapping[str, str]) -> tuple[Membership, ...]:
    return tuple(
        Membership(
            channel=channel.name,
            group=entry[channel.name],
            peer=channel.peer(role.name),
            functions=channel.func_tags.get(role.name, ()),
            broker=(channel.broker or "").replace(GROUP_MARK, entry[channel.name]),
        )
        for channel in tag.channels_of(role.name)
    )


def _with_data(
    tag: Tag, role: Role, datasets: list[Dataset], *, federation: str, program: str | None, run: RunSettings
) -> Iterator[PlannedWorker]:
    associations, limits, name = matching(role), _limits(role), role.name
    places: dict[str, tuple[str, tuple[Membership, ...]]] = {}
    for dataset in datasets:
        if dataset.role != name:
            continue
        place = places.get(dataset.group)
        if place is None:
            group = group_name(dataset.group)
            if group not in associations:
                raise LookupError(f"group {group!r} has datasets but no association of role {name!r}")
            place = places[dataset.group] = (group, _memberships(tag, role, associations[group][0]))
        spec = {
            "federation": federation,
            "worker": worker_id(name, place[0], dataset.spec.name),
            "role": name,
            "memberships": place[1],
            "program": program,
            "dataset": dataset.spec,
            "train": dataset.train,
            "index": None,
            "run": run if any(place_.part == "ring" for place_ in place[1]) else None,
            "seed": None,
        }
        host = {"region": dataset.region, "claim": dataset.claim, "residency": dataset.residency, "limits": limits}
        yield _planned(spec, host)


def _without_data(
    tag: Tag,
    role: Role,
    depth: Mapping[str, int],
    *,
    federation: str,
    program: str | None,
    run: RunSettings,
    seed: int,
) -> Iterator[PlannedWorker]:
    if not role.group_association:
        return
    lowest = lowest_channel(tag, role.name, depth).name
    run = _told(tag, role, run)
    for entry in role.group_association:
        group = label(entry[lowest])
        places = _memberships(tag, role, entry)
        region = role.placement.region and role.placement.region.replace(GROUP_MARK, group)
        for index in range(role.replica):
            spec = {
                "federation": federation,
                "worker": worker_id(role.name, group, index),
                "role": role.name,
                "memberships": places,
                "program": program,
                "dataset": None,
                "train": None,
                "index": index,
                "run": run,
                "seed": seed if any(place.coordinates for place in places) else None,
            }
            host = {"region": region, "claim": None, "residency": None, "limits": _limits(role)}
            yield _planned(spec, host)


def _told(tag: Tag, role: Role, run: RunSettings) -> RunSettings:
    """The run as a role without data hears of it: whoever has an aggregator above asks all, and only adds.

    In an asynchronous run all aggregators go on without waiting for all.
    """
    if run.optimizer.acts == "aggregators":
        return run
    if any("upload" in channel.func_tags.get(role.name, ()) for channel in tag.channels_of(role.name)):
        return run.model_copy(update={"optimizer": Optimizer(), "selector": Selector()})
    return run


def _limits(role: Role) -> Limits | None:
    return role.resources if role.resources != Limits() else None


def _planned(spec: dict[str, Any], host: dict[str, Any]) -> PlannedWorker:
    return _made(PlannedWorker, {"spec": _made(WorkerSpec, spec), **host})


def _made(kind: type[M], values: dict[str, Any]) -> M:
    """A model of all its fields, which are known to be right: pydantic's checks and copies would double the cost."""
    model = object.__new__(kind)
    _put_values(model, values)
    _put_fields(model, _SET[kind])
    _put_extra(model, None)
    _put_private(model, None)
    return model


_put_values, _put_fields, _put_extra, _put_private = (
    vars(BaseModel)[slot].__set__
    for slot in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
)
_SET: dict[type[Model], set[str]] = {kind: set(kind.model_fields) for kind in (Plan, WorkerSpec, PlannedWorker)}
