"""How far each root of a run has come: rounds that it closed, accuracies of its models, and whether it has finished."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tag.roots import Root
from worker.events import Evaluated, Event, Finished, RoundClosed
from worker.protocol.messages import State


@dataclass
class Course:
    """One root's training.

    Attributes:
        root: who makes the model.
        experiment: what the training is called; empty if it is the only one.
        closed: rounds that made a model.
        scores: accuracy on the test set by the model's SHA-256.
        finished: whether it has said so.
        sha: SHA-256 of the model that was kept; None before that.
    """

    root: Root
    experiment: str
    closed: int = 0
    scores: dict[str, float] = field(default_factory=dict)
    finished: bool = False
    sha: str | None = None

    @property
    def accuracy(self) -> float | None:
        """Of the model that was kept."""
        return self.scores.get(self.sha or "")

    def take(self, event: Event) -> None:
        """Take in an event of a worker of this root."""
        match event:
            case RoundClosed():
                self.closed += 1
            case Evaluated():
                self.scores[event.model] = event.accuracy
            case Finished():
                self.finished = True


class Courses:
    """All of a run, in the order of their titles.

    Args:
        roots: of the plan.
    """

    def __init__(self, roots: Iterable[Root]) -> None:
        found = tuple(roots)
        self.all = [Course(root, root.title if len(found) > 1 else "") for root in found]
        self._by_worker = {worker: course for course in self.all for worker in course.root.workers}

    @property
    def several(self) -> bool:
        """Whether there is more than one."""
        return len(self.all) > 1

    @property
    def finished(self) -> bool:
        """Whether all have."""
        return all(course.finished for course in self.all)

    def take(self, event: Event) -> None:
        """Take in an event of any worker."""
        if (course := self._by_worker.get(event.worker)) is not None:
            course.take(event)

    def believe(self, states: dict[str, State]) -> str:
        """Take what states say for what their lost events would have; gives why one has failed, or nothing."""
        for course in self.all:
            state = states.get(course.root.name)
            course.finished |= state is not None and state.phase == "finished"
            if state is not None and state.phase == "failed":
                return self.named(course.root.workers[0], state.message)
        return ""

    def named(self, worker: str, message: str) -> str:
        """A message, with the experiment that it is about where there are several."""
        course = self._by_worker.get(worker)
        return f"experiment {course.experiment!r}: {message}" if course is not None and self.several else message
