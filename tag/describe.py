"""What the models' docstrings say of their fields: one source for docs/stack.md and the JSON Schemas."""

import inspect
import re

from tag.model import Model


def attributes(kind: type[Model]) -> dict[str, str]:
    """The descriptions of a model's fields, its own and inherited ones, by their names in Python.

    Raises:
        ValueError: a field has none.
    """
    found: dict[str, str] = {}
    for ancestor in reversed(kind.__mro__):
        text = inspect.cleandoc(ancestor.__doc__ or "").partition("Attributes:\n")[2].partition("\n\n")[0]
        for match in re.finditer(r"^ {4}(\w+): (.+(?:\n {8}.+)*)", text, re.MULTILINE):
            found[match[1]] = re.sub(r"\s+", " ", match[2])
    missing = [name for name in kind.model_fields if name not in found]
    if missing:
        raise ValueError(f"{kind.__name__} has no description of {', '.join(missing)}; add it under Attributes")
    return found


def summary(kind: type[Model]) -> str:
    """What a model is: the first paragraph of its docstring."""
    return (inspect.getdoc(kind) or "").partition("\n\n")[0].replace("\n", " ")


def in_yaml(text: str) -> str:
    """A docstring's words for Python's values as YAML's."""
    return re.sub(r"\bNone\b", "`null`", text)
