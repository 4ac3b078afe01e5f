"""The ways to all brokers of a deployed federation: a port of this machine for each."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Self

from remote.cluster import Broker, Cluster
from remote.forward import Forward
from remote.outputs import Deployed
from tag.plan import Plan
from worker.errors import InputError

Reach = Callable[[str | None], Cluster]
"""Gives the cluster of a kubeconfig's context."""


class Ways:
    """The ways, while entered: the first leads to the broker of whoever makes the model, the others to further ones.

    Workers tell there what happens. Without the first nothing is seen of the run; when another breaks the watcher goes
    on, and reads what was told meanwhile from the workers' logs.

    Args:
        deployed: the stack's outputs.
        plan: of the stack.
        reach: gives the cluster of a kubeconfig's context.

    Attributes:
        workers: labels of the pods of the federation's workers.

    Raises:
        InputError: the stack file names a broker that is not deployed, or the kubeconfig has no such context.
    """

    def __init__(self, deployed: Deployed, plan: Plan, reach: Reach) -> None:
        self._places = deployed.places
        self._reach = reach
        top = plan.top_broker
        if top not in self._places:
            named = f"broker {top!r}" if top else "the federation's own broker"
            raise InputError(
                f"{named} is not deployed, and the stack file's top channel goes through it; bring the cluster up to "
                "date with 'pulumi up'"
            )
        self._names = [top, *(name for name in sorted(self._places) if name != top)]
        self._seen: set[str] = set()
        self._down: dict[str, float] = {}
        self._open = ExitStack()
        self._forwards: list[Forward] = []
        self.workers: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Find the brokers and listen.

        Raises:
            WorkerError: a cluster does not answer, or has no such Service.
        """
        with ExitStack() as opened:
            found = [self._found(name) for name in self._names]
            self.workers = found[0][1].workers
            for cluster, broker in found:
                self._forwards.append(opened.enter_context(_forward(cluster, broker)))
            self._open = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Close all ports."""
        self._open.close()

    def _found(self, name: str) -> tuple[Cluster, Broker]:
        place = self._places[name]
        cluster = self._reach(place.context)
        return cluster, cluster.broker(place.namespace, place.service)

    @property
    def ports(self) -> list[int]:
        """Of 127.0.0.1, the first leads to the broker of whoever makes the model."""
        return [forward.port for forward in self._forwards]

    @property
    def trouble(self) -> str:
        """Why a way could not be made, or has ended; empty while all are open."""
        return next((forward.trouble for forward in self._forwards if forward.trouble), "")

    def of_lost(self, up: Sequence[bool]) -> str:
        """Words that name the first broker that is out of reach; none for the federation's own."""
        lost = next((name for name, there in zip(self._names, up, strict=True) if not there), "")
        return f" {lost!r}" if lost else ""

    def look(self, now: float, up: Sequence[bool]) -> tuple[list[str], float | None]:
        """Take in which links are up, but for the first; sentences for the user, and for how long one was down.

        Args:
            now: seconds, by the caller's clock.
            up: of each link.

        Returns:
            The sentences, and the seconds for which a link that has just come back was down, or None.
        """
        notes: list[str] = []
        gap: float | None = None
        for name, there in zip(self._names[1:], up[1:], strict=True):
            named = f"broker {name!r}" if name else "the federation's broker"
            if there and name in self._seen and name in self._down:
                gap = max(gap or 0.0, now - self._down.pop(name))
                notes.append(f"connected again to {named}")
            elif there:
                self._seen.add(name)
            elif name in self._seen and name not in self._down:
                self._down[name] = now
                notes.append(f"the connection to {named} broke; the run goes on, and connecting again is tried")
        return notes, gap


def _forward(cluster: Cluster, broker: Broker) -> Forward:
    return Forward(lambda: cluster.dial(broker))
