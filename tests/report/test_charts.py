"""The pictures: that they are there, say what they find, can be read, and are the same for the same run."""

import io
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Annotation, Text

from report import chart_comparison, chart_learning, chart_rounds, chart_tag
from report.charts import charts
from report.drawing import Chart
from report.record import Record, read_record
from tag.plan import Plan, PlannedWorker
from tag.settings import DatasetSpec
from tag.spec import Membership, WorkerSpec
from tests.report.build import Story, comparison_of, keep, plan_of, star, story
from worker import events as ev

ALL = ["tag", "learning", "phases", "bytes", "comparison"]
MODULES = (chart_tag, chart_learning, chart_rounds, chart_comparison)


def compared(told: Story, folder: Path) -> Record:
    return read_record(keep(told, folder / "run", comparison=comparison_of(told)))


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> Callable[[Record], dict[str, Figure]]:
    """The figures of a run as they are before they are made into files, which takes most of the time."""

    def draw(record: Record) -> dict[str, Figure]:
        found: dict[str, Figure] = {}

        def kept(name: str, title: str, alt: str, figure: Figure, _: dict[str, str]) -> Chart:
            found[name] = figure
            FigureCanvasAgg(figure).draw()
            return Chart(name, title, alt, b"", "")

        for module in MODULES:
            monkeypatch.setattr(module, "render", kept)
        charts(record)
        return found

    return draw


def shown_texts(figure: Figure) -> list[Text]:
    """All texts that are drawn; ticks beyond the axes' limits have labels that are not."""
    found = list(figure.texts)
    for axes in figure.axes:
        found += [child for child in axes.get_children() if isinstance(child, Text)]
        for axis in (axes.xaxis, axes.yaxis) if axes.axison else ():
            low, high = sorted(axis.get_view_interval())
            found += [axis.label, *(t.label1 for t in axis.get_major_ticks() if low <= t.get_loc() <= high)]
    return [t for t in found if t.get_visible() and t.get_text().strip() and not isinstance(t, Annotation)]


def overlaps(figure: Figure) -> list[str]:
    """Pairs of texts that lie on each other, and texts that leave the sheet."""
    sheet = figure.bbox
    boxes = [(text.get_text(), text.get_window_extent()) for text in shown_texts(figure)]
    found = [f"{text!r} leaves the sheet" for text, box in boxes if box.x0 < 0 or box.y0 < 0]
    found += [f"{text!r} leaves the sheet" for text, box in boxes if box.x1 > sheet.x1 or box.y1 > sheet.y1]
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        wide, high = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        if wide > 1 and high > 0.25 * min(a.height, b.height):
            found.append(f"{one!r} lies on {other!r}")
    return found


@pytest.mark.parametrize(
    ("regions", "each", "rounds"), [(1, 1, 1), (3, 1, 1), (3, 1, 5), (3, 10, 3), (30, 1, 2), (3, 1, 100), (7, 3, 12)]
)
def test_no_text_lies_on_another_however_large_the_run(
    tmp_path: Path, figures: Callable[[Record], dict[str, Figure]], regions: int, each: int, rounds: int
) -> None:
    drawn = figures(compared(story(regions, each, rounds), tmp_path))

    assert list(drawn) == ALL
    assert [(name, found) for name, figure in drawn.items() for found in overlaps(figure)] == []


def test_long_names_are_shortened_where_they_would_lie_on_others(
    tmp_path: Path, figures: Callable[[Record], dict[str, Figure]]
) -> None:
    long = "the-hospital-of-a-town-with-a-very-long-name"
    names = {f"{long}-{i}": [f"mammography-{long}-{i}-{j}" for j in range(2)] for i in range(4)}
    plan = plan_of(names, rounds=2, federation=f"{long}-{long}")
    drawn = figures(compared(Story(plan, rounds=2).whole(), tmp_path))

    assert [(name, found) for name, figure in drawn.items() for found in overlaps(figure)] == []


