"""What must hold of where a picture of a TAG puts things."""

import itertools
from collections.abc import Iterator

from report.drawing import style
from report.graph.layout import arrange
from report.graph.model import Graph
from report.graph.shapes import Box, Frame, Label, Line, Sheet
from report.ruler import ruler

WIDE = 9.4
NEAR = 0.011


def laid(graph: Graph) -> Sheet:
    with style([]):
        return arrange(graph, ruler(), WIDE)


def above(sheet: Sheet, box: int) -> Iterator[int]:
    """A box and those around it."""
    number: int | None = box
    while number is not None:
        yield number
        number = sheet.boxes[number].inside


def overlap(one: Frame, other: Frame) -> bool:
    wide = min(one.right, other.right) - max(one.x, other.x)
    high = min(one.bottom, other.bottom) - max(one.y, other.y)
    return wide > NEAR and high > NEAR


def on_edge(box: Box, point: tuple[float, float]) -> bool:
    x, y = point
    within = box.x - NEAR <= x <= box.right + NEAR and box.y - NEAR <= y <= box.bottom + NEAR
    return within and min(abs(x - box.x), abs(x - box.right), abs(y - box.y), abs(y - box.bottom)) <= NEAR


def frame_of(label: Label) -> Frame:
    left = {"left": label.x, "center": label.x - label.wide / 2, "right": label.x - label.wide}[label.align]
    high = label.size / 72
    return Frame(left, label.y - high / 2, label.wide, high)


def steps(line: Line) -> Iterator[Frame]:
    """Points along a line, near enough to each other to be in each box that it passes through."""
    for (x0, y0), (x1, y1) in itertools.pairwise(line.points):
        count = max(2, int((abs(x1 - x0) + abs(y1 - y0)) / 0.03))
        for k in range(count + 1):
            yield Frame(x0 + (x1 - x0) * k / count, y0 + (y1 - y0) * k / count, 0, 0)


def inside(frame: Frame, point: Frame, by: float) -> bool:
    return frame.x + by < point.x < frame.right - by and frame.y + by < point.y < frame.bottom - by


def faults(sheet: Sheet) -> list[str]:
    """Everything that is not as it should be."""
    page = Frame(-NEAR, -NEAR, sheet.wide + 2 * NEAR, sheet.high + 2 * NEAR)
    return [*of_boxes(sheet, page), *of_labels(sheet, page), *of_lines(sheet)]


def contains(outer: Frame, inner: Frame) -> bool:
    return (
        outer.x - NEAR <= inner.x
        and outer.y - NEAR <= inner.y
        and inner.right <= outer.right + NEAR
        and inner.bottom <= outer.bottom + NEAR
    )


def of_boxes(sheet: Sheet, page: Frame) -> Iterator[str]:
    siblings: dict[int | None, list[Box]] = {}
    for box in sheet.boxes:
        siblings.setdefault(box.inside, []).append(box)
        if not contains(page if box.inside is None else sheet.boxes[box.inside], box):
            yield f"{box} leaves what it stands in"
    for own in siblings.values():
        yield from (f"{a} lies on {b}" for a, b in itertools.combinations(own, 2) if overlap(a, b))
    for dots in sheet.dots:
        rows = -(-dots.count // dots.columns)
        field = Frame(dots.x, dots.y, dots.columns * dots.pitch, rows * dots.pitch)
        if not any(box.kind == "group" and contains(box, field) for box in sheet.boxes):
            yield f"{dots} leave their box"


def of_labels(sheet: Sheet, page: Frame) -> Iterator[str]:
    frames = [(label, frame_of(label)) for label in sheet.labels]
    for label, frame in frames:
        if not contains(page if label.inside is None else sheet.boxes[label.inside], frame):
            yield f"{label} leaves its box"
        for box in sheet.boxes:
            if label.inside is not None and box.inside == label.inside and overlap(box, frame):
                yield f"{label} lies on {box}"
    by_box: dict[int | None, list[tuple[Label, Frame]]] = {}
    for label, frame in frames:
        by_box.setdefault(label.inside, []).append((label, frame))
    for own in by_box.values():
        for (one, a), (other, b) in itertools.combinations(own, 2):
            if overlap(a, b):
                yield f"{one} lies on {other}"


def of_lines(sheet: Sheet) -> Iterator[str]:
    frames = [(label, frame_of(label)) for label in sheet.labels]
    for line in sheet.lines:
        start, end = line.ends
        if not on_edge(sheet.boxes[start], line.points[0]) or not on_edge(sheet.boxes[end], line.points[-1]):
            yield f"{line} does not end at its boxes"
        allowed = {*above(sheet, start), *above(sheet, end)}
        for point in steps(line):
            yield from (
                f"{line} crosses {b}" for n, b in enumerate(sheet.boxes) if n not in allowed and inside(b, point, 0)
            )
            yield from (f"{line} crosses {label}" for label, frame in frames if inside(frame, point, 0.01))
            yield from (
                f"{line} goes through {sheet.boxes[n]}" for n in line.ends if inside(sheet.boxes[n], point, NEAR)
            )


def says(sheet: Sheet, name: str) -> bool:
    """Whether a label says a name, or its beginning where it had to be shortened."""
    texts = [label.text for label in sheet.labels]
    return any(text == name or ("…" in text and name.startswith(text.split("…")[0])) for text in texts)


def check(graph: Graph) -> Sheet:
    sheet = laid(graph)
    assert faults(sheet) == []
    assert all(
        label.wide >= sheet.ruler(label.text, label.size, "bold" if label.bold else "normal") for label in sheet.labels
    ), "texts need room"
    for role in graph.roles:
        assert says(sheet, f"role {role.name}"), f"role {role.name} is not there"
    for one in graph.channels:
        assert says(sheet, f"channel {one.name}"), f"channel {one.name} is not there"
    return sheet
