"""Runs made up for the tests of the report: their plan, their events, their folder."""

import hashlib
import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tag.plan import Plan, PlannedWorker
from tag.settings import DatasetSpec, RunSettings, TrainSettings
from tag.spec import Membership, WorkerSpec
from worker import events as ev

CHANNEL = "param-channel"
BEGUN = 1_760_000_000.0
LEADER = "aggregator-all-0"
STANDBY = "aggregator-all-1"
MODEL_BYTES = 139_304


def sha(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def plan_of(names: dict[str, list[str]], rounds: int = 5, federation: str = "eu-us-asia") -> Plan:
    """A star: two replicas of an aggregator, and a trainer for each dataset in each region."""
    workers = [
        PlannedWorker(
            spec=WorkerSpec(
                federation=federation,
                worker=f"aggregator-all-{index}",
                role="aggregator",
                memberships=(Membership(channel=CHANNEL, group="*", peer="trainer"),),
                index=index,
                run=RunSettings(rounds=rounds),
            )
        )
        for index in range(2)
    ]
    workers += [
        PlannedWorker(
            spec=WorkerSpec(
                federation=federation,
                worker=f"trainer-{group}-{dataset}",
                role="trainer",
                memberships=(Membership(channel=CHANNEL, group=group, peer="aggregator"),),
                program="mnist.py",
                dataset=DatasetSpec(name=dataset, uri="mnist:1/3"),
                train=TrainSettings(),
            ),
            region=group,
        )
        for group, datasets in names.items()
        for dataset in datasets
    ]
    return Plan(
        federation=federation,
        tag="regions",
        model_channel=CHANNEL,
        workers=tuple(sorted(workers, key=lambda w: w.spec.worker)),
    )


def star(regions: int = 3, each: int = 1, rounds: int = 5) -> Plan:
    """A plan of so many regions with so many trainers each."""
    known = ["asia", "eu", "us"] if regions == 3 else [f"region-{i:02d}" for i in range(1, regions + 1)]
    if each == 1:
        return plan_of({group: [f"mnist-{group}"] for group in known}, rounds)
    return plan_of({group: [f"{group}-{i:02d}" for i in range(1, each + 1)] for group in known}, rounds)


class Story:
    """The events of a run, round by round; like those of MNIST in figures, and the same for the same seed."""

    def __init__(self, plan: Plan, rounds: int = 5, run: int = 1, seed: int = 7) -> None:
        self.plan = plan
        self.rounds = rounds
        self.run = run
        self.dice = random.Random(seed)
        self.now = BEGUN
        self.events: list[ev.Event] = []
        self.places = {
            w.spec.dataset.name: (w.spec.memberships[0].group, w.spec.worker) for w in plan.trainers if w.spec.dataset
        }
        self.bytes: dict[str, tuple[int, int]] = dict.fromkeys(self.places, (0, 0))
        self.pace = {d: 9.0 + 1.2 * (i % 3) for i, d in enumerate(self.places)}
        self.samples = {d: max(1, 54_000 // len(self.places) - 10 * i) for i, d in enumerate(self.places)}

    def tell(self, event: ev.Event) -> None:
        self.events.append(event)

    def of(self, dataset: str, after: float = 0.0) -> dict[str, Any]:
        group, worker = self.places[dataset]
        return {"time": self.now + after, "worker": worker, "group": group, "dataset": dataset}

    def lead(self, after: float = 0.0, worker: str = LEADER) -> dict[str, Any]:
        return {"time": self.now + after, "worker": worker, "run": self.run}

    def start(self) -> "Story":
        self.tell(ev.Leading(time=self.now, worker=LEADER, term=1))
        missing = sorted(self.places)
        self.tell(ev.Waiting(**self.lead(0.1), round=1, missing=missing, reason="trainers are not there yet"))
        for d in self.places:
            share = self.samples[d]
            self.tell(
                ev.Ready(**self.of(d, 1), samples=share, validation=share // 9, test=10_000 // 3, digest=sha("data", d))
            )
            self.tell(ev.Progress(**self.of(d, 1.1), run=self.run, phase="waiting"))
        self.now += 2
        return self

    def open(self, number: int, worker: str = LEADER) -> None:
        model = sha("model", self.run, number - 1)
        selected = sorted(self.places)
        opened = ev.RoundOpened(
            **self.lead(worker=worker), round=number, rounds=self.rounds, model=model, selected=selected
        )
        self.tell(opened)

    def train(self, number: int, absent: Iterable[str] = ()) -> float:
        """Everybody's work in a round; gives how long the slowest took."""
        slowest = 0.0
        for d in sorted(set(self.places) - set(absent)):
            receiving, evaluating = 0.05 + 0.02 * self.dice.random(), 0.6
            training = self.pace[d] * self.dice.uniform(0.95, 1.05)
            loss = 0.4 / number
            at = receiving + evaluating
            sent, received = self.bytes[d]
            for done in (0.0, 0.5, 0.9):
                tick = self.of(d, at + training * done)
                fields = {"run": self.run, "round": number, "phase": "training", "done": done, "loss": loss}
                self.tell(ev.Progress(**tick, **fields, sent=sent, received=received + MODEL_BYTES))
            self.tell(
                ev.Trained(
                    **self.of(d, at + training),
                    run=self.run,
                    round=number,
                    receiving=receiving,
                    evaluating=evaluating,
                    training=training,
                    loss=loss,
                    samples=self.samples[d],
                )
            )
            up, down = MODEL_BYTES + 900, MODEL_BYTES + 2_500
            self.bytes[d] = (sent + up, received + down)
            self.tell(
                ev.Uploaded(
                    **self.of(d, at + training + 0.2), run=self.run, round=number, uploading=0.2, sent=up, received=down
                )
            )
            counted = {"round": number, "dataset": d, "samples": self.samples[d], "digest": sha("update", d, number)}
            self.tell(ev.UpdateCounted(**self.lead(at + training + 0.21), **counted))
            slowest = max(slowest, at + training + 0.3)
        return slowest

    def close(self, number: int, seconds: float, absent: Iterable[str] = (), worker: str = LEADER) -> None:
        who = {d: self.samples[d] for d in sorted(set(self.places) - set(absent))}
        closed = {"round": number, "rounds": self.rounds, "model": sha("model", self.run, number)}
        self.tell(ev.RoundClosed(**self.lead(seconds, worker), **closed, participants=who, seconds=seconds))
        self.now += seconds + 0.05

    def judge(self, number: int, worker: str = LEADER) -> None:
        accuracy = 0.098 if number == 0 else 1 - 0.034 / number**0.55
        loss = 2.3 if number == 0 else 0.11 / number**0.6
        own = {
            d: {
                "accuracy": min(1.0, accuracy - 0.004 + 0.004 * (i % 5)),
                "loss": loss * (1.1 - 0.04 * (i % 5)),
                "count": 2_000,
            }
            for i, d in enumerate(sorted(self.places))
        }
        scored = {"round": number, "rounds": self.rounds, "model": sha("model", self.run, number), "count": 10_000}
        correct = round(accuracy * 10_000)
        judged = ev.Evaluated(
            **self.lead(0.7, worker), **scored, accuracy=correct / 10_000, correct=correct, loss=loss, validation=own
        )
        self.tell(judged)

    def round(self, number: int, absent: Iterable[str] = ()) -> None:
        self.open(number)
        self.judge(number - 1)
        self.close(number, self.train(number, absent), absent)

    def finish(self) -> "Story":
        self.judge(self.rounds)
        self.now += 0.8
        self.tell(ev.Finished(**self.lead(), rounds=self.rounds, model=sha("model", self.run, self.rounds)))
        return self

    def whole(self) -> "Story":
        self.start()
        for number in range(1, self.rounds + 1):
            self.round(number)
        return self.finish()


def story(regions: int = 3, each: int = 1, rounds: int = 5) -> Story:
    """A run of so many regions, trainers in each, and rounds that went as planned."""
    return Story(star(regions, each, rounds), rounds).whole()


def comparison_of(told: Story, pooled: float = 0.003, alone: float = -0.012) -> dict[str, Any]:
    """A comparison: pooled data better by `pooled`, regions alone worse by `alone` and more, per round."""

    def curve(offset: float) -> list[dict[str, float]]:
        made = [{"round": 0, "accuracy": 0.098, "loss": 2.3}]
        return made + [
            {"round": n, "accuracy": min(1.0, 1 - 0.034 / n**0.55 + offset), "loss": 0.11 / n**0.6 - offset}
            for n in range(1, told.rounds + 1)
        ]

    return {
        "pooled": curve(pooled),
        "alone": {d: curve(alone - 0.002 * (i % 7)) for i, d in enumerate(sorted(told.places))},
    }


def keep(told: Story, folder: Path, **facts: Any) -> Path:
    """The run's folder as `fedtag run` leaves it, without the report."""
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text(told.plan.model_dump_json(by_alias=True))
    (folder / "events.jsonl").write_text("".join(f"{event.to_json()}\n" for event in told.events))
    final = next((e for e in reversed(told.events) if isinstance(e, ev.Finished)), None)
    record = {
        "federation": told.plan.federation,
        "stack": "eu-us-asia",
        "seed": 1,
        "started": "2026-01-15T09:30:00+00:00",
        "seconds": round(told.now - BEGUN, 3),
        "outcome": "finished" if final else "interrupted",
        "message": "" if final else "the run was ended by SIGINT",
        "model_sha256": final.model if final else None,
        "accuracy": None,
        "versions": {"python": "3.11.9", "numpy": "2.1.0", "keras": "3.10.0", "tensorflow": "2.21.0"},
        "cpu": {"model": "Example CPU", "flags": "fpu sse2 avx2 fma"},
        "threads": 1,
    }
    (folder / "run.json").write_text(json.dumps(record | facts))
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder
