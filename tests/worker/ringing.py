"""Members of a ring over a network that loses, doubles, delays and reorders, with a clock of the test's own."""

import heapq
import random
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import numpy as np

from tag.limits import WINDOW_CHUNKS
from worker.protocol import attempts as leading
from worker.protocol import ring as member
from worker.protocol import ring_io as io
from worker.protocol.messages import Want
from worker.protocol.ring_messages import Attempt, RingOffer, Stand
from worker.ring_sums import RingSum
from worker.sums import Sum
from worker.tensors import digest, pack, read_table
from worker.wire import key_of

LIMIT_S = 300.0
LEADER = "leader"
REPEAT_S = 2.0


def update_of(number: int, values: int) -> bytearray:
    """A trained model: two floating tensors around an integer one."""
    chance = np.random.default_rng(number)
    first = chance.normal(size=values - values // 3).astype(np.float32)
    return pack({"a": first, "n": np.arange(3), "b": chance.normal(size=values // 3)})


def straight(updates: dict[str, tuple[bytearray, int]]) -> str:
    """The digest of the mean as a star makes it."""
    files = list(updates.values())
    total, model = Sum(read_table(files[0][0])), bytearray(files[0][0])
    for file, samples in files:
        total.add(file, samples)
    total.mean(model)
    return digest(model)


class Member:
    """A member's process: its machine, and the hands of it."""

    def __init__(self, name: str, update: bytearray, samples: int, number: int) -> None:
        self.name, self.update, self.samples = name, update, samples
        self.incarnation = f"{name}{number}"
        self.ring = member.Ring(name)
        self.base = bytearray(update)
        self.sum: RingSum | None = None
        self.file: bytearray | None = None
        self.committed = ""

    def offer(self) -> leading.Offer:
        """What it says when it has trained."""
        manifest = RingOffer(1, 1, (0, ""), "b" * 64, self.name, self.samples, digest(self.update), len(self.update))
        return leading.Offer(self.name, self.incarnation, manifest)

    def step(self, event: io.Event, now: float, data: Any = None) -> list[tuple[str, Any]]:
        """What it says after an event, to whom."""
        self.ring, actions = member.step(self.ring, event, now)
        said: list[tuple[str, Any]] = []
        for action in actions:
            match action:
                case io.Begin(_, way):
                    self.sum = RingSum(self.update, self.samples, self.base)
                    self.sum.begin(way)
                case io.Take(span) if self.sum is not None:
                    self.sum.take(span, data)
                case io.SendPart(to, first, last) if self.ring.legs is not None and self.sum is not None:
                    assert last - first <= WINDOW_CHUNKS
                    for index in range(first, last):
                        part = bytes(self.sum.give(self.ring.legs.going[index]))
                        said.append((to, (self.name, key_of(self.ring.key), index, part)))
                case io.SendWant(to, word) | io.SendStand(to, word):
                    said.append((to, (self.name, word)))
                case io.Finish(attempt) if self.sum is not None:
                    self.file = self.sum.mean(attempt.samples)
                    said += self.step(io.Made(self.ring.key, digest(self.file)), now)
                case _:
                    pass
        return said


class World:
    """Members, their leader, and what is under way between them.

    Args:
        names: of the members.
        values: of the sum.
        chance: of the network.
        loss: share of messages that are lost.
        quorum: members that a round needs; None is all.
    """

    def __init__(
        self, names: list[str], values: int, chance: random.Random, *, loss: float = 0.0, quorum: int | None = None
    ) -> None:
        self.chance, self.loss, self.needed = chance, loss, quorum or len(names)
        self.members = {n: Member(n, update_of(i, values), 10 + i, 0) for i, n in enumerate(names)}
        self.updates = {n: (bytearray(m.update), m.samples) for n, m in self.members.items()}
        self.leader = leading.Attempts((1, LEADER))
        self.counted: set[str] = set()
        self.closed = False
        self.done: leading.Commit | None = None
        self.now, self._order, self._said = 0.0, count(), 0.0
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._killed = 0
        self.kills: list[Callable[[Member], None]] = []
        for name in names:
            self.at(chance.random(), partial(self.offer, name))

    def at(self, wait: float, do: Callable[[], None]) -> None:
        """Do something later."""
        heapq.heappush(self._heap, (self.now + wait, next(self._order), do))

    def post(self, do: Callable[[], None]) -> None:
        """A message is on its way, or lost, or comes twice."""
        while self.chance.random() >= self.loss:
            self.at(self.chance.choice([0.001, 0.01, 0.3, 3.0 * self.loss]), do)
            if self.chance.random() >= self.loss:
                return

    def offer(self, name: str) -> None:
        """A member says until it is counted that it keeps an update."""
        if name in self.members and name not in self.counted and self.done is None:
            offer = self.members[name].offer()
            self.post(lambda: self.lead(leading.Offered(offer)))
            self.at(REPEAT_S, lambda: self.offer(name))

    def lead(self, event: leading.Event) -> None:
        """What the leader does after an event; `leader.step` would count and close likewise."""
        if self.done is not None:
            return
        if isinstance(event, leading.Offered):
            offer = event.offer
            alive = self.members.get(offer.worker)
            if alive is None or alive.incarnation != offer.incarnation or offer.worker in self.counted:
                return
            self.counted.add(offer.worker)
        before = self.leader.attempt
        self.leader, actions = leading.step(self.leader, event, self.now)
        for action in actions:
            assert not isinstance(action, leading.Disagree), f"members made different models: {action}"
            if isinstance(action, leading.Lose):
                self.counted -= action.datasets
                for name in action.datasets:
                    self.offer(name)
            else:
                self.done = action
        enough = len(self.counted) >= (self.needed if self.closed else len(self.updates))
        if self.done is None and not self.leader.running and enough:
            self.closed = True
            self.leader, _ = leading.step(self.leader, leading.Close(1, 1, tuple(self.counted)), self.now)
        if self.leader.attempt is not before or self.done is not None:
            self.say()

    def say(self) -> None:
        """The leader's beat."""
        self._said = self.now
        attempt, done = self.leader.attempt, self.done
        for name in list(self.members):
            self.post(partial(self.hear, name, attempt, done))

    def hear(self, name: str, attempt: Attempt | None, done: leading.Commit | None) -> None:
        """A member hears a beat."""
        if (one := self.members.get(name)) is None:
            return
        if done is not None:
            took_part = name in {m.dataset for m in done.attempt.members}
            one.committed = one.committed or (one.ring.model if took_part else done.model)
        elif attempt is not None:
            values = read_table(one.update).parameters
            self.carry(one, one.step(io.Named(attempt, digest(one.update), values), self.now))

    def carry(self, sender: Member, said: list[tuple[str, Any]]) -> None:
        """What a member says is on its way."""
        for to, word in said:
            self.post(partial(self.deliver, to, word))
        for kill in list(self.kills):
            kill(sender)

    def deliver(self, to: str, word: Any) -> None:
        """A message comes."""
        if to == LEADER:
            self.lead(leading.Reported(word[0], word[1])) if isinstance(word[1], Stand) else None
        elif (one := self.members.get(to)) is not None:
            if isinstance(word[1], Want):
                said = one.step(io.Wanted(word[0], word[1]), self.now)
            else:
                sender, key, index, part = word
                said = one.step(io.Came(sender, key, index, len(part)), self.now, memoryview(part))
            self.carry(one, said)

    def kill(self, name: str, *, back: bool) -> None:
        """A member's process dies; another one takes its place and trains again, or none does."""
        old = self.members.pop(name)
        self._killed += 1
        if back:
            again = Member(name, bytearray(self.updates[name][0]), old.samples, self._killed)

            def come() -> None:
                self.members[name] = again
                self.at(self.chance.random(), lambda: self.offer(name))

            self.at(0.5 + self.chance.random(), come)

    def succeed(self) -> None:
        """Another member leads, who knows nothing of attempts; all offer again."""
        if self.done is None:
            self.leader, self.counted = leading.Attempts((2, LEADER)), set()
            for name in self.members:
                self.offer(name)

    def run(self) -> None:
        """Until all live members know the round's model."""
        self.tick()
        while self._heap and any(not m.committed for m in self.members.values()):
            self.now, _, do = heapq.heappop(self._heap)
            assert self.now < LIMIT_S, f"after {LIMIT_S} s: {self.leader}"
            do()

    def tick(self) -> None:
        """Time passes for all."""
        for one in list(self.members.values()):
            if one.committed:
                continue
            self.carry(one, one.step(io.Tick(), self.now))
        present = {name: one.incarnation for name, one in self.members.items()}
        self.lead(leading.Looked(present, frozenset(self.counted)))
        if self.now - self._said >= REPEAT_S:
            self.say()
        self.at(0.1, self.tick)

    def right(self) -> bool:
        """Whether all have the model that a star makes of the same updates."""
        assert self.done is not None
        model = straight({m.dataset: self.updates[m.dataset] for m in self.done.attempt.members})
        return {one.committed for one in self.members.values()} == {model} == {self.done.model}


def killing(world: World, name: str, share: float, *, back: bool) -> None:
    """Kill a member once, when it has this share of what comes; above 1, when it has made its model."""

    def look(sender: Member) -> None:
        way = sender.ring.legs
        if sender is not world.members.get(name) or way is None or world.done is not None:
            return
        if sender.ring.have >= share * len(way.coming) and (share <= 1 or sender.ring.model):
            world.kills.remove(look)
            world.kill(name, back=back)

    world.kills = [*world.kills, look]


def succeeding(world: World) -> None:
    """Let another member lead as soon as one has made its model of a whole sum."""

    def look(sender: Member) -> None:
        if sender.ring.model:
            world.kills.remove(look)
            world.succeed()

    world.kills = [*world.kills, look]
