"""A dataset's URI, and what a program may do with it: load it, or divide its own data as the stack asks."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from tag.settings import DatasetSpec, Split
from worker.data import mnist, npz
from worker.data.arrays import Array, Arrays, Data
from worker.data.split import HoldOut, divide, hold_out
from worker.determinism import derive_seed
from worker.errors import InputError

_SCHEMES = ("mnist", "npz", "program")
_PART = re.compile(r"(?:^|#)(\d+)/(\d+)$")


@dataclass(frozen=True)
class Dataset:
    """What `load_data` is given.

    Attributes:
        name: unique in the job.
        scheme: `mnist`, `npz` or `program`.
        rest: the URI after the scheme, without the part.
        part: K of N, from 1; (1, 1) is the whole.
        split: how the N parts are made.
        validation: share of the training samples that is held out.
    """

    name: str
    scheme: str
    rest: str
    part: tuple[int, int]
    split: Split
    validation: float

    @classmethod
    def of(cls, spec: DatasetSpec) -> "Dataset":
        """The dataset of a spec.

        Raises:
            InputError: the URI has no known scheme, or its part is not K of N.
        """
        scheme, colon, rest = spec.uri.partition(":")
        if not colon or scheme not in _SCHEMES:
            near = get_close_matches(scheme, _SCHEMES, n=1)
            raise InputError(
                f"dataset {spec.name!r} has uri {spec.uri!r}, whose scheme is not known; mnist:K/N, npz:PATH, "
                f"npz:PATH#K/N and program:REST are; {f'did you mean {near[0]}:?' if near else 'take one of these'}"
            )
        found = _PART.search(rest)
        part = (int(found[1]), int(found[2])) if found else (1, 1)
        if not 1 <= part[0] <= part[1]:
            raise InputError(
                f"dataset {spec.name!r} has uri {spec.uri!r}, which asks for part {part[0]} of {part[1]}; "
                f"parts count from 1; take one from 1/{max(part[1], 1)} to {max(part[1], 1)}/{max(part[1], 1)}"
            )
        rest = rest[: found.start()] if found else rest
        if (scheme == "mnist" and rest) or (scheme == "npz" and not rest):
            wanted = "mnist:K/N" if scheme == "mnist" else "npz:PATH or npz:PATH#K/N"
            raise InputError(f"dataset {spec.name!r} has uri {spec.uri!r}; {wanted} is wanted; write it so")
        return cls(spec.name, scheme, rest, part, spec.split, spec.validation)

    @property
    def seed(self) -> int:
        """For whatever the dataset's loading draws at random: it derives from the split's seed and the name."""
        return derive_seed(self.split.seed, self.name)

    def load(self, hold_out: HoldOut = hold_out) -> Data:
        """The data of an `mnist:` or `npz:` URI.

        Args:
            hold_out: chooses the validation part.

        Raises:
            InputError: the data is missing or out of order, or the URI is `program:`.
        """
        readers: dict[str, Callable[[], npz.Source]] = {
            "mnist": mnist.read,
            "npz": lambda: npz.read(Path(self.rest), f"dataset {self.name!r}"),
        }
        if self.scheme not in readers:
            raise InputError(
                f"dataset {self.name!r} has a program: uri, but the program leaves the data to fedtag; only mnist: and "
                "npz: can be read so; give the program a load_data(dataset) that makes its data, or change the uri"
            )
        source = readers[self.scheme]()
        return self._divided(source, hold_out)

    def take_part(
        self, x: Array, y: Array, *, test: tuple[Array, Array], classes: int = 0, hold_out: HoldOut = hold_out
    ) -> Data:
        """This dataset's part of a program's own data: divided as the stack asks, with a validation part.

        Args:
            x: all training samples, the same in every trainer.
            y: their class numbers.
            test: all test samples and their class numbers.
            classes: how many classes there are; 0 counts those of the labels.
            hold_out: chooses the validation part.

        Raises:
            InputError: the arrays are out of order, or the URI is not `program:`.
        """
        if self.scheme != "program":
            raise InputError(
                f"dataset {self.name!r} has the uri scheme {self.scheme!r}, but the program brings its own data; "
                f"program:K/N is wanted; write program:{self.part[0]}/{self.part[1]}"
            )
        return self._divided(npz.Source(Arrays(x, y), Arrays(*test), None, classes, lambda samples: samples), hold_out)

    def _divided(self, source: npz.Source, hold_out: HoldOut) -> Data:
        what = f"dataset {self.name!r}"
        train, test, validation, classes, convert = source
        whole = Data(train, train.take(slice(0)) if validation is None else validation, test, classes).checked(what)
        index, count = self.part[0] - 1, self.part[1]
        even = Split(kind="iid", seed=self.split.seed)
        try:
            mine = whole.train.take(divide(whole.train.y, count, self.split)[index])
            test = whole.test.take(divide(whole.test.y, count, even)[index])
            if validation is not None and len(validation):
                validation = whole.validation.take(divide(whole.validation.y, count, even)[index])
        except InputError as error:
            raise InputError(f"{what}: {error}") from error
        if validation is None:
            held = hold_out(mine.y, self.validation, self.seed) if self.validation else whole.validation.y
            mine, validation = mine.without(held), mine.take(held)
        mine, validation, test = (Arrays(convert(part.x), part.y) for part in (mine, validation, test))
        return Data(mine, validation, test, whole.classes)


def load_dataset(spec: DatasetSpec) -> Data:
    """The data of an `mnist:` or `npz:` spec, for a program without `load_data`.

    Raises:
        InputError: the URI or the data is out of order.
    """
    return Dataset.of(spec).load()
