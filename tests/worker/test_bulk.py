"""Chunks wait for their turn: few are under way on a slow link, many on a fast one, none twice."""

from tag.limits import WINDOW_CHUNKS
from worker.bulk import Bulk, ChunkName

COUNT = 200
TOPIC = "fedtag/1/f/c/g/update/trainer-a"


class Wire:
    """A link on which a chunk takes so many seconds, one after another, and its acknowledgement so many more.

    Attributes:
        most: chunks that were under way at once, after the first ones.
        waits: of each chunk behind others, in seconds.
    """

    def __init__(self, chunk: float, back: float) -> None:
        self.bulk = Bulk()
        self.waits: list[float] = []
        self._chunk, self._back = chunk, back

    def run(self) -> float:
        """Send all chunks; seconds that it took."""
        for number in range(COUNT):
            self.bulk.add(ChunkName(TOPIC, "a", number), b"x")
        now = free = 0.0
        acknowledgements: list[tuple[float, int]] = []
        sent = 0
        while self.bulk:
            while (taken := self.bulk.take()) is not None:
                self.bulk.sent(sent, taken[0], now)
                self.waits.append(max(0.0, free - now))
                free = max(free, now) + self._chunk
                acknowledgements.append((free + self._back, sent))
                sent += 1
            now, message = acknowledgements.pop(0)
            self.bulk.acknowledged(message, now)
        assert sent == COUNT
        return now


def test_on_a_slow_link_little_waits_ahead_of_what_is_small() -> None:
    wire = Wire(chunk=1.25, back=0.05)
    seconds = wire.run()

    assert max(wire.waits) <= 2 * 1.25, "until the link is known"
    assert max(wire.waits[10:]) <= 1.25, "then, what is small waits behind two chunks at most"
    assert seconds <= 1.05 * COUNT * 1.25, "and the link is in use nevertheless"


def test_on_a_long_fast_link_a_whole_window_is_under_way() -> None:
    wire = Wire(chunk=0.001, back=0.2)
    seconds = wire.run()

    assert wire.bulk.limit == WINDOW_CHUNKS
    assert seconds < 0.06 * COUNT * 0.2, "one after another would take as many round trips as there are chunks"


def test_a_chunk_is_on_its_way_until_the_broker_has_it() -> None:
    bulk, name = Bulk(), ChunkName(TOPIC, "a", 0)
    bulk.add(name, b"x")
    waiting = name in bulk
    assert bulk.take() == (name, b"x")
    bulk.sent(7, name, 0.0)
    bulk.acknowledged(8, 0.1)
    under_way = name in bulk
    bulk.acknowledged(7, 0.2)

    assert waiting
    assert under_way
    assert name not in bulk
    assert ChunkName(TOPIC, "b", 0) not in bulk


def test_what_was_on_a_lost_link_may_be_sent_again() -> None:
    bulk, name = Bulk(), ChunkName(TOPIC, "a", 0)
    bulk.add(name, b"x")
    bulk.clear()

    assert name not in bulk
    assert bulk.take() is None
