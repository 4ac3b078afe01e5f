"""Who takes part: the roster (who is expected) and presence (who is here), as values and questions about them."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import msgspec
from msgspec.structs import replace

from worker.protocol.messages import Held, Here, Term


class Member(msgspec.Struct, frozen=True):
    """A trainer, as its presence tells.

    Attributes:
        worker: its id, the sender of its messages.
        group: its group on the channel.
        here: its last word.
    """

    worker: str
    group: str
    here: Here

    @property
    def able(self) -> bool:
        """Whether it is here and has its data and its model."""
        return self.here.ready and not self.here.gone and not self.here.fault


@dataclass(frozen=True)
class Members:
    """The roster and the presence of a federation's trainers.

    What is asked at every step is found once: presence changes seldom, and a round has steps for each of its trainers.

    Attributes:
        roster: datasets that are expected, by group.
        present: members by dataset.
        paired: whether a coordinator says who they are: then those of the roster take part, and nobody else.
    """

    roster: Mapping[str, tuple[str, ...]]
    present: Mapping[str, Member]
    paired: bool = False

    def heard(self, worker: str, group: str, here: Here) -> "Members":
        """These, after a presence message. A will has no dataset; it is of the worker that it names."""
        name = here.dataset or self.dataset_of(worker)
        if not name:
            return self
        known = self.present.get(name)
        if here.gone and known is not None:
            here = replace(known.here, gone=True) if known.worker == worker else known.here
            worker = known.worker
        return dataclasses.replace(self, present={**self.present, name: Member(worker, group, here)})

    def with_roster(self, roster: Mapping[str, tuple[str, ...]]) -> "Members":
        """These, with another roster."""
        return dataclasses.replace(self, roster=roster)

    @cached_property
    def expected(self) -> frozenset[str]:
        """The datasets of the roster."""
        return frozenset(name for names in self.roster.values() for name in names)

    @cached_property
    def able(self) -> frozenset[str]:
        """The datasets whose trainers can take part now."""
        able = frozenset(name for name, member in self.present.items() if member.able)
        return able & self.expected if self.paired else able

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """All groups of the roster and the presence, sorted."""
        return tuple(sorted({*self.roster, *(m.group for m in self.present.values())}))

    @cached_property
    def fault(self) -> str:
        """Why the run can't go on whoever else comes: a member's own fault, or two models; empty if it can."""
        for _, member in sorted(self.present.items()):
            if member.here.fault and not member.here.gone:
                return member.here.fault
        able = sorted((name, m.here.structure) for name, m in self.present.items() if m.able and m.here.structure)
        for name, structure in able[1:]:
            if structure != able[0][1]:
                return (
                    f"datasets {able[0][0]!r} and {name!r} build different models: their tensors' names, shapes or "
                    "types differ; build_model must give the same everywhere, so take nothing in it from the data"
                )
        return ""

    @cached_property
    def _datasets(self) -> Mapping[str, str]:
        return {member.worker: name for name, member in self.present.items()}

    def quorum(self, asked: int | None) -> int:
        """Trainers that a round needs: those asked for, or all that are expected or, without a roster, one."""
        return asked if asked is not None else max(1, len(self.expected))

    def trainers(self, names: frozenset[str]) -> int:
        """Trainers behind some logical senders, one for each that has not come yet."""
        return sum(self.present[name].here.trainers if name in self.present else 1 for name in names)

    @property
    def samples(self) -> int:
        """Training samples of all who are able."""
        return sum(self.present[name].here.samples for name in self.able)

    @property
    def structure(self) -> str:
        """Digest of the model's tensor table, as who is or was here said it; empty if nobody did."""
        return next((m.here.structure for _, m in sorted(self.present.items()) if m.here.structure), "")

    def of_round(self, quorum: int | None) -> frozenset[str]:
        """Who takes part in a round that begins now; with quorum all also those who have left and are expected back."""
        return self.able if quorum is not None else self.able | (self.expected & self.present.keys())

    def dataset_of(self, worker: str) -> str:
        """The dataset of a worker; empty if it has said none."""
        return self._datasets.get(worker, "")

    def of_group(self, group: str, names: frozenset[str]) -> tuple[str, ...]:
        """Those of some datasets that are in a group, sorted."""
        return tuple(sorted(n for n in names if n in self.present and self.present[n].group == group))

    def fresh(self, term: Term) -> frozenset[str]:
        """Those of the able who have answered a leader of this term, so that what they hold is not old news.

        The paired follow several leaders in turn, whose terms say nothing of each other.
        """
        answers = {name: self.present[name].here.term for name in self.able}
        return frozenset(
            name for name, said in answers.items() if said >= term and (said[1] == term[1] or not self.paired)
        )

    def base(self, term: Term) -> tuple[Held, str] | None:
        """The newest model that a member holds, or else the initial one of the first dataset, and who holds it."""
        able = [(name, self.present[name].here) for name in sorted(self.fresh(term))]
        newest = [(here.holds, name) for name, here in able if here.holds is not None]
        if newest:
            return max(newest, key=lambda item: (item[0].run, item[0].round))
        return next(((h.initial, name) for name, h in able if h.initial is not None), None)

    def has(self, name: str, digest: str) -> bool:
        """Whether a member said that it holds a model."""
        here = self.present[name].here if name in self.present else None
        return here is not None and any(h is not None and h.digest == digest for h in (here.initial, here.holds))
