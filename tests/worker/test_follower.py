"""A trainer's part of a round alone, with a clock of the test's own."""

from itertools import pairwise

from msgspec.structs import replace

from tag.limits import CHUNK_BYTES
from worker.protocol import follower, follower_io
from worker.protocol.follower_state import Follower
from worker.protocol.messages import Counts, Evaluation, Held, Slot, State, Term, UpdateManifest, bits

TERM: Term = (1, "aggregator-all-0")
BASE = Held(0, 0, "a" * 64, 1000)
NAMES = ("one", "three", "two")


def beat(**changes: object) -> State:
    known = State(TERM, 1, 1, 2, "round", BASE.digest, BASE.size, 1, ("one",), bits(("one",), frozenset()))
    return State(**{f: getattr(known, f) for f in known.__struct_fields__} | changes)  # type: ignore[arg-type]


def trained() -> Follower:
    """A trainer that has evaluated and trained the first round."""
    state, _ = follower.step(Follower("one"), follower_io.Prepared(BASE), 0.0)
    state, actions = follower.step(state, follower_io.StateHeard("agg", beat()), 0.1)
    assert [a.task.kind for a in actions if isinstance(a, follower_io.Compute)] == ["evaluate"]
    found = Evaluation(1, TERM, BASE.digest, "one", Counts(1, 2, 3), Counts())
    state, actions = follower.step(state, follower_io.Evaluated(found), 0.2)
    assert [type(a) for a in actions] == [follower_io.Compute]
    manifest = UpdateManifest(1, 1, TERM, BASE.digest, "one", 10, "f" * 64, 1000)
    state, actions = follower.step(state, follower_io.Trained(manifest), 5.0)
    assert [(a.first, a.last) for a in actions if isinstance(a, follower_io.SendUpdate)] == [(0, 1)]
    return state


def evaluated(phase: str) -> tuple[Follower, list[follower_io.Action]]:
    """A trainer that has just evaluated the base at 0.2 s, and what it does then."""
    state, _ = follower.step(Follower("one"), follower_io.Prepared(BASE), 0.0)
    state, _ = follower.step(state, follower_io.StateHeard("agg", beat(phase=phase)), 0.1)
    found = Evaluation(1, TERM, BASE.digest, "one", Counts(1, 2, 3), Counts())
    return follower.step(state, follower_io.Evaluated(found), 0.2)


def judgements(actions: list[follower_io.Action]) -> list[follower_io.Action]:
    return [a for a in actions if isinstance(a, follower_io.SendEvaluation)]


def test_an_evaluation_goes_by_itself_while_training_lasts_and_with_the_update_when_it_is_short() -> None:
    state, at_once = evaluated("round")
    _, waited = follower.step(state, follower_io.Tick(), 0.31)
    manifest = UpdateManifest(1, 1, TERM, BASE.digest, "one", 10, "f" * 64, 1000)
    state, sent = follower.step(state, follower_io.Trained(manifest), 0.21)
    _, after = follower.step(state, follower_io.Tick(), 0.35)

    assert not judgements(at_once)
    assert judgements(waited), "the user sees the accuracy while the round goes on"
    assert [a.manifest.evaluation for a in sent if isinstance(a, follower_io.SendUpdate)] == [
        Evaluation(1, TERM, BASE.digest, "one", Counts(1, 2, 3), Counts())
    ]
    assert not judgements(sent)
    assert not judgements(after), "the update has told it"


def test_the_last_evaluation_does_not_wait() -> None:
    state, at_once = evaluated("evaluation")
    _, soon = follower.step(state, follower_io.Tick(), 0.3)
    _, late = follower.step(state, follower_io.Tick(), 2.5)

    assert judgements(at_once)
    assert not judgements(soon)
    assert judgements(late), "what the beat lacks is sent again"


def test_an_update_is_sent_again_until_the_beat_names_it() -> None:
    state = trained()
    state, early = follower.step(state, follower_io.Tick(), 6.0)
    state, late = follower.step(state, follower_io.Tick(), 7.5)
    heard = beat(received=bits(("one",), frozenset({"one"})))
    state, done = follower.step(state, follower_io.StateHeard("agg", heard), 8.0)
    _, after = follower.step(state, follower_io.Tick(), 20.0)

    assert not [a for a in early if isinstance(a, follower_io.SendUpdate)]
    assert [a for a in late if isinstance(a, follower_io.SendUpdate)], "what the beat lacks is sent again"
    assert [a for a in done if isinstance(a, follower_io.Confirmed)]
    assert not [a for a in after if isinstance(a, follower_io.SendUpdate)]


def test_a_new_leader_gets_presence_and_the_same_update_without_new_training() -> None:
    state, actions = follower.step(trained(), follower_io.StateHeard("other", beat(term=(2, "other"))), 6.0)

    assert [a.term for a in actions if isinstance(a, follower_io.SayHere)] == [(2, "other")]
    assert [a.to for a in actions if isinstance(a, follower_io.SendUpdate)] == ["other"]
    assert not [a for a in actions if isinstance(a, follower_io.Compute)], "the round's base is the same"
    assert state.leader == "other"


def test_a_beat_below_the_highest_term_is_not_followed() -> None:
    state = replace(trained(), term=(5, "z"))
    after, _ = follower.step(state, follower_io.StateHeard("agg", beat(round=2)), 6.0)

    assert after.state is not None
    assert after.state.round == 1


def test_training_stops_when_a_newer_round_is_heard() -> None:
    state, _ = follower.step(Follower("one"), follower_io.Prepared(BASE), 0.0)
    state, _ = follower.step(state, follower_io.StateHeard("agg", beat()), 0.1)
    found = Evaluation(1, TERM, BASE.digest, "one", Counts(1, 2, 3), Counts())
    state, _ = follower.step(state, follower_io.Evaluated(found), 0.2)
    _, actions = follower.step(state, follower_io.StateHeard("agg", beat(round=2, model="b" * 64)), 1.0)

    assert follower_io.Stop() in actions


