"""Faults as SARIF 2.1.0, which code hosts show beside the lines of a change."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tag.faults import Fault

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(faults: Sequence[Fault], version: str, titles: Mapping[str, str]) -> dict[str, Any]:
    """A SARIF log with one run.

    Args:
        faults: in the order of the results.
        version: of fedtag.
        titles: of the rules, by code.
    """
    codes = sorted({fault.code for fault in faults})
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {"name": "fedtag", "version": version, "rules": list(_rules(codes, faults, titles))}
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(fault, codes.index(fault.code)) for fault in faults],
            }
        ],
    }


def _rules(codes: Iterable[str], faults: Iterable[Fault], titles: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    levels = {fault.code: fault.severity for fault in faults}
    for code in codes:
        title = titles.get(code, "rule of the TAG language")
        yield {
            "id": code,
            "shortDescription": {"text": title},
            "fullDescription": {"text": f"{title[0].upper()}{title[1:]}."},
            "help": {"text": f"See {code} in docs/tag.md, which has a wrong and a right example."},
            "defaultConfiguration": {"level": levels[code]},
        }


def _result(fault: Fault, rule: int) -> dict[str, Any]:
    return {
        "ruleId": fault.code,
        "ruleIndex": rule,
        "level": fault.severity,
        "message": {"text": f"{fault.subject}: {fault.message}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": uri(fault.file)},
                    "region": {"startLine": fault.line, "startColumn": fault.column},
                }
            }
        ],
    }


def uri(file: str) -> str:
    """A fault's file as a URI: relative to the current folder, or absolute where it lies outside."""
    path = Path(file)
    if path.is_absolute():
        return f"file://{quote(os.fsencode(path.as_posix()))}"
    return quote(os.fsencode(path.as_posix()))
