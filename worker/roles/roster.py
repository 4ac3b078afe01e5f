"""The roster's file, which changes while an aggregator lives: who is expected, by channel and group."""

import json
from pathlib import Path

from tag.spec import EVERY_GROUP, Membership
from worker.journal import Journal

LOOK_S = 2.0
"""Seconds between two looks."""

Roster = dict[str, tuple[str, ...]]


class RosterFile:
    """Tells when the roster has changed.

    Args:
        path: of the file; None for no roster.
        place: whose part of it is read: a channel's group, or all of them.
        journal: is told if it can't be read; then the roster is as if it had not changed.
    """

    def __init__(self, path: Path | None, place: Membership, journal: Journal) -> None:
        self._path = path
        self._place = place
        self._journal = journal
        self._text = b""
        self._next = 0.0

    def changed(self, now: float) -> Roster | None:
        """The roster, if it is another than last time; looks at most every `LOOK_S` seconds."""
        if self._path is None or now < self._next:
            return None
        self._next = now + LOOK_S
        try:
            text = self._path.read_bytes()
        except OSError:
            return None
        if text == self._text:
            return None
        try:
            groups = json.loads(text).get(self._place.channel, {})
            roster = {
                str(group): tuple(map(str, names))
                for group, names in groups.items()
                if self._place.group in (group, EVERY_GROUP)
            }
        except (ValueError, TypeError, AttributeError) as error:
            self._journal.write("warning", f"roster {str(self._path)!r} can't be read: {error}")
            return None
        self._text = text
        return roster