def test_a_model_that_does_not_come_is_asked_for() -> None:
    state, _ = follower.step(Follower("one"), follower_io.Prepared(BASE), 0.0)
    state, _ = follower.step(state, follower_io.StateHeard("agg", beat(round=2, model="b" * 64)), 1.0)
    _, early = follower.step(state, follower_io.Tick(), 2.0)
    _, late = follower.step(state, follower_io.Tick(), 3.1)

    assert not [a for a in early if isinstance(a, follower_io.SendWant)]
    assert [(a.want.digest, a.want.ask) for a in late if isinstance(a, follower_io.SendWant)] == [("b" * 64, True)]


OTHER: Term = (1, "aggregator-all-1")


def test_who_is_given_another_leader_forgets_the_terms_of_the_former_but_no_model() -> None:
    state = replace(trained(), paired=True)
    state, turned = follower.step(state, follower_io.Turned(1, 2), 6.0)
    lower = beat(term=(0, "aggregator-all-1"), round=2, model="b" * 64)
    state, actions = follower.step(state, follower_io.StateHeard("other", lower), 6.1)

    assert [(a.run, a.round) for a in turned if isinstance(a, follower_io.Confirmed)] == [(1, 1)], (
        "the round is over, so the former leader has counted the update"
    )
    assert state.leader == "other", "a lower term of another leader is followed"
    assert state.holds(BASE.digest)
    assert [(a.to, a.want.digest, a.want.ask) for a in actions if isinstance(a, follower_io.SendWant)] == [
        ("other", "b" * 64, True)
    ], "no leader sends its model to the whole group, so it asks at once"
    assert [a.term for a in actions if isinstance(a, follower_io.SayHere)] == [(0, "aggregator-all-1")]


def test_an_update_goes_to_nobody_who_has_not_selected_its_sender() -> None:
    state, _ = follower.step(replace(trained(), paired=True), follower_io.Turned(1, 2), 6.0)
    old = beat(term=OTHER, selected=("three", "two"))

    state, actions = follower.step(state, follower_io.StateHeard("other", old), 6.1)
    _, later = follower.step(state, follower_io.Tick(), 9.0)

    assert not [a for a in actions + later if isinstance(a, follower_io.SendUpdate | follower_io.Compute)]


def test_the_same_round_with_another_leader_gets_the_update_that_is_there() -> None:
    """The root came back, and pairs of the same round were given again."""
    state, _ = follower.step(replace(trained(), paired=True), follower_io.Turned(1, 0), 6.0)

    _, actions = follower.step(state, follower_io.StateHeard("other", beat(term=OTHER)), 6.1)

    assert [a.to for a in actions if isinstance(a, follower_io.SendUpdate)] == ["other"]
    assert not [a for a in actions if isinstance(a, follower_io.Compute)], "training is not repeated"


def test_an_update_that_is_counted_no_more_is_sent_again() -> None:
    counted = beat(received=bits(("one",), frozenset({"one"})))
    state, done = follower.step(trained(), follower_io.StateHeard("agg", counted), 6.0)
    _, quiet = follower.step(state, follower_io.StateHeard("agg", counted), 7.0)
    _, again = follower.step(state, follower_io.StateHeard("agg", beat()), 8.0)

    assert any(isinstance(a, follower_io.Confirmed) for a in done)
    assert not [a for a in quiet if isinstance(a, follower_io.SendUpdate)]
    assert [a.first for a in again if isinstance(a, follower_io.SendUpdate)] == [0]


def test_an_update_that_is_long_on_its_way_is_sent_again_less_and_less_often() -> None:
    """Else what is sent again fills a slow link, and nothing comes through any more."""
    state, times = trained(), []
    for tick in range(1, 900):
        now = 5.0 + tick / 10
        state, actions = follower.step(state, follower_io.Tick(), now)
        times += [now for a in actions if isinstance(a, follower_io.SendUpdate)]

    gaps = [round(later - sooner) for sooner, later in pairwise(times)]
    assert gaps[:3] == [4, 8, 16]


def test_while_the_leader_takes_updates_of_others_nothing_is_sent_again() -> None:
    state, sent = trained(), []
    for second in range(6, 40):
        heard = beat(slots={"two": Slot(second, 50)})
        for event in (follower_io.StateHeard("agg", heard), follower_io.Tick()):
            state, actions = follower.step(state, event, float(second))
            sent += [a for a in actions if isinstance(a, follower_io.SendUpdate)]
    _, again = follower.step(state, follower_io.Tick(), 60.0)

    assert not sent
    assert [a for a in again if isinstance(a, follower_io.SendUpdate)], "it was lost after all"


def test_of_a_long_update_that_does_not_come_a_chunk_goes_again_then_ever_twice_as_many() -> None:
    def again(state: follower.Follower, until: float) -> list[int]:
        sizes = []
        for tick in range(60, int(10 * until)):
            state, actions = follower.step(state, follower_io.Tick(), tick / 10)
            sizes += [a.last - a.first for a in actions if isinstance(a, follower_io.SendUpdate)]
        return sizes

    state = trained()
    assert state.upload is not None
    long = replace(state.upload, manifest=replace(state.upload.manifest, size=20 * CHUNK_BYTES), sent=20)
    state = replace(state, upload=long)
    reconnected, _ = follower.step(state, follower_io.Up(), 5.5)

    assert again(state, 40) == [1, 2, 4, 8]
    assert again(reconnected, 8) == [20], "what was under way when the link was lost may all be lost"
