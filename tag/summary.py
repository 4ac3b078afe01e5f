"""A plan, or a TAG, as facts in the TAG's words: what a preview shows of it and what `fedtag diff` compares."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from tag.plan import Plan, PlannedWorker
from tag.reading.paths import shown
from tag.schema import Tag
from tag.spec import EVERY_GROUP, WorkerSpec

FEDERATIONS = "(the federation's)"
"""In tables, the broker that has no name."""

SHOWN = 5
"""Names in a line; of more, only the first of them and the number are."""

Value = str | int | float | None


@dataclass(frozen=True)
class Fact:
    """One thing that a TAG or a plan says.

    Attributes:
        kind: federation, tag, role, channel, group, dataset, program, run.
        subject: its name in a line, as `group eu on param-channel`; unique.
        parts: what can change of it, by the words that users write.
        text: all of it in a few words.
        workers: ids of those whom it concerns, sorted.
    """

    kind: str
    subject: str
    parts: Mapping[str, Value]
    text: str
    workers: tuple[str, ...] = ()


def listed(names: Iterable[str]) -> str:
    """Names in a line, of many only the first."""
    every = list(names)
    if len(every) <= SHOWN:
        return ", ".join(every)
    return f"{', '.join(every[:SHOWN])} and {len(every) - SHOWN} more"


def counted(number: int, what: str) -> str:
    """A number and its noun: `1 trainer`, `2 trainers`."""
    return f"{number:,} {what}" if number == 1 or what.endswith("s") else f"{number:,} {what}s"


def home_group(spec: WorkerSpec, model_channel: str) -> str:
    """The worker's group in its ring, if it is in one, else on the channel of the model."""
    ring = next((place.group for place in spec.memberships if place.part == "ring"), None)
    if ring is not None:
        return ring
    places = {place.channel: place.group for place in spec.memberships}
    return places.get(model_channel) or spec.memberships[0].group


def workers_by_group(plan: Plan) -> dict[str, list[str]]:
    """The workers' ids by their group on the model's channel; those of all groups are under `*`."""
    groups: dict[str, list[str]] = defaultdict(list)
    for worker in plan.workers:
        groups[home_group(worker.spec, plan.model_channel)].append(worker.spec.worker)
    return dict(sorted(groups.items()))


def tag_summary(plan: Plan) -> dict[str, str]:
    """Roles, channels, groups and the run, each as a line under its own name: a preview shows those that change."""
    named = ("role", "group")
    return {
        fact.subject: f"{fact.text}: {listed(fact.workers)}" if fact.kind in named else fact.text
        for fact in facts(plan)
        if fact.kind in ("tag", "channel", "run", *named)
    }


def facts(plan: Plan) -> tuple[Fact, ...]:
    """All that a plan says, in order: the federation, its TAG, roles, channels, groups, datasets, programs, the run."""
    name = plan.federation
    known: dict[int, dict[str, Value]] = {}
    return (
        Fact("federation", "federation", {"name": name}, name, tuple(w.spec.worker for w in plan.workers)),
        Fact("tag", "tag", {"name": plan.tag}, f"{plan.tag}: {counted(len(plan.workers), 'worker')}"),
        *_roles(plan),
        *_channels(plan),
        *_groups(plan),
        *(_dataset(worker, home_group(worker.spec, plan.model_channel), known) for worker in plan.trainers),
        *_programs(plan),
        *_run(plan),
    )


def _by_role(plan: Plan) -> dict[str, list[PlannedWorker]]:
    roles: dict[str, list[PlannedWorker]] = defaultdict(list)
    for worker in plan.workers:
        roles[worker.spec.role].append(worker)
    return dict(sorted(roles.items()))


def _roles(plan: Plan) -> Iterable[Fact]:
    for role, workers in _by_role(plan).items():
        parts: dict[str, Value] = {"workers": len(workers)}
        text = counted(len(workers), "worker")
        indexes = [worker.spec.index for worker in workers if worker.spec.index is not None]
        if indexes:
            regions = sorted({worker.region for worker in workers if worker.region is not None})
            parts |= {"replica": max(indexes) + 1, "region": listed(regions) or None}
            text += f", replica {max(indexes) + 1}" if max(indexes) else ""
        yield Fact("role", f"role {role}", parts, text, tuple(worker.spec.worker for worker in workers))


def _channels(plan: Plan) -> Iterable[Fact]:
    groups: dict[str, set[str]] = defaultdict(set)
    ends: dict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
    peers: dict[str, set[str]] = defaultdict(set)
    workers: dict[str, list[str]] = defaultdict(list)
    brokers: dict[str, set[str]] = defaultdict(set)
    for worker in plan.workers:
        for place in worker.spec.memberships:
            brokers[place.channel].update({place.broker} - {""})
            groups[place.channel].update({place.group} - {EVERY_GROUP})
            ends[place.channel][worker.spec.role] = place.functions
            peers[place.channel].update((worker.spec.role, place.peer))
            workers[place.channel].append(worker.spec.worker)
    for name, roles in sorted(ends.items()):
        pair = " – ".join(sorted(peers[name]))
        through = listed(sorted(brokers[name]))
        parts: dict[str, Value] = {"pair": pair, "broker": through or None}
        parts |= {f"functions of {role}": ", ".join(functions) for role, functions in sorted(roles.items())}
        text = f"{pair} in {listed(sorted(groups[name])) or 'one group'}{through and f' through {through}'}"
        yield Fact("channel", f"channel {name}", parts, text, tuple(workers[name]))


