"""A crowd whose workers pass on to each other: boxes one after another, the last before the first. Pure."""

import math
from dataclasses import dataclass

from report.graph.cards import EDGE, GAP, HEAD, opened
from report.graph.model import Crowd
from report.graph.shapes import SMALL, Frame, Sheet
from report.graph.words import workers_of

_ROW, _STEP, _BETWEEN = 0.3, 0.3, 0.36
_LEAST_WORKER, _MOST_WORKER = 0.8, 2.0
_MOST_IN_RING = 12
_PAIR = 2
"""So many stand side by side, not around."""
_SAME = 0.01


@dataclass(frozen=True)
class Ring:
    """The workers one after another, the last before the first; many are cut."""

    crowd: Crowd
    role: str

    def _names(self, wide: float) -> list[str]:
        if not self.crowd.members:
            return [self.role, self.role, "…"]
        names = [member.label for member in self.crowd.members]
        each = max(1, int((wide - 2 * EDGE + _BETWEEN) / (_LEAST_WORKER + _BETWEEN)))
        most = min(_MOST_IN_RING, max(3, 2 * each))
        if len(names) <= most:
            return names
        return [*names[: most - 1], f"{len(names) - most + 1:,} more"]

    def height(self, _sheet: Sheet, wide: float, /) -> float:
        """The title and one or two rows of workers."""
        rows = 1 if len(self._names(wide)) <= _PAIR else 2
        return HEAD + _ROW * rows + _STEP * (rows - 1) + GAP

    def place(self, sheet: Sheet, at: Frame, inside: int) -> int:
        """The box with its ring."""
        crowd = self.crowd
        box = opened(sheet, at, inside, crowd, workers_of(crowd.count))
        workers = [
            self._worker(sheet, name, frame, box)
            for name, frame in zip(self._names(at.wide), self._frames(sheet, at), strict=True)
        ]
        if len(workers) == _PAIR:
            left, right = (sheet.boxes[worker] for worker in workers)
            points = ((left.right, left.centre), (right.x, right.centre))
            sheet.line(points, (workers[0], workers[1]), crowd.group)
        elif len(workers) > 1:
            for here, there in zip(workers, workers[1:] + workers[:1], strict=True):
                _pass_on(sheet, here, there, crowd.group)
        return box

    def _frames(self, sheet: Sheet, at: Frame) -> list[Frame]:
        """Where the workers stand: above from the left, below from the right."""
        names = self._names(at.wide)
        above = len(names) if len(names) <= _PAIR else math.ceil(len(names) / 2)
        room = at.wide - 2 * EDGE
        longest = max(sheet.width(name, SMALL) for name in names) + 0.2
        wide = min(max(longest, 0.6), _MOST_WORKER, (room + _BETWEEN) / above - _BETWEEN)
        between = min(1.0, (room - above * wide) / (above - 1)) if above > 1 else 0.0
        frames = []
        for number in range(len(names)):
            upper = number < above
            size = above if upper else len(names) - above
            place = number if upper else size - 1 - (number - above)
            x = at.middle - (size * (wide + between) - between) / 2 + place * (wide + between)
            frames.append(Frame(x, at.y + HEAD + (0 if upper else _ROW + _STEP), wide, _ROW))
        return frames

    def _worker(self, sheet: Sheet, name: str, at: Frame, inside: int) -> int:
        box = sheet.box("worker", at, self.crowd.group, inside)
        sheet.label((at.middle, at.centre), name, at.wide - 0.1, inside=box, size=SMALL, align="center")
        return box


def _pass_on(sheet: Sheet, here: int, there: int, group: str) -> None:
    """The line from a worker of a ring to the next: along its row, or around an end of the rows."""
    a, b = sheet.boxes[here], sheet.boxes[there]
    if a.y == b.y:
        points = ((a.right, a.centre), (b.x, b.centre)) if b.x > a.x else ((a.x, a.centre), (b.right, b.centre))
    elif abs(a.middle - b.middle) < _SAME:
        points = ((a.middle, a.bottom), (b.middle, b.y)) if b.y > a.y else ((a.middle, a.y), (b.middle, b.bottom))
    elif b.y > a.y:
        sheet.line(((a.middle, a.bottom), (a.middle, b.centre), (b.right, b.centre)), (here, there), group, both=False)
        return
    else:
        sheet.line(((a.x, a.centre), (b.middle, a.centre), (b.middle, b.bottom)), (here, there), group, both=False)
        return
    sheet.line(points, (here, there), group, both=False)
