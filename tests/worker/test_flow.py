"""Flow control and membership bits: who may send how much, and whose is in."""

import pytest
from msgspec.structs import replace

from tag.limits import FAN_OUT_CHUNKS, model_window
from worker.protocol.messages import Held, Term, UpdateManifest, bits, members
from worker.protocol.slots import Coming, grant
from worker.protocol.streams import Stream, confirms

TERM: Term = (1, "aggregator-all-0")
BASE = Held(0, 0, "a" * 64, 1000)
NAMES = ("one", "three", "two")


def test_a_model_goes_at_most_a_window_ahead_of_its_slowest_live_reader() -> None:
    stream, first = Stream.to(["fast", "slow"], "d", 100, 0.0).advance(0.0)
    stream, held = stream.confirm("fast", 32, 1.0).advance(1.0)
    stream, on = stream.confirm("slow", 16, 2.0).advance(2.0)
    _, left = stream.confirm("fast", 48, 13.0).advance(13.0)

    assert first == range(32)
    assert held == range(0), "the slow one holds it"
    assert on == range(32, 48)
    assert left == range(48, 80), "after ten seconds of silence it is left behind"


@pytest.mark.parametrize("readers", [1, 3, 4, 5, 30, 300])
def test_whoever_reads_confirms_before_the_sender_must_wait(readers: int) -> None:
    count, names = 153, [f"r{n}" for n in range(readers)]
    stream, have, sent = Stream.to(names, BASE.digest, count, 0.0), 0, 0
    while sent < count:
        stream, chunks = stream.advance(0.0)
        assert len(chunks), f"{readers} readers have {have} chunks and wait for more"
        assert sent + len(chunks) - have <= model_window(readers)
        sent = chunks.stop
        told = [n for n in range(have + 1, sent + 1) if confirms(n - 1, n, count=count, window=stream.window)]
        have = max([have, *told])
        for name in names:
            stream = stream.confirm(name, have, 0.0)

    assert readers * model_window(readers) <= max(FAN_OUT_CHUNKS, 2 * readers)


def test_a_model_is_not_sent_where_no_live_reader_is_left() -> None:
    """Its broker would have to keep it, and drop what exceeds its log."""
    stream, _ = Stream.to(["one"], "d", 100, 0.0).advance(0.0)

    assert stream.advance(30.0)[1] == range(0)


def test_only_a_few_large_updates_have_slots_and_an_idle_one_gives_its_up() -> None:
    big = 40_000_000
    manifest = UpdateManifest(1, 1, TERM, "a" * 64, "x", 1, "b" * 64, big)
    coming = {name: Coming(manifest, 8, 8, 0.0) for name in ("a", "b", "c", "d")}
    granted = grant(coming, 1.0)
    moved = {n: replace(c, at=20.0) if n in "cd" else c for n, c in granted.items()}
    later = grant(moved, 20.0)

    assert [name for name, c in granted.items() if c.upto > 8] == ["a", "b"]
    assert {name for name, c in later.items() if c.upto > 8} == {"a", "b", "c", "d"}


def test_bits_say_whose_and_survive_nonsense() -> None:
    assert members(NAMES, bits(NAMES, frozenset({"one", "two"}))) == {"one", "two"}
    assert members(NAMES, "zz") == frozenset()
