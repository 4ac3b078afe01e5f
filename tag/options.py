"""How a root makes the next model of its updates (optimizer), and whom it asks for them in a round (selector).

What each sort computes is in `worker.optimizers` and `worker.protocol.selection`; here are their names, options,
defaults and bounds, by which files are checked. Sources: FedAvgM is Hsu et al. 2019 (arXiv:1909.06335); FedAdam,
FedYogi and FedAdagrad are Reddi et al. 2021 (arXiv:2003.00295); FedProx is Li et al. 2020 (arXiv:1812.06127); FedBuff
is Nguyen et al. 2022 (arXiv:2106.06639).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tag.model import Model
from tag.values import Number

Acts = Literal["nowhere", "trainer", "root", "aggregators"]
"""Where a sort does more than an average of all: in trainers, in the aggregator that follows nobody, in all of them."""


@dataclass(frozen=True)
class Option:
    """A number that a sort takes.

    Attributes:
        default: where it is left out; None if it must be given.
        bounds: in words, after "must be".
        fits: whether a finite number is within them.
        whole: whether it must be a whole number.
    """

    default: float | None
    bounds: str
    fits: Callable[[float], bool]
    whole: bool = False

    def takes(self, value: Any) -> bool:
        """Whether a value of any type is a number within the bounds."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return False
        return self.fits(value) and (not self.whole or float(value).is_integer())


@dataclass(frozen=True)
class Sort:
    """An optimizer or a selector that runs.

    Attributes:
        acts: where.
        options: by name, as in Flame's kwargs.
        state: values that it keeps from round to round, for each value of the model.
    """

    acts: Acts = "nowhere"
    options: Mapping[str, Option] = field(default_factory=dict)
    state: int = 0


def _positive(default: float) -> Option:
    return Option(default, "more than 0", lambda value: value > 0)


def _share(default: float) -> Option:
    return Option(default, "from 0 to below 1", lambda value: 0 <= value < 1)


_COUNT = Option(None, "a whole number from 1", lambda value: value >= 1, whole=True)
_SEED = Option(None, "a whole number from 0", lambda value: value >= 0, whole=True)


def _adaptive(beta_1: float, **more: Option) -> Sort:
    return Sort("root", {"eta": _positive(0.01), "beta_1": _share(beta_1), **more, "tau": _positive(0.001)}, 2)


OPTIMIZERS: Mapping[str, Sort] = {
    "fedavg": Sort(),
    "fedavgm": Sort("root", {"eta": _positive(1.0), "beta": _share(0.9)}, 1),
    "fedadam": _adaptive(0.9, beta_2=_share(0.99)),
    "fedyogi": _adaptive(0.9, beta_2=_share(0.99)),
    "fedadagrad": _adaptive(0.0),
    "fedbuff": Sort("aggregators", {"aggGoal": _COUNT, "concurrency": _COUNT, "eta": _positive(1.0), "seed": _SEED}),
    "fedprox": Sort("trainer", {"mu": Option(0.01, "at least 0", lambda value: value >= 0)}),
}
SELECTORS: Mapping[str, Sort] = {
    "all": Sort(),
    "default": Sort(),
    "fedbuff": Sort("aggregators", {"c": _COUNT}),
    "random": Sort("root", {"k": _COUNT, "seed": _SEED}),
    "roundRobin": Sort("root", {"k": _COUNT}),
}
"""`default` is Flame's name for `all`; `fedbuff` belongs to the optimizer of that name, and its `c` is that one's
concurrency. The seed of `random` and of `fedbuff` is the stack's, where it is left out."""

FILLED = frozenset({"seed", "aggGoal", "concurrency", "c"})
"""Options that a stack fills in, or that follow from how many there are, so that they may be left out."""


class Choice(Model):
    """A sort and its arguments; a plain name is the same as a sort without arguments.

    Attributes:
        sorts: those that run, by name.
    """

    sorts: ClassVar[Mapping[str, Sort]]
    sort: str = ""
    kwargs: dict[str, Number] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _name_is_sort(cls, value: Any) -> Any:
        """A plain name is a sort without arguments: `fedavg` is the same as `{sort: fedavg}`."""
        return {"sort": value} if isinstance(value, str) else value

    def __str__(self) -> str:
        """In a few words: `random (k 2, seed 1)`."""
        said = ", ".join(f"{name} {value:g}" for name, value in self.kwargs.items())
        return f"{self.sort} ({said})" if said else self.sort

    @property
    def acts(self) -> Acts:
        """Where it does more than an average of all."""
        return self.sorts[self.sort].acts

    def option(self, name: str) -> float:
        """The value of an option, its default where it is left out.

        Raises:
            KeyError: the sort has no such option, or it has no default and is left out.
        """
        default = self.sorts[self.sort].options[name].default
        if name not in self.kwargs and default is None:
            raise KeyError(name)
        return self.kwargs.get(name, default or 0.0)

    def filled(self, **more: float) -> Self:
        """The same, with each option that has a value, and with those of `more` that it has and leaves out."""
        options = self.sorts[self.sort].options
        known = {name: more.get(name, option.default) for name, option in options.items()}
        kwargs = {name: value for name, value in {**known, **self.kwargs}.items() if value is not None}
        return self.model_copy(update={"kwargs": kwargs})


class Optimizer(Choice):
    """How the next model is made of the updates: at the root of a tree, in trainers with `fedprox`.

    Attributes:
        sort: fedavg, fedavgm, fedadam, fedyogi, fedadagrad, fedbuff or fedprox.
        kwargs: its options, in docs/optimizers.md.
    """

    sorts: ClassVar[Mapping[str, Sort]] = OPTIMIZERS
    sort: str = "fedavg"

    @property
    def state(self) -> int:
        """Values of its state for each value of the model."""
        return self.sorts[self.sort].state

    @property
    def has_state(self) -> bool:
        """Whether a model alone is too little to go on from."""
        return self.state > 0


class Selector(Choice):
    """Whom the root asks for updates in a round.

    Attributes:
        sort: all (`default` in Flame), random (k of them, drawn anew in each round) or roundRobin (k of them in turn).
        kwargs: its options; k of random and roundRobin.
    """

    sorts: ClassVar[Mapping[str, Sort]] = SELECTORS
    sort: str = "all"
