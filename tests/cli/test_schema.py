"""`fedtag schema`, as a user calls it."""

import json
from pathlib import Path

import pytest

from cli.__main__ import main

SCHEMAS = Path(__file__).parents[2] / "docs" / "schema"


@pytest.mark.parametrize("kind", ["tag", "stack"])
def test_it_prints_the_committed_schema(capsys: pytest.CaptureFixture[str], kind: str) -> None:
    assert main(["schema", kind]) == 0
    printed = capsys.readouterr().out
    assert main(["schema", kind, "--json"]) == 0
    short = capsys.readouterr().out

    assert printed == (SCHEMAS / f"{kind}.json").read_text(encoding="utf-8")
    assert json.loads(short) == json.loads(printed)
    assert short.count("\n") == 1


def test_another_kind_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["schema", "job"])

    assert ended.value.code == 2
    assert "'job'" in capsys.readouterr().err
