"""What federation cost or gained against pooled data and against each dataset alone, in figures and one sentence."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from report.record import Point, Record
from report.summary import place_names
from report.text import points

FEDERATED = "federated"
POOLED = "pooled"
Z95 = 1.96


@dataclass(frozen=True)
class Entrant:
    """One way of training, with its models' scores by round.

    Attributes:
        kind: `federated`, `pooled`, or `alone`.
        name: to show.
        dataset: of the one that trained alone; else empty.
        points: in the order of rounds; never empty.
    """

    kind: str
    name: str
    dataset: str
    points: tuple[Point, ...]

    @property
    def last(self) -> Point:
        """Of its final model."""
        return self.points[-1]


@dataclass(frozen=True)
class Verdict:
    """A comparison.

    Attributes:
        entrants: federated, pooled, then the datasets alone in the order of names.
        tested: test samples behind each accuracy; 0 is not known.
        unit: what trained alone: a region, or a dataset where regions have several.
    """

    entrants: tuple[Entrant, ...]
    tested: int
    unit: str = "region"

    @property
    def federated(self) -> Entrant:
        """The federated training."""
        return self.entrants[0]

    @property
    def pooled(self) -> Entrant | None:
        """The training on pooled data."""
        return next((e for e in self.entrants if e.kind == POOLED), None)

    @property
    def alone(self) -> list[Entrant]:
        """The trainings on one dataset."""
        return [e for e in self.entrants if e.kind == "alone"]

    @property
    def best_alone(self) -> Entrant | None:
        """The most accurate of them."""
        return max(self.alone, key=lambda e: e.last.accuracy, default=None)

    def difference(self, entrant: Entrant) -> float:
        """The federated model's accuracy less the entrant's; positive where the federation is better."""
        return self.federated.last.accuracy - entrant.last.accuracy

    def margin(self, entrant: Entrant) -> float:
        """Half the 95 % interval of that difference (normal approximation, as if independent)."""
        if not self.tested:
            return 0.0
        shares = (self.federated.last.accuracy, entrant.last.accuracy)
        variance = sum(max(0.0, p * (1 - p)) for p in shares) / self.tested
        return Z95 * math.sqrt(variance)

    @property
    def sentence(self) -> str:
        """The conclusion, which claims no more than the test set can tell."""
        parts = [self.headline]
        blurred = [e for e in (self.pooled, self.best_alone) if e and abs(self.difference(e)) <= self.margin(e)]
        if blurred:
            margin = max(100 * self.margin(e) for e in blurred)
            what = "neither difference is" if blurred[1:] else f"the difference to {blurred[0].name} is not"
            parts.append(f"{what} more than chance explains with {self.tested:,} test samples (±{margin:.2f} points)")
        if len({e.last.round for e in self.entrants}) > 1:
            parts.append("they trained for different numbers of rounds")
        return f"{'; '.join(parts)}; this is one run with one seed."

    @property
    def headline(self) -> str:
        """The differences of the final accuracies."""
        parts = []
        if self.pooled:
            parts.append(f"trained on the pooled data, a model is {self._against(self.pooled)}")
        if self.best_alone:
            where = (
                f"{'the best' if len(self.alone) > 1 else 'the only'} {self.unit}'s data alone ({self.best_alone.name})"
            )
            said = self._against(self.best_alone)
            short = said.removesuffix(" than the federated one")
            parts.append(f"on {where}, it is {short}" if parts else f"trained on {where}, a model is {said}")
        text = "; ".join(parts)
        return text[:1].upper() + text[1:]

    def _against(self, entrant: Entrant) -> str:
        """How the entrant compares with the federated model."""
        gain = points(abs(self.difference(entrant))).removeprefix("+")
        if gain == "0.00":
            return "as accurate as the federated one"
        return f"{gain} points {'less' if self.difference(entrant) > 0 else 'more'} accurate than the federated one"


def verdict(record: Record) -> Verdict | None:
    """The comparison of a run; None if it has none, or nothing to compare."""
    comparison, run = record.facts.comparison, record.run
    federated = tuple(
        Point(round=r.number, accuracy=r.score.accuracy, loss=r.score.loss) for r in run.scored if r.score
    )
    if comparison is None or not federated or run.last is None:
        return None
    region = place_names(record)
    others = [Entrant(POOLED, "pooled data", "", _ordered(comparison.pooled))]
    others += [
        Entrant("alone", region.get(dataset, dataset), dataset, _ordered(scores))
        for dataset, scores in sorted(comparison.alone.items(), key=lambda item: region.get(item[0], item[0]))
    ]
    kept = [e for e in others if e.points and math.isfinite(e.last.accuracy)]
    if not kept or not math.isfinite(federated[-1].accuracy):
        return None
    unit = "region" if len(record.groups) == len(record.members) else "dataset"
    return Verdict((Entrant(FEDERATED, "federated", "", federated), *kept), run.last.count, unit)


def _ordered(scores: Iterable[Point]) -> tuple[Point, ...]:
    return tuple(sorted(scores, key=lambda p: p.round))
