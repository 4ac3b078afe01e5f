"""The election among replicas alone, with a clock of the test's own."""

import pytest

from worker.protocol import replica as election
from worker.protocol.messages import Term


def elected(replicas: list[election.Replica], until: float, *, deaf: bool = False) -> list[election.Replica]:
    """Replicas that hear each other's claims and beats, from second 0 on."""
    replicas = [election.step(r, election.Up(), 0.0)[0] for r in replicas]
    now = 0.0
    while now < until:
        now += 0.1
        said: list[tuple[str, Term, str]] = []
        for index, replica in enumerate(replicas):
            after, actions = election.step(replica, election.Tick(), now)
            replicas[index] = after
            said += [(after.me, a.term, "claim") for a in actions if isinstance(a, election.SendClaim)]
            said += [(after.me, after.term, "beat")] if after.post == "leader" else []
        for me, term, kind in [] if deaf else said:
            for index, replica in enumerate(replicas):
                if replica.me != me:
                    replicas[index], _ = election.step(replica, election.TermHeard(term, kind), now)  # type: ignore[arg-type]
    return replicas


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_one_replica_of_many_leads_and_the_lowest_index_is_it(count: int) -> None:
    found = elected([election.Replica(f"a-{i}", i) for i in range(count)], until=10.0)

    assert [r.me for r in found if r.post == "leader"] == ["a-0"]
    assert len({r.term for r in found}) == 1, "all know its term"


def test_a_standby_leads_under_a_higher_term_within_five_seconds_of_silence() -> None:
    first, second = elected([election.Replica("a-0", 0), election.Replica("a-1", 1)], until=6.0)
    now, leads = 6.0, None
    while leads is None and now < 20.0:
        now += 0.1
        second, actions = election.step(second, election.Tick(), now)
        leads = next((a for a in actions if isinstance(a, election.Lead)), None)

    assert leads is not None
    assert leads.term > first.term
    assert now - 6.0 <= 5.0


def test_a_leader_that_hears_a_higher_term_stops() -> None:
    (leader,) = elected([election.Replica("a-0", 0)], until=3.0)
    after, actions = election.step(leader, election.TermHeard((9, "a-1"), "beat"), 4.0)

    assert actions == [election.StepDown((9, "a-1"))]
    assert after.post == "standby"


def test_a_claim_rises_above_any_term_that_members_remember() -> None:
    replica, _ = election.step(election.Replica("a-0", 0), election.Up(), 0.0)
    replica, _ = election.step(replica, election.Tick(), 1.0)
    replica, actions = election.step(replica, election.TermHeard((7, "a-1"), "hearsay"), 1.2)

    assert actions == [election.SendClaim((8, "a-0"))]
