"""Flame's files beside the TAG, as its users write them: dataSpec.json, modelSpec.json, job.json, dataset*.json.

Every field of Flame's is here. What has no meaning here is told by `tag.flame.leftovers`.
"""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from tag.model import Model
from tag.values import Count, Positive, Truth, Whole


class DataSpecEntry(Model):
    """The datasets of a role: their ids by group.

    Attributes:
        role: that consumes them.
        dataset_groups: ids by group; an id is a record's `id`, the stem of its file, or its name.
    """

    role: str
    dataset_groups: dict[str, tuple[str, ...]] = Field(min_length=1)


class DataSpec(Model):
    """Flame's dataSpec.json, a list of entries."""

    entries: tuple[DataSpecEntry, ...]


class Named(Model):
    """A base model, or an optimizer or selector with its arguments.

    Attributes:
        name: of a base model.
        version: of a base model.
        sort: of an optimizer or selector.
        kwargs: its arguments.
    """

    name: str | None = None
    version: Whole | None = None
    sort: str | None = None
    kwargs: dict[str, Any] = Field(default_factory=dict)


class Hyperparameters(Model):
    """What modelSpec.json says of training; None is as elsewhere; other fields are accepted, and reach nobody.

    Attributes:
        rounds: of the run.
        epochs: passes over the data in a round.
        batch_size: samples in a step.
        learning_rate: of the program's optimizer.
    """

    model_config = ConfigDict(extra="allow")

    rounds: Count | None = None
    epochs: Count | None = None
    batch_size: Count | None = None
    learning_rate: Positive | None = None


class ModelSpec(Model):
    """Flame's modelSpec.json.

    Attributes:
        base_model: has no meaning here.
        optimizer: `fedavg`, also where it is left out.
        selector: `default`, also where it is left out.
        hyperparameters: of training.
        dependencies: has no meaning in Flame either.
        registry: has no meaning here.
        privacy: `default`, also where it is left out.
        datasampler: `default`, also where it is left out.
    """

    base_model: Named = Named()
    optimizer: Named = Named()
    selector: Named = Named()
    hyperparameters: Hyperparameters = Hyperparameters()
    dependencies: tuple[str, ...] = ()
    registry: dict[str, Any] = Field(default_factory=dict)
    privacy: Named = Named()
    datasampler: Named = Named()


class DatasetRecord(Model):
    """Flame's dataset.json.

    Attributes:
        id: of the dataset, if it has one.
        name: free text.
        url: where its data is.
        realm: `default/` and a region.
        description: free text.
        data_format: has no meaning here.
        is_public: has no meaning here.
        compute_id: has no meaning here.
    """

    id: str | None = None
    name: str
    url: str
    realm: str = ""
    description: str = ""
    data_format: str = ""
    is_public: Truth = False
    compute_id: str = ""


class JobFile(Model):
    """Flame's job.json; only the paths have a meaning here.

    Attributes:
        name: free text.
        design_id: has no meaning here.
        schema_version: has no meaning here.
        code_version: has no meaning here.
        priority: has no meaning in Flame either.
        backend: `mqtt`, the only one that runs here, or another of Flame's.
        max_run_time: has no meaning here.
        data_spec_path: the dataSpec, relative to this file.
        model_spec_path: the modelSpec, relative to this file.
    """

    name: str = ""
    design_id: str = ""
    schema_version: str = ""
    code_version: str = ""
    priority: str = ""
    backend: Literal["mqtt", "p2p", "shm", "local"] = "mqtt"
    max_run_time: Whole = 0
    data_spec_path: str = "dataSpec.json"
    model_spec_path: str = "modelSpec.json"
