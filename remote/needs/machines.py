"""Whether a cluster's machines can run the pods of a place: labels, taints, images, room."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from remote.needs.facts import Lack, Machine, mebibytes, plain
from remote.needs.room import Unplaced, without_room
from remote.needs.wanted import Place, WantedPod
from tag.names import listing

LOCAL = "localhost/"
"""Images of this host are nowhere but on machines."""
SHOWN = 5


def machines_lack(place: Place, machines: Sequence[Machine]) -> Iterator[Lack]:
    """What machines lack of what a place's pods need."""
    fitting = {pod.name: [machine for machine in machines if _fits(pod, machine)] for pod in place.pods}
    yield from _regions(place, machines, fitting)
    yield from _images(place, fitting)
    yield from (_no_room(lost) for lost in without_room(place.pods, fitting))


def _fits(pod: WantedPod, machine: Machine) -> bool:
    return machine.usable and pod.selector.items() <= machine.labels.items() and not _kept_off(pod, machine)


def _kept_off(pod: WantedPod, machine: Machine) -> list[str]:
    return [t.key for t in machine.taints if not any(t.accepted_by(toleration) for toleration in pod.tolerations)]


def _regions(place: Place, machines: Sequence[Machine], fitting: Mapping[str, Sequence[Machine]]) -> Iterator[Lack]:
    told: set[tuple[str | None, str]] = set()
    for pod in place.pods:
        chosen = ",".join(f"{name}={value}" for name, value in sorted(pod.selector.items()))
        if fitting[pod.name] or (pod.region, chosen) in told:
            continue
        told.add((pod.region, chosen))
        subject = f"region {pod.region!r}" if pod.region is not None else f"a machine for {pod.name!r}"
        labelled = [m for m in machines if pod.selector.items() <= m.labels.items()]
        yield Lack(subject, _why_none(pod, chosen, labelled, machines))


def _why_none(pod: WantedPod, chosen: str, labelled: Sequence[Machine], machines: Sequence[Machine]) -> str:
    if not machines:
        return "the cluster has no machine; add one (kubectl get nodes)"
    if not labelled:
        return (
            f"no machine has the label {chosen}; set it with kubectl label node NAME {chosen.replace(',', ' ')} "
            f"(machines: {listing([m.name for m in machines][:SHOWN])}), name other labels in "
            "kubernetes.regions.REGION.nodeSelector, or let all run anywhere with kubernetes.nodeLabel: null"
        )
    tainted = sorted({key for machine in labelled if machine.usable for key in _kept_off(pod, machine)})
    names = listing([machine.name for machine in labelled][:SHOWN])
    if tainted:
        return (
            f"its machines ({names}) keep pods off by the taint {listing(tainted)}; accept it in "
            "kubernetes.regions.REGION.tolerations, or remove it with kubectl taint"
        )
    return f"its machines ({names}) are not ready or cordoned; see kubectl get nodes"


def _images(place: Place, fitting: Mapping[str, Sequence[Machine]]) -> Iterator[Lack]:
    lacking_it: dict[str, set[str]] = defaultdict(set)
    for pod in place.pods:
        if not pod.image.startswith(LOCAL):
            continue
        lacking_it[pod.image] |= {m.name for m in fitting[pod.name] if m.images_known and pod.image not in m.images}
    for image, names in sorted(lacking_it.items()):
        if names:
            yield Lack(
                f"image {image!r}",
                f"it is not on {listing(sorted(names)[:SHOWN])}, where its pods may run; load it with make images "
                "IMAGES_TO=kind, or push it with make images IMAGES_TO=registry and name it in kubernetes.images",
            )
        if place.settings.pull_policy == "Always":
            yield Lack(
                f"image {image!r}",
                "kubernetes.pullPolicy Always fetches it from a registry, and localhost/ is none; set IfNotPresent",
            )


def _no_room(lost: Unplaced) -> Lack:
    pod = lost.pod
    where = f"region {pod.region!r}" if pod.region is not None else "the cluster"
    return Lack(
        f"room for {pod.name!r}",
        f"it asks for {plain(pod.cpu)} cpu and {mebibytes(pod.memory)}, and no machine of {where} has that free "
        f"beside the others (the most is {plain(lost.cpu)} cpu and {mebibytes(lost.memory)} on {lost.machine!r}); "
        f"lower kubernetes.resources.{pod.role}.requests, free a machine or add one",
    )
