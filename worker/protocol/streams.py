"""Flow control of models: sent once to a group, at most a window ahead of its slowest live reader. Pure."""

from collections.abc import Collection, Mapping

import msgspec
from msgspec.structs import replace

from tag.limits import IDLE_SLOT_S, model_window


def confirms(before: int, have: int, *, count: int, window: int) -> bool:
    """Whether a reader confirms now: twice a window, if the model is larger than one."""
    half = max(1, window // 2)
    return count > window and before // half != have // half


class Stream(msgspec.Struct, frozen=True):
    """A model's way to a group.

    Attributes:
        digest: of the model.
        count: its chunks.
        sent: chunks sent.
        window: chunks that it may be ahead of the slowest reader.
        readers: chunks that each reader has confirmed, and when it did.
    """

    digest: str
    count: int
    sent: int
    window: int
    readers: Mapping[str, tuple[int, float]]

    @staticmethod
    def to(readers: Collection[str], digest: str, count: int, now: float) -> "Stream":
        """A new stream to these readers."""
        return Stream(digest, count, 0, model_window(len(readers)), dict.fromkeys(readers, (0, now)))

    def confirm(self, reader: str, have: int, now: float) -> "Stream":
        """The stream after a reader's word."""
        if reader not in self.readers:
            return self
        return replace(self, readers={**self.readers, reader: (max(have, self.readers[reader][0]), now)})

    def over(self, now: float) -> bool:
        """Whether all is sent, or nobody takes it."""
        return self.sent >= self.count or not any(now - at < IDLE_SLOT_S for _, at in self.readers.values())

    def advance(self, now: float) -> tuple["Stream", range]:
        """The stream and the chunks to send now. A reader that is silent for long is left behind and asks later."""
        live = [have for have, at in self.readers.values() if now - at < IDLE_SLOT_S]
        if not live:
            return self, range(0)
        upto = min(self.count, min(live) + self.window)
        if upto <= self.sent:
            return self, range(0)
        return replace(self, sent=upto), range(self.sent, upto)
