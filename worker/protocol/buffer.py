"""Asynchronous rounds as their leader counts them: a buffer of updates, who may train, and how old each update is.

FedBuff (Nguyen et al. 2022, arXiv:2106.06639): `aggGoal` updates make a new version of the model, at most `concurrency`
trainers train at a time, and an update that is t versions old weighs 1/sqrt(1+t). Pure values.
"""

import hashlib
import math
from collections.abc import Collection, Mapping
from typing import Self

import msgspec
from msgspec.structs import replace

from tag.settings import RunSettings
from worker.protocol.messages import Evaluation

UNIT = 1 << 16
"""The weight of an update without staleness, in the sum's whole numbers."""
MAX_STALENESS = 10
"""Versions by which an update's base may be older than the model; what is older is dropped."""
_NEVER = "f"


def weight(staleness: int) -> int:
    """The weight of an update in units of 1/`UNIT`: rint(UNIT / sqrt(1 + staleness)).

    Args:
        staleness: versions that were made since the one that was trained.
    """
    return round(UNIT / math.sqrt(1 + staleness))


def goal_of(settings: RunSettings, followers: int) -> int:
    """Updates that make a version, of an aggregator with so many followers: by default half of them."""
    asked = settings.optimizer.kwargs.get("aggGoal")
    return max(1, min(int(asked) if asked is not None else (followers + 1) // 2, followers))


def concurrency_of(settings: RunSettings, followers: int) -> int:
    """How many of so many followers may train at a time: by default all."""
    asked = settings.optimizer.kwargs.get("concurrency")
    return max(1, min(int(asked) if asked is not None else followers, followers))


class Buffer(msgspec.Struct, frozen=True):
    """What an asynchronous leader knows beyond a round.

    Attributes:
        run: whose versions these are.
        bases: digests of the versions that this leader made or was given, by version; only the newest ones.
        last: of each logical sender, the newest base whose update was settled (counted, or dropped for good), and that
            update's digest; so the same update counts once.
        turns: who may train, and since which version.
        served: turns that each has had.
        size: updates that were counted since the last version.
        deltas: trainers' updates in them.
        late: evaluations of versions that are not the newest any more, by version and dataset.
        told: versions whose evaluation was told.
    """

    run: int = 0
    bases: Mapping[int, str] = msgspec.field(default_factory=dict)
    last: Mapping[str, tuple[int, str]] = msgspec.field(default_factory=dict)
    turns: Mapping[str, int] = msgspec.field(default_factory=dict)
    served: Mapping[str, int] = msgspec.field(default_factory=dict)
    size: int = 0
    deltas: int = 0
    late: Mapping[int, Mapping[str, Evaluation]] = msgspec.field(default_factory=dict)
    told: frozenset[int] = frozenset()

    def opened(self, run: int, version: int, digest: str) -> Self:
        """The buffer when a version is the newest: empty, and of another run without memory."""
        known = self if run == self.run else type(self)(run)
        bases = {v: d for v, d in known.bases.items() if v >= version - MAX_STALENESS} | {version: digest}
        told = frozenset(v for v in known.told if v in bases)
        return replace(known, bases=bases, size=0, deltas=0, told=told)

    def judged(self, evaluation: Evaluation) -> Self:
        """The buffer with an evaluation of an earlier version, if that one's was not told yet."""
        for version, digest in self.bases.items():
            if digest == evaluation.model and version not in self.told:
                late = {**self.late.get(version, {}), evaluation.dataset: evaluation}
                return replace(self, late={**self.late, version: late})
        return self

    def told_of(self, *versions: int) -> Self:
        """The buffer when evaluations of versions were told."""
        late = {v: found for v, found in self.late.items() if v not in versions}
        return replace(self, late=late, told=self.told.union(versions))

    def settled(self, name: str, version: int, digest: str = "") -> Self:
        """The buffer when an update of a version was counted or, without its digest, dropped for good."""
        before = self.last.get(name, (0, ""))
        turns = {n: since for n, since in self.turns.items() if n != name}
        return replace(self, last={**self.last, name: max(before, (version, digest))}, turns=turns)

    def counted(self, name: str, version: int, digest: str, deltas: int) -> Self:
        """The buffer with one more update."""
        return replace(self.settled(name, version, digest), size=self.size + 1, deltas=self.deltas + deltas)

    def admitted(self, able: Collection[str], version: int, concurrency: int, seed: int) -> Self:
        """The buffer with turns given to those who have had the fewest, until `concurrency` may train.

        Args:
            able: who could train.
            version: the newest.
            concurrency: how many may.
            seed: decides among equals.
        """
        turns = {n: since for n, since in self.turns.items() if n in able and version - since <= MAX_STALENESS}
        free = concurrency - len(turns)
        ready = [n for n in able if n not in turns and self.last.get(n, (0, ""))[0] < version] if free > 0 else []
        ready.sort(key=lambda n: (self.served.get(n, 0), self._lot(n, seed)))
        chosen = ready[:free] if free > 0 else []
        if not chosen and len(turns) == len(self.turns):
            return self
        served = {**self.served, **{n: self.served.get(n, 0) + 1 for n in chosen}}
        return replace(self, turns={**turns, **dict.fromkeys(chosen, version)}, served=served)

    def _lot(self, name: str, seed: int) -> bytes:
        return hashlib.sha256(f"{seed}/{self.run}/{self.served.get(name, 0)}/{name}".encode()).digest()

    def ages(self, names: Collection[str], version: int) -> str:
        """How many versions old the newest settled base of each is, as hexadecimal digits; `f` is never or long ago."""
        ages = (version - self.last.get(name, (-MAX_STALENESS, ""))[0] for name in names)
        return "".join(f"{age:x}" if 0 <= age <= MAX_STALENESS else _NEVER for age in ages)


def settled_of(ages: str, index: int, version: int) -> int:
    """The newest version whose update was settled, read off the ages that a leader says; 0 if none is known.

    Args:
        ages: as `Buffer.ages` gives them.
        index: of the member there.
        version: the newest.
    """
    digit = ages[index : index + 1]
    if not digit or digit not in "0123456789a":
        return 0
    return max(0, version - int(digit, 16))
