"""The rounds of a run, as their leader sees them. Pure: `step(state, event, now)` gives the state and what to do.

Bytes are not here: whoever drives this stages chunks, adds updates and makes models when an action says so, and reports
it as an event. Its state is level-triggered: it says all that a group must know, whatever it missed. A leader with a
name is led itself: rounds are assigned to it from above, and it passes on sums where a root makes models.
"""

from msgspec.structs import replace

from worker import events
from worker.protocol import buffered, updates
from worker.protocol import leader_io as io
from worker.protocol.buffer import Buffer
from worker.protocol.leader_state import Leader, beat, manifest_of, tell_evaluated
from worker.protocol.messages import Held

ASK_AGAIN_S = 2.0
EVALUATION_S = 120.0
WAITING_S = 1.0
"""Least seconds between two words on who is missing: many trainers come one by one."""


Step = tuple[Leader, list[io.Action]]


def step(state: Leader, event: io.Event, now: float) -> Step:
    """The leader after an event, and what it does."""
    actions: list[io.Action] = []
    match event:
        case io.HereHeard(worker, group, here):
            state = replace(state, members=state.members.heard(worker, group, here))
        case io.RosterRead(roster):
            # Those whom a coordinator gives to it follow soon; only if they don't, they are waited for.
            waiting = now if state.members.paired else state.waiting
            state = replace(state, members=state.members.with_roster(dict(roster)), waiting=waiting)
        case io.Offered():
            state, actions = updates.offered(state, event, now)
        case io.Assigned() | io.Recalled() | io.Over():
            state, actions = _led(state, event, now)
        case io.Came(dataset, confirmed, whole):
            state, actions = updates.came(state, dataset, confirmed, whole=whole, now=now)
        case io.Counted(dataset):
            state, actions = updates.counted(state, dataset, now)
        case io.Refused(dataset):
            state = updates.without_coming(state, dataset)
        case io.Lost(datasets):
            state = updates.lost(state, datasets, now)
        case io.Judged(worker, evaluation):
            state = updates.judged(state, worker, evaluation)
        case io.Coming() | io.Holding():
            state, actions = _model(state, event, now)
        case io.Tick():
            pass
    state, more = _advance(state, now)
    actions += more
    if now >= state.due:
        state, more = beat(state, now)
        actions += more
    return state, actions


def _led(state: Leader, event: io.Assigned | io.Recalled | io.Over, now: float) -> Step:
    """What somebody above wants."""
    match event:
        case io.Assigned(_, held):
            return _open(replace(state, base=held, assigned=event, participants=()), now)
        case io.Recalled():
            recalled = replace(state, phase="waiting", making=False, coming={}, buffer=Buffer(), due=now)
            return recalled, [io.Unstage()]
        case io.Over(phase, message):
            return replace(state, phase=phase, message=message, making=False, due=now), []


def _model(state: Leader, event: io.Coming | io.Holding, now: float) -> Step:
    """A model comes, or is here."""
    if isinstance(event, io.Holding):
        return _holding(state, event.held, event.participants, now)
    return (replace(state, asked=(state.asked[0], now)) if state.asked is not None else state), []


def _holding(state: Leader, held: Held, participants: tuple[str, ...], now: float) -> Step:
    """Go on from a model: the one that was made, or the one that the run begins with."""
    actions: list[io.Action] = []
    if state.making:
        closed = events.RoundClosed(
            run=state.run,
            round=state.round,
            rounds=state.rounds,
            model=held.digest,
            participants=state.participants_counted,
            seconds=round(now - state.since, 6),
        )
        actions = [*tell_evaluated(state), io.Tell(closed)]
        if state.buffered:
            state, late = buffered.tell_late(state)
            actions = [*late, *actions]
    elif state.base is not None and (state.phase != "waiting" or not _newer(held, state.base)):
        return state, []
    state = replace(state, base=held, participants=participants, asked=None)
    if not state.making:
        return state, []
    state, more = _open(state, now)
    return state, actions + more


def _open(state: Leader, now: float) -> Step:
    """Begin the round that follows from the base, or the last evaluation."""
    held = state.base
    if held is None:
        return state, []
    number = state.next_round
    over = number > state.rounds if state.assigned is None else state.assigned.kind == "evaluate"
    state = replace(
        state,
        phase="evaluation" if over else "round",
        round=min(number, state.rounds),
        making=False,
        closed=False,
        since=now,
        selected=state.selection(min(number, state.rounds), everyone=over),
        counted={},
        coming=state.coming if state.buffered and not over else {},
        evaluations={},
        judged=False,
        message="",
    )
    keeps = state.buffered and not over
    state = buffered.opened(state) if keeps else state
    state, said = beat(state, now, again=True)
    here = state.selected & state.members.present.keys()
    lacking = {state.members.present[n].group for n in here if not state.members.has(n, held.digest)}
    actions: list[io.Action] = [io.Unstage(only_sum=keeps), *said]
    manifest = manifest_of(state)
    # Paired trainers of a group follow several leaders: each asks its own, or all would get all leaders' models.
    if lacking and manifest is not None and not state.members.paired:
        actions.append(io.PublishModel(tuple(sorted(lacking)), manifest))
    if not over and not state.name:
        opened = events.RoundOpened(
            run=state.run,
            round=number,
            rounds=state.rounds,
            model=held.digest,
            selected=sorted(state.selected),
            trainers=state.total,
        )
        actions.append(io.Tell(opened))
    return state, actions


