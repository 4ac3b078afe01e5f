"""What a run moved, as its workers counted it, beside what `fedtag estimate` said of it."""

import csv
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from tag.estimate.brokers import planned_places
from tag.estimate.links import links
from tag.estimate.traffic import flows
from tag.load import load_stack
from tests.local.conftest import TAG
from tests.local.test_trees import tree

GROUPS = {"eu": ["mnist-1", "mnist-2", "mnist-3"], "us": ["mnist-4"]}
WITHIN = 0.1
ROUNDS = 5

pytestmark = pytest.mark.long


def _graph(shape: str) -> str:
    """The TAG of a star, of a tree around one broker, or of a tree with a broker and an aggregator in each region."""
    if shape == "star":
        return TAG
    text = tree("eu", "us", replicas=2)
    if shape == "regional":
        text = text.replace("    replica: 2\n", '    replica: 2\n    placement: {region: "{group}"}\n')
        text = text.replace("  - name: param-channel\n", '  - name: param-channel\n    broker: "broker-{group}"\n')
        assert text.count("{group}") == 2, "the template is not what it was"
    return text


@pytest.fixture(scope="module", params=["star", "tree", "regional"])
def ran(request: pytest.FixtureRequest, federations: Callable[[], Any]) -> tuple[Any, Any]:
    """A run of a linear model on a part of MNIST with all replicas, and the plan that was run."""
    federation = federations().write(
        regions=GROUPS, graph=TAG if request.param == "star" else tree("eu", "us", replicas=2), rounds=ROUNDS
    )
    run = federation.run("--replicas", report=True)
    assert run.status == 0, run.err
    return run, load_stack(federation.stack).plan


def _estimated(run: Any, plan: Any) -> list[Any]:
    return flows(plan, (run.folder / "model.safetensors").stat().st_size)


def test_each_workers_payload_is_as_estimated(ran: tuple[Any, Any]) -> None:
    """Replicas together: which of them leads is chance when both come at once."""
    run, plan = ran
    whole = {w.spec.worker: w.spec.worker.rpartition("-")[0] if w.spec.run else w.spec.worker for w in plan.workers}
    estimated: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    measured: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for flow in _estimated(run, plan):
        of = estimated[whole[flow.worker.spec.worker], flow.channel]
        of[:] = [of[0] + ROUNDS * flow.sent, of[1] + ROUNDS * flow.received]
    for worker, channels in run.record["traffic"]["workers"].items():
        for channel, moved in channels.items():
            of = measured[whole[worker], channel]
            of[:] = [of[0] + moved["sent"], of[1] + moved["received"]]

    assert run.record["traffic"]["workers"].keys() == whole.keys()
    for key, (sent, received) in estimated.items():
        assert measured[key] == pytest.approx([sent, received], rel=WITHIN), key


def test_each_regions_link_is_as_estimated(ran: tuple[Any, Any]) -> None:
    run, plan = ran
    measured = run.record["traffic"]["links"]
    regions = links(_estimated(run, plan), None, planned_places(plan))

    assert [region.region for region in regions] == list(measured) == ["eu", "us"]
    for region in regions:
        assert measured[region.region]["up"] == pytest.approx(ROUNDS * region.up, rel=WITHIN)
        assert measured[region.region]["down"] == pytest.approx(ROUNDS * region.down, rel=WITHIN)


def test_metrics_tell_what_aggregators_moved_in_each_round(ran: tuple[Any, Any]) -> None:
    run, _ = ran
    size = (run.folder / "model.safetensors").stat().st_size
    with (run.folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    root = next(key for key in rows[0] if key.startswith("received.") and "aggregator" in key and "middle" not in key)
    # Two sums of 64 bits; or four updates, and a checkpoint, which the leader and its standby hear.
    models = 2 * 2 if "top" in root else 4 + 2

    assert len(rows) == ROUNDS
    for row in rows[1:]:
        assert int(row[root]) == pytest.approx(models * size, rel=WITHIN)
    if "top" in root:
        assert float(rows[-1]["seconds.middle-aggregator-eu"]) <= float(rows[-1]["seconds"])
