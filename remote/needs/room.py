"""Whether pods find room on machines: they are placed as a scheduler would, the hardest to place first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from remote.needs.facts import Machine
from remote.needs.wanted import WantedPod


@dataclass(frozen=True)
class Unplaced:
    """A pod for which no machine has room.

    Attributes:
        machine: with the most memory left of those that may run it.
        cpu: cores left there.
        memory: bytes left there.
    """

    pod: WantedPod
    machine: str
    cpu: Decimal
    memory: Decimal


def without_room(pods: Sequence[WantedPod], fitting: Mapping[str, Sequence[Machine]]) -> list[Unplaced]:
    """The pods that find no room once the others are placed; those without any machine are not among them.

    Args:
        pods: all.
        fitting: the machines that may run each, by its name.
    """
    left = {machine.name: [machine.cpu, machine.memory] for some in fitting.values() for machine in some}
    lost: list[Unplaced] = []
    for pod in sorted(pods, key=lambda one: (len(fitting[one.name]), -one.memory, -one.cpu, one.name)):
        names = sorted((m.name for m in fitting[pod.name]), key=lambda name: (-left[name][1], -left[name][0], name))
        room = [name for name in names if pod.cpu <= left[name][0] and pod.memory <= left[name][1]]
        if room:
            left[room[0]][0] -= pod.cpu
            left[room[0]][1] -= pod.memory
        elif names:
            lost.append(Unplaced(pod, names[0], left[names[0]][0], left[names[0]][1]))
    return lost
