"""A publisher in memory that delivers, fails or keeps silent as it is told."""

from __future__ import annotations

from collections.abc import Sequence

from driftline.ports import Delivery
from driftline.records import Message


class FakePublisher:
    """The fake of ``ports.Publisher``. ``failure``: why each message fails; ``silent``: nothing is told."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.failure: str | None = None
        self.silent = False
        self._waiting: list[Message] = []
        self._done: list[Delivery] = []

    def publish(self, messages: Sequence[Message]) -> None:
        """Take messages over."""
        self._waiting += messages
        self._settle()

    def poll(self) -> list[Delivery]:
        """What became of messages since the last call."""
        self._settle()
        done, self._done = self._done, []
        return done

    def flush(self, timeout_s: float) -> int:
        """The number of messages still under way."""
        del timeout_s
        self._settle()
        return len(self._waiting)

    def _settle(self) -> None:
        if self.silent:
            return
        waiting, self._waiting = self._waiting, []
        if self.failure is None:
            self.sent += waiting
        self._done += [Delivery(message.id, self.failure) for message in waiting]
