"""A trainer on a small dataset that can be learned."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tag.settings import DatasetSpec, TrainSettings
from tag.spec import Membership, WorkerSpec

ROOT = Path(__file__).parents[2]
SOFTMAX = ROOT / "worker" / "programs" / "softmax.py"
SpecOf = Callable[..., WorkerSpec]


def go_on(_done: float, _loss: float | None) -> bool:
    return True


@pytest.fixture
def spec_of(tmp_path: Path) -> SpecOf:
    """Gives the spec of a softmax trainer on a small learnable dataset, changed as asked."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(4, 6))
    y = np.arange(400) % 4
    x = (centres[y] + rng.normal(scale=0.4, size=(400, 6))).astype(np.float32)
    np.savez(tmp_path / "data.npz", x_train=x[:300], y_train=y[:300], x_test=x[300:], y_test=y[300:])

    def make(*, name: str = "eu", group: str = "europe", part: str = "", **settings: float) -> WorkerSpec:
        return WorkerSpec(
            federation="f",
            worker=f"trainer-{group}-{name}",
            role="trainer",
            memberships=(Membership(channel="param", group=group, peer="aggregator"),),
            program=str(SOFTMAX),
            dataset=DatasetSpec(name=name, uri=f"npz:{tmp_path / 'data.npz'}{part}"),
            train=TrainSettings.model_validate({"learning_rate": 0.1} | settings),
        )

    return make
