"""`fedtag expand` of many workers shows some of them, and how many are in each group."""

import json
from pathlib import Path

import pytest

from cli.__main__ import main

REGIONS = [f"region{i}" for i in range(60)]


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """A stack of 60 regions with two trainers each and two aggregators for all."""
    (tmp_path / "mine.py").touch()
    (tmp_path / "tag.yaml").write_text(f"""\
name: sixty regions
roles:
  - name: trainer
    isDataConsumer: true
  - name: aggregator
    replica: 2
    groupAssociation: [{{param-channel: "*"}}]
channels:
  - name: param-channel
    pair: [trainer, aggregator]
    groupBy: {{type: tag, value: {REGIONS}}}
""")
    datasets = "".join(
        f"      {region}: [{{name: a{i}, uri: mnist:{2 * i + 1}/120}}, {{name: b{i}, uri: mnist:{2 * i + 2}/120}}]\n"
        for i, region in enumerate(REGIONS)
    )
    path = tmp_path / "Pulumi.many.yaml"
    head = "config:\n  fedtag:federation:\n    tag: tag.yaml\n    program: mine.py\n    datasets:\n"
    path.write_text(head + datasets)
    return path


def test_many_workers_are_summed_up_by_group(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["expand", str(stack)]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "federation many: 122 workers (120 with data, 2 without)"
    assert len(lines) < 120
    assert "… and 72 more workers; --json lists all" in lines
    groups = [line.split(maxsplit=2) for line in lines if line.startswith("param-channel ")]
    assert groups[:3] == [
        ["param-channel", "*", "(every group)  2 aggregator"],
        ["param-channel", "region0", "2 trainer"],
        ["param-channel", "region1", "2 trainer"],
    ]
    assert "… and 11 more groups; --json lists all" in lines
    assert lines[-1].endswith("{param-channel: region19}, … 48 more]")


def test_a_stack_that_can_not_run_yet_is_expanded(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tag = stack.parent / "tag.yaml"
    tag.write_text(
        tag.read_text().partition("  - name: agg")[0]
        + "channels:\n  - name: ring\n    pair: [trainer, trainer]\n"
        + f"    groupBy: {{type: tag, value: {REGIONS}}}\n"
    )

    assert main(["check", str(stack)]) == 2
    assert "T044" in capsys.readouterr().err
    assert main(["expand", str(stack)]) == 0
    assert "120 workers (120 with data, 0 without)" in capsys.readouterr().out


def test_several_brokers_have_a_table_and_are_in_the_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["expand", "hierarchical"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert main(["expand", "hierarchical", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)

    assert ["BROKER", "REGION", "GROUPS", "WORKERS"] in rows
    assert ["broker-eu", "eu", "param-channel=eu", "4"] in rows
    assert {"name": "broker-eu", "region": "eu", "workers": 4} in found["brokers"]
    assert main(["expand", "eu-us-asia"]) == 0
    assert "BROKER" not in capsys.readouterr().out
