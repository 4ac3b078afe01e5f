"""A user's program: one Python file with `build_model` and, if wanted, `load_data`, `train` and `evaluate`.

docs/programs.md tells users the same.
"""

import contextlib
import gc
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Protocol

from tag.settings import DatasetSpec
from worker.data import Array, Data, Dataset
from worker.errors import InputError, WorkerError

_MODULE = "fedtag_program"
_HEAD = 200
_HOOKS = {"build_model": (0, 1), "load_data": (1, 1), "train": (4, 4), "evaluate": (2, 2)}


class Model(Protocol):
    """All that fedtag asks of a model."""

    def get_weights(self) -> list[Array]:
        """The weights, always in one order."""
        ...

    def set_weights(self, weights: list[Array], /) -> None:
        """Take these weights, in the order of `get_weights`."""


@dataclass(frozen=True)
class Program:
    """A program that was loaded.

    Attributes:
        path: of its file.
        functions: its functions by name; those of the contract and no others are used.
    """

    path: Path
    functions: Mapping[str, Callable[..., Any]]

    @property
    def wants_data(self) -> bool:
        """Whether `build_model` takes the data, to fit the model to its shape."""
        return bool(inspect.signature(self.functions["build_model"]).parameters)

    def build_model(self, data: Data | None) -> Model:
        """A new model.

        Raises:
            InputError: `build_model` raised, or what it returned is no model.
        """
        with self.blamed("build_model", InputError):
            model: Model = self.functions["build_model"](*([data] if self.wants_data else []))
        lacking = [name for name in ("get_weights", "set_weights") if not callable(getattr(model, name, None))]
        if lacking:
            raise InputError(
                f"program {str(self.path)!r}: build_model returned {type(model).__name__!r} without {lacking[0]}; "
                "a model needs get_weights() and set_weights(weights); return a Keras model or give yours these methods"
            )
        return model

    def load_data(self, spec: DatasetSpec) -> Data:
        """The checked data of a dataset, by the program or, if it has no `load_data`, as its URI says.

        Raises:
            InputError: `load_data` raised, or the data is out of order.
        """
        dataset = Dataset.of(spec)
        what = f"dataset {dataset.name!r}"
        if "load_data" not in self.functions:
            return dataset.load().checked(what)
        with self.blamed("load_data", InputError):
            data = self.functions["load_data"](dataset)
        if not isinstance(data, Data):
            raise InputError(
                f"program {str(self.path)!r}: load_data returned {type(data).__name__!r}; a Data is wanted; "
                "return dataset.load(), dataset.take_part(…) or worker.data.Data(train, validation, test)"
            )
        return data.checked(what)

    @contextlib.contextmanager
    def blamed(self, function: str, kind: type[WorkerError]) -> Iterator[None]:
        """Turn what the user's code raises into one sentence, with its traceback as detail."""
        try:
            yield
        except WorkerError:
            raise
        except Exception as error:
            head = (str(error).strip().splitlines() or ["no message"])[0][:_HEAD].rstrip(".")
            raise kind(
                f"program {str(self.path)!r}: {function} raised {type(error).__name__}{_last_line(error, self.path)} "
                f"({head}); a program's functions must not fail; mend it where its traceback says",
                detail=_own_traceback(error, self.path),
            ) from error


def load_program(path: Path | str) -> Program:
    """Run a program's file and take its functions.

    Raises:
        InputError: the file is missing, is no Python, raises, or its functions are not those of the contract.
    """
    path, module = _run(Path(path))
    functions = {name: value for name, value in vars(module).items() if inspect.isfunction(value)}
    _check_functions(path, functions)
    return Program(path, {name: functions[name] for name in _HOOKS if name in functions})


def load_parts(path: Path | str) -> Mapping[str, Any]:
    """Run the program of a role without data, and take its `PARTS`: classes by the function that each does.

    Raises:
        InputError: the file is missing, is no Python, raises, or has no `PARTS`.
    """
    path, module = _run(Path(path))
    parts = getattr(module, "PARTS", None)
    if not isinstance(parts, dict) or not all(
        isinstance(name, str) and inspect.isclass(p) for name, p in parts.items()
    ):
        raise InputError(
            f"program {str(path)!r} has no PARTS, which gives a class for each function of the role; "
            "write PARTS = {'function': Class}, where Class is a worker.roles.base.Part"
        )
    return parts


def _run(path: Path) -> tuple[Path, ModuleType]:
    code = _compile(path)
    module = ModuleType(_MODULE)
    module.__file__ = str(path)
    sys.modules[_MODULE] = module
    program = Program(path, {})
    with program.blamed("its import", InputError), _without_garbage_collection():
        exec(code, module.__dict__)  # noqa: S102  # a program is code that its user wants run
    return path, module


def _compile(path: Path) -> CodeType:
    try:
        return compile(path.read_bytes(), str(path), "exec")
    except OSError as error:
        raise InputError(
            f"program {str(path)!r} can't be read ({error.strerror}); one Python file is wanted; mend its path"
        ) from error
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise InputError(
            f"{path}:{line}: {getattr(error, 'msg', error)!r} makes it no Python; a program is one Python file; mend it"
        ) from error


def _check_functions(path: Path, functions: Mapping[str, Callable[..., Any]]) -> None:
    own = sorted(name for name, value in functions.items() if value.__module__ == _MODULE)
    if "build_model" not in functions:
        near = get_close_matches("build_model", own, n=1)
        raise InputError(
            f"program {str(path)!r} has no function build_model; it has {own!r}; "
            f"{f'rename {near[0]}' if near else 'add build_model(), which returns the model'}"
        )
    for name, (least, most) in _HOOKS.items():
        if name not in functions:
            continue
        count = len(inspect.signature(functions[name]).parameters)
        if not least <= count <= most:
            wanted = f"{most}" if least == most else f"{least} or {most}"
            raise InputError(
                f"program {str(path)!r}: {name} takes {count} parameters; it is called with {wanted}; "
                "see docs/programs.md for each function's parameters"
            )


@contextlib.contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Importing TensorFlow is a fifth faster so; what it made is then left out of later collections."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()


def _own_traceback(error: Exception, path: Path) -> str:
    """The traceback from the program's first line on, without ours before it."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename != str(path):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames or error.__traceback__))


def _last_line(error: Exception, path: Path) -> str:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f" at line {lines[-1]}" if lines else ""
