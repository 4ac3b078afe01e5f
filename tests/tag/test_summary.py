"""The plan in a few stable lines."""

from tag.load import load_stack
from tag.plan import Plan
from tag.summary import tag_summary, workers_by_group


def _with_trainers(plan: Plan, count: int) -> Plan:
    worker = plan.trainers[0]
    many = [
        worker.model_copy(update={"spec": worker.spec.model_copy(update={"worker": f"trainer-eu-{n:03}"})})
        for n in range(count)
    ]
    return plan.model_copy(update={"workers": plan.aggregators + tuple(many)})


def test_the_example_reads_as_its_tag_does() -> None:
    assert tag_summary(load_stack("eu-us-asia").plan) == {
        "tag": "Regions around a global aggregator: 5 workers",
        "role aggregator": "2 workers, replica 2: aggregator-all-0, aggregator-all-1",
        "role trainer": "3 workers: trainer-asia-mnist-asia, trainer-eu-mnist-eu, trainer-us-mnist-us",
        "channel param-channel": "aggregator – trainer in asia, eu, us",
        "group * on param-channel": "2 aggregators: aggregator-all-0, aggregator-all-1",
        "group asia on param-channel": "1 trainer: trainer-asia-mnist-asia",
        "group eu on param-channel": "1 trainer: trainer-eu-mnist-eu",
        "group us on param-channel": "1 trainer: trainer-us-mnist-us",
        "run": "run 1, 5 rounds",
    }


def test_a_thousand_workers_stay_a_few_lines() -> None:
    summary = tag_summary(_with_trainers(load_stack("eu-us-asia").plan, 1000))

    assert len("\n".join(summary.values())) < 1000
    assert summary["role trainer"].startswith("1,000 workers: trainer-eu-000, ")
    assert summary["role trainer"].endswith("and 995 more")


def test_every_worker_is_in_exactly_one_group() -> None:
    plan = load_stack("eu-us-asia").plan

    listed = [name for names in workers_by_group(plan).values() for name in names]

    assert sorted(listed) == [worker.spec.worker for worker in plan.workers]
