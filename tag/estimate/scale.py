"""A TAG and its datasets, scaled up on paper: more regions, more trainers. The result is expanded like any other."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from tag.datasets import Dataset
from tag.plan import Plan, PlannedWorker
from tag.schema import GroupBy, Role, Tag
from tag.settings import DatasetSpec, TrainSettings

_PART = re.compile(r"(?P<head>mnist:|program:|npz:[^#]+#)[0-9]+/[0-9]+")


def scale(
    tag: Tag, datasets: Sequence[Dataset], *, regions: int | None = None, trainers: int | None = None
) -> tuple[Tag, tuple[Dataset, ...]]:
    """A TAG with more groups of trainers, and datasets for it.

    Further regions are like those that are there, in turn: their channels get groups, and roles with an association for
    a region get one for each further region like it. Trainers are shared out evenly.

    Args:
        tag: with its associations.
        datasets: of all roles.
        regions: groups with data that are wanted; None keeps those that are there.
        trainers: workers with data that are wanted; None keeps their number in each region.

    Raises:
        ValueError: there are no datasets, or fewer trainers than regions.
    """
    if not datasets:
        raise ValueError("the TAG has no datasets to multiply; add --job DIR, or name a stack")
    groups = sorted({dataset.group for dataset in datasets})
    origins = _origins(groups, len(groups) if regions is None else regions)
    placed = _slots(datasets, origins, trainers)
    return _scaled_tag(tag, frozenset(groups), origins), placed


def datasets_of(plan: Plan) -> tuple[Dataset, ...]:
    """The datasets that a plan was expanded from."""
    return tuple(dataset for worker in plan.trainers if (dataset := _dataset(worker, plan.model_channel)) is not None)


def datasets_for(tag: Tag) -> tuple[Dataset, ...]:
    """A dataset for each group of each role with data, for a TAG that has none yet."""
    made = []
    for role in tag.data_roles:
        for entry in role.group_association:
            channels = sorted(tag.channels_of(role.name), key=lambda channel: (-len(channel.groups), channel.name))
            group = entry[channels[0].name]
            spec = DatasetSpec(name=f"data-{group}", uri="program:1/1")
            made.append(Dataset(role.name, group, spec, TrainSettings(), region=group))
    return tuple(made)


def _dataset(worker: PlannedWorker, model_channel: str) -> Dataset | None:
    spec = worker.spec
    if spec.dataset is None or spec.train is None:
        return None
    groups = {place.channel: place.group for place in spec.memberships}
    named = [group for group in groups.values() if spec.worker == f"{spec.role}-{group}-{spec.dataset.name}"]
    group = named[0] if named else groups.get(model_channel, spec.memberships[0].group)
    return Dataset(spec.role, group, spec.dataset, spec.train, worker.region, worker.claim, worker.residency)


def _origins(groups: Sequence[str], count: int) -> dict[str, str]:
    """The names of so many regions, each with the region that it is like."""
    origins: dict[str, str] = {}
    for index in range(count):
        origin, turn = groups[index % len(groups)], index // len(groups)
        name, number = origin, turn + 1
        while name in origins or (turn and name in groups):
            name, number = f"{origin}-{number}", number + 1
        origins[name] = origin
    return origins


def _scaled_tag(tag: Tag, groups: frozenset[str], origins: Mapping[str, str]) -> Tag:
    regional = {
        name
        for role in tag.data_roles
        for entry in role.group_association
        for name, group in entry.items()
        if group in groups
    }
    alike: dict[str, list[str]] = defaultdict(list)
    for name, origin in origins.items():
        alike[origin].append(name)
    channels = tuple(
        channel.model_copy(update={"group_by": GroupBy(value=tuple(_spread(channel.groups, groups, alike)))})
        if channel.name in regional
        else channel
        for channel in tag.channels
    )
    roles = tuple(_scaled_role(role, frozenset(regional), groups, alike) for role in tag.roles)
    return tag.model_copy(update={"channels": channels, "roles": roles})


def _spread(names: Iterable[str], groups: frozenset[str], alike: Mapping[str, Sequence[str]]) -> Iterable[str]:
    for name in dict.fromkeys(names):
        yield from alike.get(name, ()) if name in groups else (name,)


def _scaled_role(
    role: Role, regional: frozenset[str], groups: frozenset[str], alike: Mapping[str, Sequence[str]]
) -> Role:
    entries: list[dict[str, str]] = []
    for entry in role.group_association:
        of = next((group for name, group in sorted(entry.items()) if name in regional and group in groups), None)
        if of is None:
            entries.append(entry)
            continue
        entries += [
            {c: name if c in regional and g == of else g for c, g in entry.items()} for name in alike.get(of, ())
        ]
    return role.model_copy(update={"group_association": tuple(entries)})


def _slots(datasets: Sequence[Dataset], origins: Mapping[str, str], trainers: int | None) -> tuple[Dataset, ...]:
    """The datasets of each role in each region."""
    patterns: dict[tuple[str, str], list[Dataset]] = defaultdict(list)
    for dataset in sorted(datasets, key=lambda d: (d.role, d.spec.name)):
        patterns[dataset.role, dataset.group].append(dataset)
    slots = [(role, name) for name, origin in origins.items() for role, group in sorted(patterns) if group == origin]
    if trainers is not None and trainers < len(slots):
        raise ValueError(f"{trainers} trainers are fewer than the {len(slots)} regions with data; each needs one")
    share, more = divmod(trainers or 0, len(slots))
    total = trainers if trainers is not None else sum(len(patterns[role, origins[name]]) for role, name in slots)
    made: list[Dataset] = []
    names = _Names({dataset.spec.name for dataset in datasets})
    for index, (role, name) in enumerate(slots):
        like = patterns[role, origins[name]]
        count = len(like) if trainers is None else share + (index < more)
        for turn in range(count):
            part = (len(made) + 1, total) if total != len(datasets) else None
            made.append(_made(like[turn % len(like)], name, names, part))
    return tuple(made)


class _Names:
    """Gives each name once, and then numbered."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = frozenset(known)
        self._given: Counter[str] = Counter()

    def next(self, name: str) -> str:
        """The name itself, or the next that is like it."""
        self._given[name] += 1
        while self._given[name] > 1 and f"{name}-{self._given[name]}" in self._known:
            self._given[name] += 1
        return name if self._given[name] == 1 else f"{name}-{self._given[name]}"


def _made(pattern: Dataset, group: str, names: _Names, part: tuple[int, int] | None) -> Dataset:
    updates = {"name": names.next(pattern.spec.name)}
    match = _PART.fullmatch(pattern.spec.uri)
    if part is not None and match is not None:
        updates["uri"] = f"{match['head']}{part[0]}/{part[1]}"
    region = pattern.region
    if group != pattern.group and region is not None:
        region = group if region == pattern.group else f"{region}-{group}"
    return replace(pattern, group=group, region=region, spec=pattern.spec.model_copy(update=updates))
