"""Links that are slower than the data: a round takes what its bytes take, and no byte goes over them twice."""

from pathlib import Path

import pytest

from local.workers import local_workers, write_commands
from tag.load import load_stack
from tests.bench.brokers import running
from tests.bench.run import TAGS, write_stack
from tests.driven import events_of
from tests.local.slow_link import SlowLink, slow_link
from worker.events import RoundClosed

TRAINERS, ROUNDS, PARAMETERS = 3, 2, 500_000
SIZE = 4 * PARAMETERS
RATE = 1e6
"""Bytes a second."""
LIMIT_S = 100
OVERHEAD = 1.05

pytestmark = pytest.mark.long


def _run(folder: Path, topology: str, url: str, link: SlowLink, behind: str) -> list[float]:
    """Seconds of each round, where workers with this in their name are behind the link."""
    plan = load_stack(write_stack(folder, TRAINERS, ROUNDS, TAGS[topology])).plan
    members = local_workers(plan, replicas=False)
    slow, fast = ([w for w in members if (behind in w.spec.worker) == is_slow] for is_slow in (True, False))
    through = f"mqtt://127.0.0.1:{link.port}"
    commands = [
        command
        for some, broker in ((fast, url), (slow, through))
        for command in write_commands(some, plan, brokers={"": broker}, scratch=folder, logs=folder)
    ]
    return [e.seconds for e in events_of(plan, commands, url, LIMIT_S) if isinstance(e, RoundClosed)]


@pytest.fixture(autouse=True)
def parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    """The size of the model of the bench's program."""
    monkeypatch.setenv("FEDTAG_BENCH_PARAMETERS", str(PARAMETERS))


def test_updates_of_trainers_that_share_a_slow_link_go_over_it_once(tmp_path: Path) -> None:
    with running("embedded", TRAINERS) as url, slow_link(int(url.rpartition(":")[2]), RATE) as link:
        rounds = _run(tmp_path, "star", url, link, "trainer-")

    assert len(rounds) == ROUNDS
    assert link.up.moved <= OVERHEAD * SIZE * (TRAINERS * ROUNDS + 1), "the updates, and the first model once"
    assert link.down.moved <= OVERHEAD * SIZE * TRAINERS * ROUNDS


def test_the_sum_of_a_ring_with_a_slow_member_goes_over_its_link_once(tmp_path: Path) -> None:
    with running("embedded", TRAINERS) as url, slow_link(int(url.rpartition(":")[2]), 0.4 * RATE) as link:
        rounds = _run(tmp_path, "ring", url, link, "d000")

    assert len(rounds) == ROUNDS
    share = 2 * 2 * (TRAINERS - 1) / TRAINERS  # sums have twice the bytes of weights
    assert link.up.moved <= OVERHEAD * SIZE * share * ROUNDS
    assert link.down.moved <= OVERHEAD * SIZE * share * ROUNDS