def _groups(plan: Plan) -> Iterable[Fact]:
    members: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for worker in plan.workers:
        for place in worker.spec.memberships:
            members[place.channel, place.group][worker.spec.role].append(worker.spec.worker)
    for (channel, group), roles in sorted(members.items()):
        parts: dict[str, Value] = {role: len(ids) for role, ids in sorted(roles.items())}
        text = ", ".join(counted(len(ids), role) for role, ids in sorted(roles.items()))
        names = tuple(sorted(name for ids in roles.values() for name in ids))
        yield Fact("group", f"group {group} on {channel}", parts, text, names)


def _dataset(worker: PlannedWorker, group: str, known: dict[int, dict[str, Value]]) -> Fact:
    """The fact of a dataset; settings that many share are flattened once and kept in `known`."""
    data, train = worker.spec.dataset, worker.spec.train
    if data is None:
        raise ValueError(f"worker {worker.spec.worker!r} has no dataset")
    for model, prefix in ((data.split, "split."), (train, "")):
        if model is not None and id(model) not in known:
            known[id(model)] = flat(model, prefix)
    parts: dict[str, Value] = {"uri": data.uri, "validation": data.validation, **known[id(data.split)]}
    parts |= known.get(id(train), {})
    parts |= {"region": worker.region, "claim": worker.claim, "residency": worker.residency}
    return Fact("dataset", f"dataset {data.name} of group {group}", parts, data.uri, (worker.spec.worker,))


def _programs(plan: Plan) -> Iterable[Fact]:
    for role, workers in _by_role(plan).items():
        path = workers[0].spec.program
        if path is not None:
            text = shown(Path(path))
            yield Fact("program", f"program of {role}", {"file": text}, text, tuple(w.spec.worker for w in workers))


def _run(plan: Plan) -> Iterable[Fact]:
    """What the root is told: a worker above which nobody is comes first."""
    told = [worker for worker in plan.workers if worker.spec.run is not None]
    told.sort(key=lambda worker: any(place.part == "follow" for place in worker.spec.memberships))
    if told and (run := told[0].spec.run) is not None:
        text = f"run {run.run}, {counted(run.rounds, 'round')}"
        said = {"optimizer": str(run.optimizer), "selector": str(run.selector)}
        plain = {name: value for name, value in flat(run).items() if name.partition(".")[0] not in said}
        yield Fact("run", "run", plain | said, text, tuple(worker.spec.worker for worker in told))


def flat(model: BaseModel, prefix: str = "") -> dict[str, Value]:
    """A model's values by the names that users write, nested ones with dots."""
    return dict(_flat(model, prefix))


def _flat(model: BaseModel, prefix: str) -> Iterator[tuple[str, Value]]:
    def walk(value: object, name: str) -> Iterator[tuple[str, Value]]:
        if isinstance(value, Mapping) and value:
            for key, inner in value.items():
                yield from walk(inner, f"{name}.{key}" if name else str(key))
        else:
            yield prefix + name, value if isinstance(value, str | int | float | None) else str(value)

    yield from walk(model.model_dump(by_alias=True), "")


def tag_facts(tag: Tag) -> tuple[Fact, ...]:
    """All that a TAG says without datasets: roles, channels, and the channels' groups."""
    return (
        Fact("tag", "tag", {"name": tag.name}, tag.name),
        *(_tag_role(tag, name) for name in sorted(role.name for role in tag.roles)),
        *_tag_channels(tag),
    )


def _tag_role(tag: Tag, name: str) -> Fact:
    role = tag.role(name)
    if role is None:
        raise ValueError(f"TAG {tag.name!r} has no role {name!r}")
    parts: dict[str, Value] = {"data": "yes" if role.is_data_consumer else "no", "replica": role.replica}
    parts |= {"associations": len(role.group_association), "program": role.program}
    parts |= {f"resources.{key}": value for key, value in flat(role.resources).items()}
    parts |= {f"placement.{key}": value for key, value in flat(role.placement).items()}
    each = "dataset" if role.is_data_consumer else "association"
    text = f"{role.replica} workers per {each}" if role.replica > 1 else f"1 worker per {each}"
    return Fact("role", f"role {name}", parts, text)


def _tag_channels(tag: Tag) -> Iterable[Fact]:
    channels = sorted(tag.channels, key=lambda channel: channel.name)
    for channel in channels:
        pair = " – ".join(sorted(set(channel.pair)))
        parts: dict[str, Value] = {"pair": pair, "backend": channel.backend, "broker": channel.broker}
        parts |= {f"functions of {role}": ", ".join(tags) for role, tags in sorted(channel.func_tags.items())}
        yield Fact("channel", f"channel {channel.name}", parts, f"{pair} in {listed(sorted(channel.groups))}")
    for channel in channels:
        for group in sorted(set(channel.groups)):
            pair = " – ".join(sorted(set(channel.pair)))
            yield Fact("group", f"group {group} on {channel.name}", {"pair": pair}, pair)
