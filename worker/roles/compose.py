"""Which parts a worker has: one for each of its channels, by its functions there."""

from pathlib import Path

from tag.spec import Membership
from tag.spec import Part as Kind
from worker.errors import InputError
from worker.roles.base import Worker
from worker.roles.coordinate import Coordinate, Pairs
from worker.roles.follow import Follow
from worker.roles.lead import Lead
from worker.roles.middle import Middle
from worker.roles.paired import Announcing, PairedMiddle, PairedTrainer


def compose(worker: Worker, *, roster: Path | None = None, state: Path | None = None) -> None:
    """Give a worker its parts.

    Args:
        worker: without parts.
        roster: file with who is expected, for who leads.
        state: folder for checkpoints, likewise.

    Raises:
        InputError: no program does what its functions ask for.
    """
    spec = worker.spec
    own = [place for place in spec.memberships if place.part == "other"]
    pairing = [place for place in spec.memberships if place.coordinates]
    rest = [place for place in spec.memberships if place not in own and place not in pairing]
    places: dict[Kind, Membership] = {place.part: place for place in rest}
    if len(places) != len(rest):
        raise InputError(f"worker {spec.worker!r} does the same on two channels; leave it to one of them")
    follow, lead, told = places.get("follow"), places.get("lead"), places.get("coordinate")
    ring = places.get("ring")
    if ring is not None and spec.dataset is not None:
        _member(worker, ring, follow, roster)
    elif follow is not None and spec.dataset is not None:
        _trainer(worker, follow, told)
    elif follow is not None and lead is not None:
        if told is not None:
            PairedMiddle(worker, told).join(follow, lead, roster=roster, state=state)
        else:
            middle = Middle(worker, spec.name_on(follow))
            middle.follow = Follow(worker, follow, middle, active=False)
            Lead(worker, lead, roster=roster, state=state, upper=middle)
    elif lead is not None:
        root = Lead(worker, lead, roster=roster, state=state)
        if told is not None:
            Announcing(worker, told, root)
    pairs = Pairs(worker, roster)
    for place in pairing:
        Coordinate(worker, place, pairs)
    for place in own:
        _own(worker, place)
    if not worker.parts:
        functions = sorted({f for place in spec.memberships for f in place.functions})
        raise InputError(f"worker {spec.worker!r} has functions {functions}, which no program has; see docs/tag.md")


def _trainer(worker: Worker, follow: Membership, told: Membership | None) -> None:
    # The training libraries are imported by those who train only; aggregators' images lack them.
    from worker.roles.train import Training

    training = Training(worker)
    training.follow = Follow(worker, follow, training, paired=told is not None)
    if told is not None:
        PairedTrainer(worker, told, training.follow, training)


def _member(worker: Worker, ring: Membership, follow: Membership | None, roster: Path | None) -> None:
    from worker.roles.ring import Ring
    from worker.roles.train import Training

    training = Training(worker)
    upper = Middle(worker, worker.spec.name_on(follow)) if follow is not None else None
    training.follow = Ring(worker, ring, training, roster=roster, upper=upper).follow
    if follow is not None and upper is not None:
        upper.follow = Follow(worker, follow, upper, active=False)


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
