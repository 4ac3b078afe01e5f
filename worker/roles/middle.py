"""A middle aggregator: what follows it is the source of what it gives to who is above."""

from collections.abc import Mapping

from worker.protocol import follower_io as above
from worker.protocol import leader_io as below
from worker.protocol.members import Members
from worker.protocol.messages import Evaluation, Held, Here, State
from worker.roles.base import Worker
from worker.roles.follow import Follow, Source
from worker.roles.leading import Leading, Upper


class Middle(Source, Upper):
    """Joins the part that follows with the part that leads.

    Args:
        worker: that leads and follows.
        name: logical sender above.

    Attributes:
        follow: the part above.
    """

    passes = True
    follow: Follow

    def __init__(self, worker: Worker, name: str) -> None:
        self.name = name
        self._worker = worker
        self._leading: Leading | None = None
        self._task: above.Task | None = None
        self._fault = ""

    # --- as the source of the part above

    def about(self) -> Here:
        """What presence says of all who follow here."""
        leader = self._leading.leader if self._leading is not None else None
        members = leader.members if leader is not None else Members({}, {})
        return Here(
            incarnation="",
            ready=leader is not None and leader.gathered,
            samples=members.samples,
            structure=members.structure,
            fault=self._fault,
            trainers=members.trainers(members.expected or members.able),
        )

    def begin(self, task: above.Task, held: Held, file: bytearray, state: State, now: float) -> None:
        """Let those below train, or evaluate."""
        if self._leading is None:
            return
        self._task = task
        if self._leading.store.digest != held.digest:
            self._leading.take(held, (), file)
        trainers = state.total or state.trainers
        assigned = below.Assigned(task.kind, held, task.run, task.round, state.rounds, trainers)
        self._leading.step(assigned, now)

    def halt(self, now: float) -> None:
        """Nobody wants the round any more."""
        if self._leading is not None and self._task is not None:
            self._task = None
            self._leading.step(below.Recalled(), now)
            self.follow.step(above.Stopped(), now)

    def confirmed(self, run: int, number: int, now: float) -> None:  # noqa: ARG002  as Source's
        """Tell what the round moved, now that its sum is counted."""
        self._worker.tell(self._worker.meter.take(run, number))

    def heard(self, state: State, now: float) -> None:
        """Note when a round begins; tell those below when the run is over."""
        if state.phase == "round":
            self._worker.meter.begin()
        if self._leading is None or state.phase not in ("finished", "failed"):
            return
        leader = self._leading.leader
        if leader is not None and leader.phase != state.phase and state.term >= self.follow.state.term:
            self._leading.step(below.Over("failed" if state.phase == "failed" else "finished", state.message), now)
            self._worker.tell(self._worker.meter.take(state.run, state.rounds + 1))

    # --- as who is above the part below

    def began(self, leading: Leading, now: float) -> None:
        """This replica leads: it speaks for the group from now on."""
        self._leading, self._task, self._fault = leading, None, ""
        self.follow.activate(now)

    def ended(self) -> None:
        """Another replica leads."""
        self._leading = self._task = None
        self.follow.deactivate()

    def gathered(self, held: Held, file: bytearray, now: float) -> None:
        """All who are expected are here: so this one is."""
        self.follow.prepared(held, file, now)

    def summed(
        self, file: bytearray, participants: Mapping[str, int], evaluation: Evaluation | None, now: float, deltas: int
    ) -> None:
        """Give the group's sum."""
        task, self._task = self._task, None
        if task is not None:
            samples = sum(participants.values())
            about = {"samples": samples, "participants": participants, "evaluation": evaluation, "deltas": deltas}
            self.follow.trained(task, file, now, **about)

    def judged(self, evaluation: Evaluation, now: float) -> None:
        """Give the group's evaluation."""
        self._task = None
        self.follow.step(above.Evaluated(evaluation), now)

    def blamed(self, message: str) -> None:
        """Say by presence that the run can't go on."""
        self._fault = message
        self.follow.say_here()
