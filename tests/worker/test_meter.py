"""What a round moved: from its opening to its end, and from there to the next end."""

from worker.events import Moved
from worker.meter import Meter


def test_what_was_moved_before_a_round_is_in_no_round_and_rounds_share_nothing() -> None:
    now = {"param": (70, 7)}
    meter = Meter(lambda: dict(now))
    meter.begin()
    now["param"] = (100, 10)
    meter.begin()
    now["top"] = (5, 500)

    first = meter.take(1, 1)
    now["param"] = (101, 12)
    second = meter.take(1, 2)

    assert first == Moved(run=1, round=1, sent={"param": 30, "top": 5}, received={"param": 3, "top": 500})
    assert second == Moved(run=1, round=2, sent={"param": 1, "top": 0}, received={"param": 2, "top": 0})


def test_after_a_stop_the_next_round_begins_anew() -> None:
    now = {"param": (0, 0)}
    meter = Meter(lambda: dict(now))
    meter.begin()
    meter.stop()
    now["param"] = (40, 4)
    meter.begin()
    now["param"] = (41, 6)

    assert meter.take(2, 1).sent == {"param": 1}