def test_names_of_any_letters_are_drawn_as_they_are(
    tmp_path: Path, figures: Callable[[Record], dict[str, Figure]]
) -> None:
    """A dollar sign would begin a formula, and letters that the font lacks would warn."""
    plan = plan_of({"$x^{2}$": ["a$b$"], "東京": ["データ"], "<b>": ["\x1b[1m"]}, rounds=1)

    drawn = figures(read_record(keep(Story(plan, rounds=1).whole(), tmp_path / "run")))

    texts = [text.get_text() for text in shown_texts(drawn["tag"])]
    assert {"$x^{2}$", "東京", "<b>", "a$b$", "データ", "�[1m"} <= set(texts)


def test_the_pictures_are_whole_png_files_and_say_what_they_find(tmp_path: Path) -> None:
    made = {chart.name: chart for chart in charts(compared(story(rounds=2), tmp_path))}

    assert list(made) == ALL
    for chart in made.values():
        high, wide, _ = imread(io.BytesIO(chart.png)).shape
        assert wide == 1440
        assert 400 < high < 2000
    assert made["learning"].title == "The global model is right on 97.68 % of the test set after 2 rounds"
    assert made["phases"].title.startswith("A round takes 12.")
    assert "of training in us, the slowest, and 0.3" in made["phases"].title
    assert made["bytes"].title == "A round moves 421 kB up and 425 kB down; 2 rounds moved 841 kB and 851 kB"
    assert "0.30 points more accurate" in made["comparison"].title
    assert "asia 97.28 %; eu 97.68 %; us 98.08 %" in made["learning"].alt, "who can't see it gets the figures"


def test_there_is_only_what_there_is_something_to_show_of(tmp_path: Path) -> None:
    nothing = Story(star(), rounds=5)
    assert [c.name for c in charts(read_record(keep(nothing, tmp_path / "nothing")))] == ["tag"]

    started = Story(star(), rounds=5).start()
    started.open(1)
    started.judge(0)
    assert [c.name for c in charts(read_record(keep(started, tmp_path / "started")))] == ["tag"]


def test_a_model_that_diverged_is_drawn_as_far_as_it_can_be(tmp_path: Path) -> None:
    told = story(rounds=3)
    nan = float("nan")
    own = {"mnist-eu": {"accuracy": 0.1, "loss": nan, "count": 10.0}}
    told.tell(ev.Evaluated(**told.lead(9), round=3, accuracy=0.1, loss=nan, count=10_000, validation=own))

    assert "learning" in [c.name for c in charts(read_record(keep(told, tmp_path / "run")))]


def tree() -> Plan:
    """A tree: trainers below a middle aggregator in each region, those below a global one."""

    def worker(name: str, role: str, places: list[tuple[str, str, str]], **fields: Any) -> PlannedWorker:
        memberships = tuple(Membership(channel=c, group=g, peer=p) for c, g, p in places)
        return PlannedWorker(
            spec=WorkerSpec(federation="tree", worker=name, role=role, memberships=memberships, **fields)
        )

    workers = [worker("top-default-0", "top", [("global", "default", "middle")])]
    for group in ("eu", "us"):
        places = [("global", "default", "top"), ("param", group, "trainer")]
        workers.append(worker(f"middle-{group}-0", "middle", places))
        data = DatasetSpec(name=f"mnist-{group}", uri="mnist:1/2")
        at = [("param", group, "middle"), ("ring", group, "trainer")]
        workers.append(worker(f"trainer-{group}-mnist-{group}", "trainer", at, dataset=data))
    ordered = tuple(sorted(workers, key=lambda w: w.spec.worker))
    return Plan(federation="tree", tag="tree", model_channel="param", workers=ordered)


def test_a_tree_is_drawn_from_its_top_to_its_data(
    tmp_path: Path, figures: Callable[[Record], dict[str, Figure]]
) -> None:
    figure = figures(read_record(keep(Story(tree(), rounds=1), tmp_path / "run")))["tag"]

    high = {text.get_text(): text.get_window_extent().y0 for text in shown_texts(figure)}
    order = ["role top", "channel global", "role middle", "channel param", "role trainer", "channel ring"]
    assert sorted(order, key=lambda name: -high[name]) == order
    assert overlaps(figure) == []
