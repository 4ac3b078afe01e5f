"""What federation costs: the same program trained on the pooled data, and on each region's data alone.

Both train from the same first model, by the same settings and for as many rounds, each with a fresh optimizer, and are
judged on the whole test set, as the federated model is. `python -m local.compare` trains one of them; it needs all
regions' data on this machine, which is what a federation avoids.
"""

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from local.processes import Child, Command
from tag.load import Loaded
from tag.settings import DatasetSpec, TrainSettings
from tag.spec import WorkerSpec
from worker.data import Arrays, Data
from worker.errors import WorkerError
from worker.training import LOSS_BITS, Learner

POOLED = "pooled"
Score = dict[str, float]
"""`round` (0 is the first model), `accuracy` and `loss` on the whole test set."""
_TICK_S = 0.2


def pool(parts: Sequence[Data]) -> Data:
    """Several regions' data as one; the regions' test shares make up the whole test set."""
    return Data(
        train=_join([part.train for part in parts]),
        validation=_join([part.validation for part in parts]),
        test=_join([part.test for part in parts]),
        classes=max(part.classes for part in parts),
    )


def learner(specs: Sequence[WorkerSpec], kind: str) -> Learner:
    """The learner of a comparison.

    Args:
        specs: of all trainers, in the order of their datasets' names.
        kind: `pooled`, or the name of a dataset.

    Raises:
        InputError: as `Learner.load`.
    """
    names = [spec.dataset.name for spec in specs if spec.dataset is not None]
    first = specs[0 if kind == POOLED else names.index(kind)]
    own = Learner.load(first)
    parts = [
        own.data if spec is first else own.program.load_data(spec.dataset) for spec in specs if spec.dataset is not None
    ]
    whole = pool(parts)
    if kind == POOLED:
        return dataclasses.replace(own, data=whole, dataset=DatasetSpec(name=POOLED, uri="program:all"))
    return dataclasses.replace(own, data=dataclasses.replace(own.data, test=whole.test))


def train(own: Learner, rounds: int, tell: Callable[[Score], None]) -> None:
    """Train round by round; `tell` is given the score of the first model and of each round's."""
    weights = own.initial()
    tell(_score(own, weights, 0))
    for round_ in range(1, rounds + 1):
        weights = own.train(weights, round_, lambda _done, _loss: True).weights
        tell(_score(own, weights, round_))


def compare(
    loaded: Loaded, scratch: Path, logs: Path, *, say: Callable[[str], None], stopped: Callable[[], bool]
) -> dict[str, Any]:
    """Train all comparisons, one process at a time.

    Args:
        loaded: the stack.
        scratch: an empty folder.
        logs: where the processes' output goes.
        say: is given a line for each round.
        stopped: whether to end early.

    Raises:
        WorkerError: a process failed.
    """
    specs = sorted((_free(w.spec) for w in loaded.plan.trainers), key=lambda s: s.dataset.name if s.dataset else "")
    names = [s.dataset.name for s in specs if s.dataset is not None]
    settings = loaded.stack.train_settings.model_copy(update={"mu": 0.0})
    plan = {
        "rounds": loaded.stack.rounds,
        "specs": [json.loads(spec.model_dump_json(by_alias=True)) for spec in specs],
        "train": json.loads(settings.model_dump_json(by_alias=True)),
    }
    file = scratch / "compare.json"
    file.write_text(json.dumps(plan))
    found: dict[str, list[Score]] = {}
    for number, kind in enumerate([POOLED, *names]):
        out = scratch / f"{number}.jsonl"
        name = f"compare-{number}"
        arguments = ("--plan", str(file), "--kind", kind, "--out", str(out))
        child = Child(Command(name, "local.compare", arguments, logs / f"{name}.log", settings.threads))
        found[kind] = _follow(child, out, f"{kind} data" if kind == POOLED else f"{kind} alone", say, stopped)
    return {"pooled": found[POOLED], "alone": {name: found[name] for name in names}}


def _free(spec: WorkerSpec) -> WorkerSpec:
    """The worker without FedProx, which holds back those who train together."""
    train = spec.train.model_copy(update={"mu": 0.0}) if spec.train is not None else None
    return spec.model_copy(update={"train": train})


def _follow(child: Child, out: Path, what: str, say: Callable[[str], None], stopped: Callable[[], bool]) -> list[Score]:
    """The scores of a process, told as they come; it is ended with this call, however that ends."""
    scores: list[Score] = []
    try:
        while True:
            status = child.poll()
            lines = out.read_text().splitlines() if out.exists() else []
            for line in lines[len(scores) :]:
                scores.append(json.loads(line))
                say(f"{what}: round {scores[-1]['round']}, accuracy {100 * scores[-1]['accuracy']:.2f} %")
            if status == 0:
                return scores
            if status is not None:
                said = child.output()
                raise WorkerError(
                    f"the comparison with {what} ended with exit status {status} "
                    f"({said[-1] if said else 'it said nothing'}); read {str(child.log)!r}"
                )
            if stopped():
                raise WorkerError(f"the comparison was ended while {what} was trained; the federated model is kept")
            time.sleep(_TICK_S)
    finally:
        child.stop(0)


def _score(own: Learner, weights: Any, round_: int) -> Score:
    result = own.evaluate(weights, lambda _done, _loss: True)
    return {
        "round": round_,
        "accuracy": result.correct / result.count,
        "loss": result.loss / 2**LOSS_BITS / result.count,
    }


def _join(parts: Sequence[Arrays]) -> Arrays:
    full = [part for part in parts if len(part)] or parts[:1]
    return Arrays(np.concatenate([part.x for part in full]), np.concatenate([part.y for part in full]))


def main() -> int:
    """Train one comparison; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m local.compare")
    parser.add_argument("--plan", type=Path, required=True)
    parser.add_argument("--kind", required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    plan = json.loads(arguments.plan.read_text())
    specs = [WorkerSpec.model_validate(spec) for spec in plan["specs"]]
    if arguments.kind == POOLED:
        settings = TrainSettings.model_validate(plan["train"])
        specs = [spec.model_copy(update={"train": settings}) for spec in specs]
    try:
        with arguments.out.open("w", buffering=1) as out:
            train(learner(specs, arguments.kind), plan["rounds"], lambda score: _write(out, score))
    except WorkerError as error:
        sys.stderr.write(f"{error.detail}error: {error}\n")
        return error.status
    return 0


def _write(out: Any, score: Score) -> None:
    out.write(json.dumps(score) + "\n")


if __name__ == "__main__":
    sys.exit(main())
