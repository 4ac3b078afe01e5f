"""What those who lead did in a run: whom they led, how long their part of a round took, what they moved."""

from dataclasses import dataclass

from report.record import Record
from report.rounds import Round
from report.summary import mean, total


@dataclass(frozen=True)
class Leader:
    """A logical sender that leads; None is not known.

    Attributes:
        name: of it; replicas share it.
        makes: whether it makes the model, or passes on sums.
        trainers: behind it.
        seconds: mean of a round, from its opening here to its closing, or to the sum that was passed on.
        sent: payload bytes of all its replicas.
        received: likewise.
    """

    name: str
    makes: bool
    trainers: int
    seconds: float | None
    sent: int | None
    received: int | None


def leaders(record: Record) -> list[Leader]:
    """All of the plan that have somebody behind them, those above before those below, then by name."""
    if record.experiments:
        return [found for one in record.experiments for found in leaders(one)]
    lineage, run = record.lineage, record.run
    own = [root for root in lineage.roots if not record.title or root.title == record.title]
    crew = {worker for root in own for worker in root.crew}
    names = {office for worker, office in lineage.offices.items() if worker in crew and lineage.behind.get(office)}
    makers = {root.name for root in own}
    found = []
    for name in sorted(names, key=lambda n: (n not in makers, -len(lineage.behind[n]), n)):
        workers = [worker for worker, office in lineage.offices.items() if office == name]
        moved = [bytes_ for worker in workers if (bytes_ := record.traffic.of(worker)) is not None]
        found.append(
            Leader(
                name=name,
                makes=name in makers,
                trainers=len(lineage.behind[name]),
                seconds=mean(seconds_of(name, made, makes=name in makers) for made in run.rounds),
                sent=total(b.sent for b in moved),
                received=total(b.received for b in moved),
            )
        )
    return found


def seconds_of(name: str, made: Round, *, makes: bool) -> float | None:
    """What a round took at a leader."""
    if makes:
        return made.seconds
    return made.passings[name].seconds if name in made.passings else None
