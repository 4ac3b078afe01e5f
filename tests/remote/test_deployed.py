"""A deployed federation is watched, its result kept: workers and broker are real, in the cluster's place is a test."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from remote.result import await_end, keep
from remote.watch import Watcher
from report.folder import RunFolder
from report.record import read_record
from tests.local.test_run import PACED
from tests.local.test_trees import PARTS, STAR, tree
from tests.remote.conftest import Deployment, Seen
from worker import events as ev
from worker.errors import InputError, WorkerError
from worker.tensors import digest

Deploy = Callable[..., Deployment]


def _told(deployment: Deployment) -> set[str]:
    """Everything that the workers have told, progress excepted."""
    from remote import journal

    lines = [line for log in deployment.machines.logs.iterdir() for line in log.read_bytes().splitlines()]
    return {event.to_json() for event in journal.told(lines)}


def test_a_run_is_followed_through_broken_connections_and_its_result_is_whole(
    deploy: Deploy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAUSE", "0.4")
    deployment = deploy(program=PACED, rounds=4)
    seen = Seen()

    def reset(event: ev.Event) -> None:
        if isinstance(event, ev.RoundClosed) and event.round in (1, 3):
            deployment.machines.ways.reset()

    seen.when = reset
    with deployment.session() as session:
        ending = Watcher(session, deployment.loaded.plan).follow(seen.opened)

    assert seen.lines.count("connected again") >= 1, seen.lines
    got = [event.to_json() for event in seen.events if not isinstance(event, ev.Progress)]
    assert len(got) == len(set(got)), "nothing is shown twice"
    assert set(got) == _told(deployment), "what was told while the connection was down is shown, too"
    (finished,) = (event for event in seen.events if isinstance(event, ev.Finished))
    assert (ending.model, ending.rounds) == (finished.model, 4)

    with deployment.session() as session, RunFolder.create(tmp_path / "runs", "demo") as folder:
        lacking = keep(session, deployment.loaded, await_end(session, "demo", partial=False), folder)

    record = read_record(folder.path)
    assert lacking == ""
    assert digest(folder.model.read_bytes()) == record.model == finished.model
    assert (record.facts.outcome, record.accuracy) == ("finished", ending.accuracy)
    assert {json.loads(line)["event"] for line in (folder.path / "events.jsonl").read_text().splitlines()} >= {
        "ready",
        "trained",
        "uploaded",
        "round_opened",
        "round_closed",
        "evaluated",
        "finished",
    }
    assert record.facts.versions == {"image fedtag": "sha256:12"}
    assert {p.stem for p in folder.logs.iterdir()} == {w.spec.worker for w in deployment.loaded.plan.workers[:1]} | {
        w.spec.worker for w in deployment.loaded.plan.trainers
    }


def test_the_workers_of_regional_brokers_are_heard_also_after_one_of_them_was_out_of_reach(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAUSE", "0.4")
    channel = "  - name: param-channel\n"
    graph = tree("eu", "us", "asia").replace(channel, f'{channel}    broker: "broker-{{group}}"\n')
    deployment = deploy(program=PACED, rounds=6, graph=graph, regions=STAR, parts=PARTS)
    seen = Seen()

    def cut(event: ev.Event) -> None:
        if isinstance(event, ev.RoundClosed) and event.round == 1:
            deployment.machines.regional["broker-eu"].reset()

    seen.when = cut
    with deployment.session() as session:
        ending = Watcher(session, deployment.loaded.plan).follow(seen.opened)

    assert "the connection to broker 'broker-eu' broke; the run goes on, and connecting again is tried" in seen.lines
    assert "connected again to broker 'broker-eu'" in seen.lines
    got = [event.to_json() for event in seen.events if not isinstance(event, ev.Progress)]
    assert len(got) == len(set(got)), "nothing is shown twice"
    assert set(got) == _told(deployment), "what was told while the connection was down is shown, too"
    (finished,) = (event for event in seen.events if isinstance(event, ev.Finished))
    assert (ending.model, ending.rounds) == (finished.model, 6)


def test_a_broker_that_is_not_deployed_is_told(deploy: Deploy) -> None:
    deployment = deploy(rounds=1)
    deployed = deployment.deployed.model_copy(update={"service": ""})

    with (
        pytest.raises(InputError, match=r"the federation's own broker is not deployed.*'pulumi up'"),
        deployment.session(deployed),
    ):
        pass


def test_who_comes_late_sees_the_whole_run_and_what_the_logs_have_lost_is_said(deploy: Deploy, tmp_path: Path) -> None:
    deployment = deploy(rounds=2)
    with deployment.session() as session:
        first = Watcher(session, deployment.loaded.plan).follow(Seen().opened)

    late = Seen()
    with deployment.session() as session:
        ending = Watcher(session, deployment.loaded.plan).follow(late.opened)

    assert ending == first
    assert late.kinds().count("round_closed") == 2
    assert [kind for kind in late.kinds() if kind != "moved"][-1] == "finished"
    assert late.elapsed > 0, "the run's age is shown, not that of the view"

    deployment.machines.lost.add("aggregator-all-0")
    with deployment.session() as session, RunFolder.create(tmp_path / "runs", "demo") as folder:
        lacking = keep(session, deployment.loaded, await_end(session, "demo", partial=False), folder)
        assert session.notes == ["the log of pod 'aggregator-all-0' is gone"]

    assert "do not tell of round 1, 2" in lacking
    assert read_record(folder.path).model == ending.model, "the model does not come from logs"


def test_a_run_that_goes_on_gives_its_result_only_where_that_is_wanted(
    deploy: Deploy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAUSE", "0.4")
    deployment = deploy(program=PACED, rounds=40)
    with deployment.session() as session:
        while not isinstance(session.next(0.2), ev.RoundClosed):
            pass
        with pytest.raises(
            WorkerError, match=r"is not over, but in round \d+ of 40; follow it with 'fedtag watch demo'"
        ):
            await_end(session, "demo", partial=False)
        with RunFolder.create(tmp_path / "runs", "demo") as folder:
            keep(session, deployment.loaded, await_end(session, "demo", partial=True), folder)

    record = read_record(folder.path)
    assert record.facts.outcome == "interrupted"
    assert "the run goes on" in record.facts.message
    assert digest(folder.model.read_bytes()) == record.facts.model_sha256
