"""Which parts a worker has: one for each of its channels, by its functions there."""

from pathlib import Path

from tag.plan import Membership
from tag.plan import Part as Kind
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
    own = [place for place in worker.spec.memberships if place.part == "other"]
    places: dict[Kind, Membership] = {p.part: p for p in worker.spec.memberships if p not in own}
    if len(places) + len(own) != len(worker.spec.memberships):
        raise InputError(f"worker {worker.spec.worker!r} does the same on two channels; leave it to one of them")
    follow, lead = places.get("follow"), places.get("lead")
    if follow is not None and worker.spec.dataset is not None:
        # The training libraries are imported by those who train only; aggregators' images lack them.
        from worker.roles.train import Training

        training = Training(worker)
        training.follow = Follow(worker, follow, training)
    elif follow is not None and lead is not None:
        middle = Middle(worker, worker.spec.name_on(follow))
        middle.follow = Follow(worker, follow, middle, active=False)
        Lead(worker, lead, roster=roster, state=state, upper=middle)
    elif lead is not None:
        Lead(worker, lead, roster=roster, state=state)
    for place in own:
        _own(worker, place)
    if not worker.parts:
        functions = sorted({f for place in worker.spec.memberships for f in place.functions})
        raise InputError(
            f"worker {worker.spec.worker!r} has functions {functions}, which no program has; see docs/tag.md"
        )


def _own(worker: Worker, place: Membership) -> None:
    """Give a worker the part that the program of its role has for a channel."""
    # It needs numpy, which a worker without such a channel loads later or never.
    from worker.program import load_parts

    name, program = "".join(place.functions), worker.spec.program
    if program is None:
        raise InputError(
            f"role {worker.spec.role!r} has function {name!r}, but no program; give the role one in the TAG"
        )
    parts = load_parts(program)
    if name not in parts:
        raise InputError(
            f"program {program!r} of role {worker.spec.role!r} has no part {name!r}; its PARTS are {sorted(parts)}; "
            "add it, or mend the funcTags"
        )
    parts[name](worker, place)
