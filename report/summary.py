"""What the trainers of a region did together, in one round and over a run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from report.record import Record
from report.rounds import PHASES, Round


@dataclass(frozen=True)
class RegionRound:
    """A region in one round; None is not known.

    Attributes:
        samples: of all its trainers.
        phases: mean seconds of each phase over its trainers, for the phases that are known.
        sent: payload bytes up of all its trainers.
        received: payload bytes down of all its trainers.
        validation: accuracy on its own validation parts, weighted by their samples.
        validation_loss: likewise.
    """

    samples: int | None
    phases: dict[str, float]
    sent: int | None
    received: int | None
    validation: float | None
    validation_loss: float | None

    @property
    def training(self) -> float | None:
        """Mean seconds of training."""
        return self.phases.get("training")


@dataclass(frozen=True)
class RegionSummary:
    """A region over a run; None is not known.

    Attributes:
        samples: training samples of all its datasets.
        training: mean seconds of training in a round.
        validation: accuracy of the newest judged model on its own validation parts.
        sent: payload bytes up of its trainers, in the whole run.
        received: likewise, down.
    """

    name: str
    datasets: tuple[str, ...]
    samples: int | None
    training: float | None
    validation: float | None
    sent: int | None
    received: int | None


def regions(record: Record) -> dict[str, tuple[str, ...]]:
    """Datasets by region, in the order of names."""
    return {group: tuple(m.dataset for m in record.members if m.group == group) for group in record.groups}


def place_names(record: Record) -> dict[str, str]:
    """What each dataset is called: its region's name, or, where the region has several, its own with the region's."""
    found = regions(record)

    def name(group: str, dataset: str) -> str:
        if len(found[group]) == 1:
            return group
        return dataset if group in dataset else f"{group}/{dataset}"

    return {m.dataset: name(m.group, m.dataset) for m in record.members}


def of_region(round_: Round, datasets: Sequence[str]) -> RegionRound:
    """The region of these datasets in one round."""
    shares = [round_.share(dataset) for dataset in datasets]
    phases = {p: mean(getattr(s, p) for s in shares) for p in PHASES}
    own = [round_.validation[d] for d in datasets if d in round_.validation and round_.validation[d].count]
    counted = sum(score.count for score in own)
    return RegionRound(
        samples=total(round_.samples(dataset) for dataset in datasets),
        phases={p: value for p, value in phases.items() if value is not None},
        sent=total(s.sent for s in shares),
        received=total(s.received for s in shares),
        validation=sum(s.accuracy * s.count for s in own) / counted if counted else None,
        validation_loss=sum(s.loss * s.count for s in own) / counted if counted else None,
    )


def region_summaries(record: Record) -> list[RegionSummary]:
    """All regions over the current run, in the order of names; of several experiments, one after the other."""
    if record.experiments:
        return [found for one in record.experiments for found in region_summaries(one)]
    run = record.run
    found = []
    for name, datasets in regions(record).items():
        rounds = [of_region(r, datasets) for r in run.rounds]
        states = [record.history.states.get(d) for d in datasets]
        moved = [record.traffic.of(m.worker) for m in record.members if m.group == name]
        ready = total(s.samples for s in states if s)
        judged = [v for r in run.judged if (v := of_region(r, datasets).validation) is not None]
        found.append(
            RegionSummary(
                name=name,
                datasets=datasets,
                samples=ready if ready is not None else next((r.samples for r in rounds if r.samples), None),
                training=mean(r.training for r in rounds),
                validation=judged[-1] if judged else None,
                sent=total(b.sent for b in moved if b),
                received=total(b.received for b in moved if b),
            )
        )
    return found


def total(values: Iterable[int | None]) -> int | None:
    """The sum of what is known; None if nothing is."""
    known = [v for v in values if v is not None]
    return sum(known) if known else None


def mean(values: Iterable[float | None]) -> float | None:
    """The mean of what is known; None if nothing is."""
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known else None
