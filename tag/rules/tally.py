"""What the rules must know of all workers of a plan, counted in one pass, as a plan may have a million."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from tag.names import LONGEST
from tag.plan import Plan, PlannedWorker
from tag.spec import WorkerSpec
from tag.topics import filters

Present = Mapping[tuple[str, str], Mapping[str, int]]
"""Workers by channel and role, then by group."""


@dataclass
class Bucket:
    """Workers of one role in the same groups.

    Attributes:
        example: one of them.
        count: how many there are.
        letters: characters of their ids together.
    """

    example: WorkerSpec
    count: int = 0
    letters: int = 0


@dataclass(frozen=True)
class Tally:
    """A plan's workers, counted.

    Attributes:
        buckets: workers of one role in the same groups.
        odd: workers whose id is too long, or that of the worker before.
    """

    buckets: tuple[Bucket, ...]
    odd: tuple[PlannedWorker, ...]

    @cached_property
    def present(self) -> Present:
        """Who is where."""
        found: dict[tuple[str, str], dict[str, int]] = {}
        for bucket in self.buckets:
            for place in bucket.example.memberships:
                groups = found.setdefault((place.channel, bucket.example.role), {})
                groups[place.group] = groups.get(place.group, 0) + bucket.count
        return found

    def count(self, broker: str | None = None) -> int:
        """The workers; those that speak through a broker, if one is named."""
        counted = (b for b in self.buckets if broker is None or broker in {p.broker for p in b.example.memberships})
        return sum(bucket.count for bucket in counted)

    @property
    def access_lists(self) -> dict[str, int]:
        """About the bytes of each broker's access list, of which almost all are its workers' read rules."""
        found: dict[str, int] = {}
        for bucket in self.buckets:
            for broker in {place.broker for place in bucket.example.memberships}:
                found[broker] = found.get(broker, 0) + _access_bytes(bucket, broker)
        return found

    @property
    def roster_bytes(self) -> int:
        """About the bytes of the roster's JSON, of which almost all are the names of datasets."""
        return sum(map(_roster_bytes, self.buckets))


def tally(plan: Plan) -> Tally:
    """Counts a plan's workers."""
    buckets: dict[int, Bucket] = {}
    odd: list[PlannedWorker] = []
    before = ""
    for worker in plan.workers:
        spec = worker.spec
        name, places = spec.worker, id(spec.memberships)  # expand gives workers of one role and group the same tuple
        bucket = buckets.get(places)
        if bucket is None:
            bucket = buckets[places] = Bucket(spec)
        bucket.count += 1
        bucket.letters += len(name)
        if name == before or len(name) > LONGEST:
            odd.append(worker)
        before = name
    return Tally(tuple(buckets.values()), tuple(odd))


def _access_bytes(bucket: Bucket, broker: str) -> int:
    spec = bucket.example
    lines = filters(spec, broker)
    mentions = 1 + sum(line.endswith(f"/{spec.worker}") for line in lines)
    text = len(f"user {spec.worker}\n\n") + sum(len(f"topic read {line}\n") for line in lines)
    return bucket.count * (text - mentions * len(spec.worker)) + mentions * bucket.letters


def _roster_bytes(bucket: Bucket) -> int:
    spec = bucket.example
    if spec.dataset is None:
        return 0
    before = len(spec.worker) - len(spec.dataset.name)  # of the id: role and group
    return bucket.letters - bucket.count * (before - len('"", '))
