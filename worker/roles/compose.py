"""Which parts a worker has: one for each of its channels, by its functions there."""

from pathlib import Path

from tag.plan import Membership, Part
from worker.errors import InputError
from worker.roles.base import Worker
from worker.roles.follow import Follow
from worker.roles.lead import Lead
from worker.roles.middle import Middle


def compose(worker: Worker, *, roster: Path | None = None, state: Path | None = None) -> None:
    """Give a worker its parts.

    Args:
        worker: without parts.
        roster: file with who is expected, for who leads.
        state: folder for checkpoints, likewise.

    Raises:
        InputError: no program does what its functions ask for.
    """
    places: dict[Part, Membership] = {place.part: place for place in worker.spec.memberships}
    if len(places) != len(worker.spec.memberships):
        raise InputError(f"worker {worker.spec.worker!r} does the same on two channels; leave it to one of them")
    follow, lead = places.get("follow"), places.get("lead")
    if follow is not None and worker.spec.dataset is not None:
        # The training libraries are imported by those who train only; aggregators' images lack them.
        from worker.roles.train import Training

        training = Training(worker)
        training.follow = Follow(worker, follow, training)
    elif follow is not None and lead is not None:
        middle = Middle(worker.spec.name_on(follow))
        middle.follow = Follow(worker, follow, middle, active=False)
        Lead(worker, lead, roster=roster, state=state, upper=middle)
    elif lead is not None:
        Lead(worker, lead, roster=roster, state=state)
    if not worker.parts:
        functions = sorted({f for place in worker.spec.memberships for f in place.functions})
        raise InputError(
            f"worker {worker.spec.worker!r} has functions {functions}, which no program has; see docs/tag.md"
        )
