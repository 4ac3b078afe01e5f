"""A role whose functions are of the user's own program."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

LEDGER = Path(__file__).parents[2] / "worker" / "programs" / "ledger.py"
GRAPH = (Path(__file__).parents[2] / "stacks" / "tags" / "notary.yaml").read_text()
PROGRAM = "../../worker/programs/ledger.py"
ONE_GROUP = {"default": ["data-1", "data-2", "data-3"]}


def federation(federations: Callable[[], Any], graph: str = GRAPH, program: str | Path = LEDGER) -> Any:
    made = federations()
    path = program
    if isinstance(program, str):
        path = made.root / "own.py"
        path.write_text(program)
    return made.write(regions=ONE_GROUP, graph=graph.replace(PROGRAM, str(path)))


def test_a_notary_keeps_a_chain_of_the_rounds_that_the_aggregator_closed(federations: Callable[[], Any]) -> None:
    run = federation(federations).run()

    assert run.status == 0, run.err
    chain = ""
    for closed in run.events("round_closed"):
        entry = {"round": closed["round"], "model": closed["model"], "participants": closed["participants"]}
        chain = hashlib.sha256(chain.encode() + json.dumps(entry, sort_keys=True).encode()).hexdigest()
    notes = [event["text"] for event in run.events("noted")]
    assert len(notes) == 3
    assert notes[-1] == f"round 3: model {run.model[:12]}, ledger {chain[:12]}"


@pytest.mark.parametrize(
    ("graph", "program", "words"),
    [
        (GRAPH.replace("[record]", "[recrod]"), LEDGER, ("has no part 'recrod'", "'record'", "mend the funcTags")),
        (GRAPH, "x = 1\n", ("has no PARTS", "PARTS = {")),
        (GRAPH, "raise OSError('no disk')\n", ("its import raised OSError at line 1", "no disk")),
        (GRAPH.replace(f"    program: {PROGRAM} # has the function record\n", ""), LEDGER, ("T016", "record", "PARTS")),
        (GRAPH.replace("[record]", "[record, more]"), LEDGER, ("T016", "2 functions of its program")),
    ],
)
def test_a_mistake_in_a_role_of_ones_own_is_said_in_a_line(
    federations: Callable[[], Any], graph: str, program: str | Path, words: tuple[str, ...]
) -> None:
    assert graph != GRAPH or program != LEDGER

    run = federation(federations, graph, program).run()

    assert run.status == 2
    assert not [word for word in words if word not in run.err], run.err
    assert ("Traceback" in run.err) == ("no disk" in run.err), "only of the user's own code is a traceback shown"
