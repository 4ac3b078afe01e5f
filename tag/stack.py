"""The stack file: `stacks/Pulumi.<stack>.yaml`, its object `fedtag:federation`."""

import re
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field, field_validator

from tag.kubernetes import Kubernetes
from tag.model import Model
from tag.options import Optimizer, Selector
from tag.settings import DatasetSpec, RunSettings, Split, Training, TrainSettings
from tag.values import Count, Fraction, Positive

FEDERATION = "fedtag:federation"
SECRET = "fedtag:secret"  # noqa: S105  the key, not the secret

_FILE = re.compile(r"Pulumi\.(?P<stack>.+)\.ya?ml")


class StackDataset(Model):
    """A dataset of a group; what is None is as in the stack.

    Attributes:
        name: unique in the stack; may be left out where the group has one dataset, which is then named like it.
        uri: `mnist:K/N` (part K of N), `npz:PATH` or `npz:PATH#K/N` (PATH relative to the stack file), `program:REST`.
        region: where its worker runs; the group's name if left out.
        residency: region that the data may not leave.
        claim: name of the volume claim that holds the data, mounted at /data.
        epochs: passes over it in a round.
        batch_size: samples in a step.
        learning_rate: of the program's optimizer.
        split: how the N parts are made.
        validation: share kept for this region's own validation.
    """

    name: str | None = None
    uri: str
    region: str | None = None
    residency: str | None = None
    claim: str | None = None
    epochs: Count | None = None
    batch_size: Count | None = None
    learning_rate: Positive | None = None
    split: Split | None = None
    validation: Fraction | None = None


class Stack(RunSettings, Training):
    """A federation as its stack file describes it; rounds, epochs and the like have the plan's fields and defaults.

    Attributes:
        name: of the federation; the stack's name if left out.
        tag: path of the TAG, relative to the stack file.
        program: path of the program of the roles with data, relative to the stack file.
        datasets: by group.
        job: path of a Flame job's folder, relative to the stack file; instead of datasets.
        split: how data falls into parts.
        validation: share of each dataset kept for its region's own validation.
        kubernetes: how it stands on a cluster.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    name: str | None = None
    tag: str
    program: str | None = None
    datasets: dict[str, tuple[StackDataset, ...]] = Field(default_factory=dict)
    job: str | None = None
    split: Split = Split()
    validation: Fraction = DatasetSpec.model_fields["validation"].default
    kubernetes: Kubernetes = Kubernetes()

    @field_validator("quorum", mode="before")
    @classmethod
    def _all_is_none(cls, value: Any) -> Any:
        """`quorum: all` is the same as `quorum: null`."""
        return None if value == "all" else value

    @property
    def run_settings(self) -> RunSettings:
        """What aggregators must know of the run: options with their values, and nothing of what trainers do."""
        own = {field: getattr(self, field) for field in RunSettings.model_fields}
        aggregating = self.optimizer.acts in ("root", "aggregators")
        own["optimizer"] = self.optimizer.filled(seed=self.seed, **self._concurrency) if aggregating else Optimizer()
        own["selector"] = self.selector.filled(seed=self.seed) if self.selector.acts == "root" else Selector()
        return RunSettings(**own)

    @property
    def _concurrency(self) -> dict[str, float]:
        """What Flame's selector `fedbuff` says, as an option of the optimizer of that name."""
        c = self.selector.kwargs.get("c")
        return {} if c is None else {"concurrency": c}

    @property
    def train_settings(self) -> TrainSettings:
        """What trainers must know, where a dataset says nothing else."""
        own = {field: getattr(self, field) for field in Training.model_fields}
        return TrainSettings(**own, mu=self.optimizer.option("mu") if self.optimizer.sort == "fedprox" else 0.0)


def stack_name(path: Path) -> str | None:
    """The stack of a file `Pulumi.<stack>.yaml`; None for other names."""
    match = _FILE.fullmatch(path.name)
    return match["stack"] if match else None
