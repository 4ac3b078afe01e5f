"""What trainers tell."""

from dataclasses import dataclass

from worker.events.base import Event


@dataclass(frozen=True, kw_only=True)
class Ready(Event):
    """A trainer has its data and can train.

    Attributes:
        group: of the model channel; a region.
        dataset: name.
        samples: training samples.
        validation: validation samples.
        test: test samples of this worker's share.
        digest: SHA-256 of the data.
    """

    group: str = ""
    dataset: str = ""
    samples: int = 0
    validation: int = 0
    test: int = 0
    digest: str = ""


@dataclass(frozen=True, kw_only=True)
class Progress(Event):
    """A trainer's phase, at each change; meanwhile each eighth of it, at most once a second, at least every 10 s.

    Attributes:
        phase: waiting, receiving, evaluating, training or uploading.
        done: share of the phase that is done, 0 to 1.
        loss: of training so far; None outside of training.
        sent: payload bytes published since the worker's start.
        received: payload bytes received since the worker's start.
    """

    group: str = ""
    dataset: str = ""
    run: int = 1
    round: int = 0
    phase: str = "waiting"
    done: float = 0.0
    loss: float | None = None
    sent: int = 0
    received: int = 0


@dataclass(frozen=True, kw_only=True)
class Trained(Event):
    """A trainer has finished the training of a round.

    Attributes:
        receiving: seconds from the round's opening, as the trainer heard it, until it had the whole model.
        evaluating: seconds of evaluating that model.
        training: seconds of training.
        loss: mean training loss of the last epoch, or None.
    """

    group: str = ""
    dataset: str = ""
    run: int = 1
    round: int = 0
    receiving: float = 0.0
    evaluating: float = 0.0
    training: float = 0.0
    loss: float | None = None
    samples: int = 0


@dataclass(frozen=True, kw_only=True)
class Uploaded(Event):
    """A trainer's update of a round is confirmed by the leader.

    Attributes:
        uploading: seconds from the end of training until the leader's confirmation.
        sent: payload bytes published by this worker for this round (all kinds).
        received: payload bytes received by this worker for this round (all kinds).
    """

    group: str = ""
    dataset: str = ""
    run: int = 1
    round: int = 0
    uploading: float = 0.0
    sent: int = 0
    received: int = 0
