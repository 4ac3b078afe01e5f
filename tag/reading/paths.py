"""Paths as users write and see them."""

import os
from pathlib import Path


def shown(path: Path) -> str:
    """A path relative to the current folder where it lies in it."""
    full = Path(os.path.abspath(path))  # noqa: PTH100  resolve() would follow the user's links
    try:
        return str(full.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def resolved(folder: Path, path: str) -> Path:
    """A path that a user wrote, made absolute; also one that can't be, as with a NUL or an unknown `~user`."""
    full = folder / os.path.expanduser(path)  # noqa: PTH111  Path's raises where there is no such user
    try:
        return Path(os.path.realpath(full))
    except ValueError:
        return full


def is_file(path: Path) -> bool:
    """Whether there is such a file; False also for names that no file can have, as too long ones."""
    return os.path.isfile(path)  # noqa: PTH113  Path.is_file raises for too long names


def is_folder(path: Path) -> bool:
    """Whether there is such a folder; False also for names that no folder can have."""
    return os.path.isdir(path)  # noqa: PTH112  Path.is_dir raises for too long names
