"""YAML 1.2 and JSON files with the line of every key, so that each fault can say where.

Values are plain Python: `no` stays a text (YAML 1.2), a date stays a text, keys are always texts.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tag.faults import Fault, TagError

Where = tuple[str | int, ...]
"""A place in a document: keys and list positions from the root."""

_YAML = "tag:yaml.org,2002:"


@dataclass(frozen=True)
class Document:
    """A file that was read.

    Attributes:
        path: of the file.
        data: plain dicts, lists, texts, numbers, booleans and None.
        lines: line of each place, from 1.
    """

    path: Path
    data: Any
    lines: Mapping[Where, int]

    @property
    def shown(self) -> str:
        """The path as the user would type it."""
        return shown(self.path)

    def line(self, where: Where) -> int:
        """The line of a place, or of the nearest place around it that exists."""
        while where and where not in self.lines:
            where = where[:-1]
        return self.lines.get(where, 1)

    def fault(
        self,
        where: Where,
        code: str,
        subject: str,
        message: str,
        severity: Literal["error", "warning"] = "error",
    ) -> Fault:
        """A fault at a place of this document."""
        return Fault(self.shown, self.line(where), code, subject, message, severity)

    def resolve(self, path: str) -> Path:
        """A path written in this document, which is relative to the document's folder."""
        return (self.path.parent / Path(path).expanduser()).resolve()


def shown(path: Path) -> str:
    """A path relative to the current folder where it lies in it."""
    full = Path(os.path.abspath(path))  # noqa: PTH100  resolve() would follow the user's links
    try:
        return str(full.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def read(path: Path) -> Document:
    """Reads a YAML or JSON file.

    Raises:
        TagError: the file is missing or unreadable (T001), malformed (T002), or has a key twice (T003).
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise TagError(
            [Fault(shown(path), 1, "T001", "file", f"cannot be read: {reason.lower()}; check the path")]
        ) from error
    root = _compose(path, text)
    reader = _Reader(path)
    data = reader.value(root, ())
    if reader.faults:
        raise TagError(reader.faults)
    return Document(path, data, reader.lines)


def _compose(path: Path, text: str) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    if path.suffix == ".json":
        text = text.replace("\t", " ")  # JSON may be indented by tabs, YAML may not; inside texts both refuse them
    try:
        root = YAML(typ="rt", pure=True).compose(text)
    except (YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        message = f"is neither YAML 1.2 nor JSON: {problem}; mend the syntax here or just above"
        raise TagError([Fault(shown(path), mark.line + 1 if mark else 1, "T002", "file", message)]) from error
    if root is None:
        raise TagError([Fault(shown(path), 1, "T002", "file", "is empty; it must hold a mapping")])
    return root


class _Reader:
    """Turns composed nodes into plain values, noting lines and faults."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[Where, int] = {}
        self.faults: list[Fault] = []
        self.open: set[int] = set()

    def value(self, node: Any, where: Where) -> Any:
        self.lines.setdefault(where, node.start_mark.line + 1)
        if isinstance(node.value, str):
            return _scalar(node.tag, _paired(node.value))
        if id(node) in self.open:
            self._fault(node, "T002", where, "contains itself through an anchor; write it out")
            return None
        self.open.add(id(node))
        plain = self._mapping(node, where) if node.tag.endswith(":map") else self._sequence(node, where)
        self.open.discard(id(node))
        return plain

    def _sequence(self, node: Any, where: Where) -> Any:
        if node.value and isinstance(node.value[0], tuple):
            return self._mapping(node, where)
        return [self.value(item, (*where, i)) for i, item in enumerate(node.value)]

    def _mapping(self, node: Any, where: Where) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        for key, item in node.value:
            if not isinstance(key.value, str):
                self._fault(key, "T002", where, "has a key that is no text; a key is a single word or a text in quotes")
                continue
            name = _paired(key.value)
            if name in plain:
                first = self.lines[(*where, name)]
                message = f"is written twice, first in line {first}; keep one of them"
                self._fault(key, "T003", (*where, name), message)
                continue
            if name.startswith("//"):  # Flame's way to comment JSON
                continue
            self.lines[(*where, name)] = key.start_mark.line + 1
            plain[name] = self.value(item, (*where, name))
        return plain

    def _fault(self, node: Any, code: str, where: Where, message: str) -> None:
        subject = f"key {where[-1]!r}" if where else "file"
        self.faults.append(Fault(shown(self.path), node.start_mark.line + 1, code, subject, message))


def _paired(text: str) -> str:
    """JSON escapes a character beyond U+FFFF as two surrogates, which YAML leaves apart."""
    if text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _scalar(tag: str, text: str) -> Any:
    kind = tag.removeprefix(_YAML)
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() in {"true", "yes", "on", "y"}
    if kind == "int":
        digits = text.replace("_", "")
        return int(digits, 10 if digits.lstrip("+-").isdigit() else 0)
    if kind == "float":
        return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan").replace(".NaN", "nan"))
    return text
