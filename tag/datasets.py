"""A job's datasets, wherever they were written: in a stack or in Flame's files."""

from dataclasses import dataclass

from tag.settings import DatasetSpec, TrainSettings


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset, who trains on it, and where it lies.

    Attributes:
        role: that consumes it.
        group: of the role's channels.
        spec: what its worker must know of it.
        train: how its worker trains.
        region: where its worker runs; None is anywhere.
        claim: name of the volume claim that holds it.
        residency: region that it may not leave.
    """

    role: str
    group: str
    spec: DatasetSpec
    train: TrainSettings
    region: str | None = None
    claim: str | None = None
    residency: str | None = None
