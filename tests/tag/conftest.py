"""A small project on disk whose files a test breaks in one place."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tag.faults import Fault, TagError
from tag.load import Loaded, load_stack

TAG = """\
name: three regions
roles:
  - name: trainer
    isDataConsumer: true
  - name: aggregator
    replica: 1
    groupAssociation:
      - param-channel: "*"
channels:
  - name: param-channel
    pair: [trainer, aggregator]
    groupBy:
      type: tag
      value: [eu, us, asia]
    funcTags:
      trainer: [fetch, upload]
      aggregator: [distribute, aggregate]
"""

STACK = """\
config:
  aws:region: eu-west-1
  fedtag:secret:
    secure: AAABAE
  fedtag:federation:
    tag: tags/regions.yaml
    program: ../programs/mine.py
    rounds: 5
    quorum: all
    datasets:
      eu:
        - uri: mnist:1/3
      us:
        - uri: mnist:2/3
      asia:
        - name: tokyo
          uri: mnist:3/3
          epochs: 2
encryptionsalt: v1:abc
"""


@dataclass
class Project:
    """A folder with a stack `demo`, its TAG and its program."""

    root: Path

    @property
    def stack(self) -> Path:
        return self.root / "stacks" / "Pulumi.demo.yaml"

    @property
    def tag(self) -> Path:
        return self.root / "stacks" / "tags" / "regions.yaml"

    def edit(self, path: Path, old: str, new: str) -> None:
        """Replaces the only occurrence of a text."""
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} must occur once in {path.name}"
        path.write_text(text.replace(old, new))

    def load(self) -> Loaded:
        return load_stack(self.stack)

    def faults(self) -> tuple[Fault, ...]:
        with pytest.raises(TagError) as caught:
            self.load()
        return caught.value.faults


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.tag.parent.mkdir(parents=True)
    made.tag.write_text(TAG)
    made.stack.write_text(STACK)
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs" / "mine.py").write_text("def build_model(): ...\n")
    return made
