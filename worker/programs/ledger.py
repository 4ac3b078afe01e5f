"""Two parts for roles of your own: at an aggregator, one tells of each round; at a notary, one keeps a chain of them.

The notary sees no model and no update. Each line of its ledger holds the hash of all lines before it, so that nobody
can change an old one unseen.
"""

import hashlib
import json

from worker.channel import Letter
from worker.events import Event, Noted, RoundClosed
from worker.roles.base import Part


class Announce(Part):
    """Tells the notaries of each round that this aggregator closes."""

    def told(self, event: Event) -> None:
        """What the worker tells the operator, of which closed rounds go to the notaries, too."""
        if isinstance(event, RoundClosed):
            entry = {"round": event.round, "model": event.model, "participants": event.participants}
            self.channel.say("say", json.dumps(entry, sort_keys=True).encode())


class Record(Part):
    """Writes down what is announced, in a chain of hashes."""

    chain = ""

    def letter(self, letter: Letter, now: float) -> None:  # noqa: ARG002  as Part's
        """An aggregator's announcement."""
        self.chain = hashlib.sha256(self.chain.encode() + letter.payload).hexdigest()
        entry = json.loads(letter.payload)
        self.worker.tell(Noted(text=f"round {entry['round']}: model {entry['model'][:12]}, ledger {self.chain[:12]}"))


PARTS = {"announce": Announce, "record": Record}
