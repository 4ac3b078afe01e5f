"""The pictures of a run: its TAG, its learning, the time and the bytes of its rounds, and its comparison."""

from collections.abc import Callable

from report.chart_comparison import comparison_chart
from report.chart_learning import learning_chart
from report.chart_rounds import bytes_chart, phases_chart
from report.chart_tag import tag_chart
from report.drawing import Chart, style
from report.palette import region_colours
from report.record import Record
from report.text import clean

_CHARTS: tuple[Callable[[Record, dict[str, str]], Chart | None], ...] = (
    tag_chart,
    learning_chart,
    phases_chart,
    bytes_chart,
    comparison_chart,
)


def charts(record: Record) -> list[Chart]:
    """All pictures for which there is something to show; the same run gives the same bytes."""
    colours = region_colours(list(record.groups))
    names = [record.federation, *record.groups, *(w.spec.worker for w in record.plan.workers)]
    names += [member.dataset for member in record.members]
    with style([clean(name) for name in names]):
        drawn = [draw(record, colours) for draw in _CHARTS]
    return [chart for chart in drawn if chart is not None]