def _advance(state: Leader, now: float) -> Step:
    """Whatever has become possible, or too late."""
    if state.phase in ("finished", "failed") or state.making:
        return state, []
    if fault := state.members.fault:
        return _fail(state, fault, now, bad_input=True)
    if state.phase == "waiting":
        return _advance_waiting(state, now)
    if state.phase == "round":
        return _advance_round(state, now)
    return _advance_evaluation(state, now)


def _advance_waiting(state: Leader, now: float) -> Step:
    settings, members = state.settings, state.members
    fresh = members.fresh(state.term)
    missing = sorted(state.awaited - fresh)
    late = settings.deadline is not None and now - state.since >= settings.deadline
    enough = late and len(fresh) >= members.quorum(settings.quorum)
    if state.buffered:
        enough = buffered.gathered(state, fresh, now)
    if not fresh or (missing and not enough):
        return _wait(state, missing, now)
    found = members.base(state.term)
    # Trainers have newer models, but no optimizer's state: with one, the rounds since the checkpoint are repeated.
    if state.base is not None and (found is None or not _newer(found[0], state.base) or settings.optimizer.has_state):
        return _gathered(state, state.base) if state.name else _open(state, now)
    if found is None or (state.asked is not None and now - state.asked[1] < ASK_AGAIN_S):
        return state, []
    held, name = found
    return replace(state, asked=(name, now)), [io.AskModel(name, held)]


def _gathered(state: Leader, held: Held) -> Step:
    """Tell who is above, once, that a round can be assigned."""
    if state.gathered:
        return state, []
    return replace(state, gathered=True, message=""), [io.Gathered(held)]


def _newer(held: Held, than: Held) -> bool:
    """Whether a model is of a later round: a replica's own checkpoint may be older than what trainers hold."""
    return (held.run, held.round) > (than.run, than.round)


def _advance_round(state: Leader, now: float) -> Step:
    settings, members = state.settings, state.members
    if gone := state.selected - members.expected - members.able - state.counted.keys():
        state = replace(state, selected=state.selected - gone)
    actions = [] if state.judged or len(state.evaluations) < len(state.selected) else tell_evaluated(state)
    state = replace(state, judged=state.judged or bool(actions))
    if state.buffered:
        state = buffered.admit(state)
        enough, lost = buffered.enough(state), buffered.missing(state)
        actions += [] if enough else buffered.next_count(state)
    else:
        enough, lost = _enough(state, now), sorted(state.selected - state.counted.keys() - members.able)
    if enough:
        return replace(state, making=True), [*actions, *_sum_up(state, now)]
    if lost or now - state.since >= settings.max_wait:
        state, more = _wait(state, lost, now)
        return state, actions + more
    return replace(state, message=""), actions


def _enough(state: Leader, now: float) -> bool:
    """Whether the round can close: all are in, or as many as the quorum wants, at the deadline."""
    settings = state.settings
    needed = state.members.quorum(settings.quorum) if settings.quorum is not None else len(state.selected)
    late = state.closed or (settings.deadline is not None and now - state.since >= settings.deadline)
    return bool(state.counted) and (
        len(state.counted) >= len(state.selected) or (late and len(state.counted) >= needed)
    )


def _sum_up(state: Leader, now: float) -> list[io.Action]:
    """Make the model of what was counted, or pass on its sum."""
    participants = state.participants_counted
    if not state.name:
        scale = buffered.scale(state) if state.buffered else 0.0
        return [io.MakeModel(state.run, state.round, tuple(participants), scale)]
    seconds = round(now - state.since, 6)
    told = events.PassedOn(
        run=state.run, round=state.round, name=state.name, participants=participants, seconds=seconds
    )
    passed = io.PassOn(state.run, state.round, participants, state.evaluation, state.buffer.deltas)
    return [passed, *tell_evaluated(state), io.Tell(told)]


def _advance_evaluation(state: Leader, now: float) -> Step:
    waited = state.selected & state.members.able
    if waited - frozenset(state.evaluations) and now - state.since < EVALUATION_S:
        return state, []
    if state.name:
        judged = state.evaluation
        passed = [io.PassJudgement(judged)] if judged is not None else []
        return replace(state, making=True, judged=True), [*tell_evaluated(state), *passed]
    digest = state.base.digest if state.base is not None else ""
    told = events.Finished(run=state.run, rounds=state.rounds, model=digest)
    actions = [*buffered.tell_late(state)[1], *tell_evaluated(state), io.Tell(told)]
    return replace(state, phase="finished", judged=True, due=now), actions


def _wait(state: Leader, missing: list[str], now: float) -> Step:
    names = ", ".join(repr(name) for name in missing) or "trainers"
    message = f"waits for {names}"
    if now - state.since >= state.settings.max_wait and not state.name:
        wait = f"maxWait of {state.settings.max_wait:g} s is over in round {state.round}: the run still {message}"
        rather = "take a lower aggGoal" if state.buffered else "give a quorum and a deadline"
        return _fail(state, f"{wait}; start the missing trainers, or {rather}", now)
    if message == state.message or now - state.waiting < WAITING_S:
        return state, []
    if state.members.paired and not missing:
        return replace(state, message=message), []  # nobody was given to it yet
    told = events.Waiting(run=state.run, round=state.round, missing=missing, reason=message)
    return replace(state, message=message, waiting=now), [io.Tell(told)]


def _fail(state: Leader, message: str, now: float, *, bad_input: bool = False) -> Step:
    if state.name:
        return replace(state, phase="failed", message=message, due=now), [io.Unstage(), io.Blame(message)]
    told = events.Failed(run=state.run, round=state.round, message=message, bad_input=bad_input)
    return replace(state, phase="failed", message=message, due=now), [io.Unstage(), io.Tell(told)]
