"""What a round depends on: data, training, and the run."""

from typing import Literal

from tag.model import Model
from tag.options import Optimizer, Selector
from tag.values import Count, Fraction, Natural, NotNegative, Positive


class Split(Model):
    """How `mnist:` and other divided data fall into parts: seeded, disjoint, complete.

    Attributes:
        kind: `iid` (stratified), `dirichlet` (label shares drawn per class), or `classes` (each part has its classes).
        alpha: concentration of `dirichlet`; small is skewed.
        seed: of the division, the same for all parts.
    """

    kind: Literal["iid", "dirichlet", "classes"] = "iid"
    alpha: Positive = 0.5
    seed: Natural = 0


class DatasetSpec(Model):
    """One dataset, as the worker that trains on it sees it.

    Attributes:
        name: unique in the job; seeds and the logical sender derive from it.
        uri: `mnist:K/N` (part K of N), `npz:PATH` or `npz:PATH#K/N`, or `program:REST` (the program's own data).
        split: how the N parts are made.
        validation: share of the training data kept for this region's own validation.
    """

    name: str
    uri: str
    split: Split = Split()
    validation: Fraction = 0.1


class Training(Model):
    """How a dataset is trained on.

    Attributes:
        epochs: passes over the data in a round.
        batch_size: samples in a step.
        learning_rate: of the program's optimizer.
        seed: of initial weights, shuffling, dropout.
        threads: of the numeric libraries; another number gives other bits.
    """

    epochs: Count = 1
    batch_size: Count = 32
    learning_rate: Positive = 0.001
    seed: Natural = 0
    threads: Count = 1


class TrainSettings(Training):
    """What a trainer's round depends on, besides the model and the data.

    Attributes:
        mu: weight of FedProx' proximal term, mu/2 ||w - w_global||^2 in the loss; 0 is without it.
    """

    mu: NotNegative = 0.0


class RunSettings(Model):
    """What an aggregator must know of a run.

    Attributes:
        run: number of the training; a greater one goes on from the last model.
        rounds: rounds of the run.
        quorum: trainers that a round needs; None means all.
        deadline: seconds after which a round closes with its quorum; None means never.
        max_wait: seconds that a round may wait for its quorum before the run fails.
        optimizer: how the next model is made of a round's updates.
        selector: whose updates a round asks for.
    """

    run: Count = 1
    rounds: Count = 5
    quorum: Count | None = None
    deadline: Positive | None = None
    max_wait: Positive = 1800
    optimizer: Optimizer = Optimizer()
    selector: Selector = Selector()
