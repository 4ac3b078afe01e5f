"""A reader of a deployed federation: its events from the first on, its state, its model."""

import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from remote import journal
from remote.cluster import Cluster, Pod
from remote.forward import HOST
from remote.outputs import Deployed
from remote.vigil import Vigil
from remote.ways import Ways
from tag.kubernetes import Kubernetes
from tag.plan import Plan
from tag.roots import root_of, roots
from worker.address import Address
from worker.errors import WorkerError
from worker.events import Event, Progress
from worker.operator import Operator
from worker.protocol.messages import State

CONNECT_S = 60.0
"""Seconds until the broker answers for the first time."""
_MARGIN_S = 15
_PULL_S = 0.05


@dataclass(frozen=True)
class Workplace:
    """A namespace with workers of the federation.

    Attributes:
        pods: theirs.
    """

    cluster: Cluster
    namespace: str
    pods: Sequence[Pod] = ()


class Session:
    """The reader, while entered.

    Args:
        deployed: the stack's outputs.
        plan: of the stack.
        settings: of the stack, which name the regions' other clusters.
        reach: gives the cluster of a kubeconfig's context.

    Attributes:
        notes: sentences for the user; whoever shows them takes them out.
        roots: who make models.
    """

    def __init__(
        self,
        deployed: Deployed,
        plan: Plan,
        settings: Kubernetes,
        reach: Callable[[str | None], Cluster] = Cluster,
    ) -> None:
        self._reach = reach
        self._deployed = deployed
        self._plan = plan
        self._settings = settings
        self._open = ExitStack()
        self._seen: set[str] = set()
        self._raw: deque[Event] = deque()
        self.roots = roots(plan)
        self._vigil = Vigil(deployed.namespace, time.monotonic(), [root.name for root in self.roots])
        self.notes: list[str] = []

    def __enter__(self) -> Self:
        """Find the clusters and the brokers, and connect.

        Raises:
            InputError: the kubeconfig has no such context.
            WorkerError: the cluster or the broker does not answer.
        """
        with ExitStack() as opened:
            own = self._reach(self._deployed.context)
            self._ways = opened.enter_context(Ways(self._deployed, self._plan, self._reach))
            self._labels = self._ways.workers
            self._places = [Workplace(own, self._deployed.namespace), *self._elsewhere()]
            self._operator = opened.enter_context(self._reader())
            self._connect()
            self._open = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnect."""
        self._open.close()

    @property
    def states(self) -> Mapping[str, State]:
        """The newest states of leaders that live, by the logical sender of who makes a model."""
        settled = self._vigil.settled
        return {name: state for name, state in self._operator.states.items() if settled.get(name) == state.term}

    @property
    def settled(self) -> bool:
        """Whether a leader of each model lives."""
        return len(self.states) == len(self.roots)

    def next(self, timeout: float) -> Event | None:
        """The next event that was not given before; None if none comes in `timeout` seconds.

        Raises:
            WorkerError: the broker does not answer any more, or no leader does.
        """
        if self._vigil.gap is not None:
            # Nobody repeats what was told while the link was down.
            gap, self._vigil.gap = self._vigil.gap, None
            self._raw.extend(self._read_logs(gap, None))
        event = self._raw.popleft() if self._raw else self._pull(timeout)
        return event if event is not None and self._is_new(event) else None

    def catch_up(self, folder: Path | None = None) -> list[Event]:
        """What was told so far, from the workers' logs, in the order of time, without what was given already.

        Args:
            folder: where the logs are copied to, as WORKER.log.

        Raises:
            WorkerError: the broker does not answer any more.
        """
        return [event for event in self._read_logs(None, folder) if self._is_new(event)]

    def settle(self, timeout: float) -> bool:
        """Wait for the states of leaders that live; whether there is one for each model.

        Raises:
            WorkerError: as `next`.
        """
        end = time.monotonic() + timeout
        while not self.settled and time.monotonic() < end:
            if (event := self._pull(_PULL_S)) is not None:
                self._raw.append(event)
        return self.settled

    def fetch_model(self, timeout: float, root: str) -> bytes:
        """The safetensors file of the model of a root's state.

        Raises:
            WorkerError: it does not come in `timeout` seconds.
        """
        return self._operator.fetch_model(timeout, root)

    def places(self) -> list[Workplace]:
        """Where the workers are, with their pods.

        Raises:
            WorkerError: a cluster does not answer.
        """
        return [Workplace(p.cluster, p.namespace, p.cluster.workers(p.namespace, self._labels)) for p in self._places]

    def _elsewhere(self) -> list[Workplace]:
        """The namespaces of regions in other clusters, each once."""
        own = self._deployed.namespace
        found = {(c.context, c.namespace or own) for c in self._settings.clusters.values()}
        return [Workplace(self._reach(context), namespace) for context, namespace in sorted(found)]

    def _reader(self) -> Operator:
        """The operator's end, whose key is on disk only while it is made."""
        identity = self._deployed.operator
        with tempfile.TemporaryDirectory(prefix="fedtag-operator-") as folder:
            tls = identity.write(Path(folder)) if identity is not None else None
            top, *others = (Address(HOST, port, tls) for port in self._ways.ports)
            federation, channel = self._deployed.federation, self._plan.top_channel
            return Operator(federation, channel, top, others=others, roots=root_of(self._plan))

    def _connect(self) -> None:
        end = time.monotonic() + CONNECT_S
        while not self._operator.connected:
            if time.monotonic() > end:
                lost = self._ways.of_lost(self._operator.up)
                raise WorkerError(f"the broker{lost} does not answer within {CONNECT_S:g} s: {self._why()}")
            if (event := self._pull(_PULL_S)) is not None:
                self._raw.append(event)

    def _pull(self, timeout: float) -> Event | None:
        """An event from the broker, given before or not; the link moves only while somebody waits here."""
        event = self._operator.next(timeout)
        now, up = time.monotonic(), self._operator.up
        said = self._vigil.look(now, connected=up[0], states=self._operator.states, why=self._why())
        self.notes += [said] if said else []
        notes, gap = self._ways.look(now, up)
        self.notes += notes
        if gap is not None:
            self._vigil.gap = max(gap, self._vigil.gap or 0)
        return event

    def _why(self) -> str:
        """What stands in the way to the broker."""
        if self._ways.trouble:
            return self._ways.trouble
        return f"{self._operator.trouble or 'it lets nobody in'}; are its certificates those of the last 'pulumi up'?"

    def _read_logs(self, since: float | None, folder: Path | None) -> list[Event]:
        """What the workers' logs tell, given before or not; what can't be read becomes a note."""
        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(self._told, None if since is None else int(since) + _MARGIN_S, folder)
            while not reading.done():
                if (event := self._pull(_PULL_S)) is not None:
                    self._raw.append(event)
            events, troubles = reading.result()
        self.notes += troubles[:1]
        return events

    def _told(self, since: int | None, folder: Path | None) -> tuple[list[Event], list[str]]:
        found: list[Event] = []
        troubles: list[str] = []
        try:
            for place in self.places():
                events, why = journal.read_all(place.cluster, place.pods, since=since, folder=folder)
                found += events
                troubles += why
        except WorkerError as error:
            troubles.append(str(error))
        return sorted(found, key=lambda event: event.time), troubles

    def _is_new(self, event: Event) -> bool:
        if isinstance(event, Progress):
            return True
        name = journal.key(event)
        known = name in self._seen
        self._seen.add(name)
        return not known
