"""Effects on their way: decided, committed, sent, acknowledged. Nothing is sent that is not committed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from driftline.ports import Delivery, Publisher
from driftline.records import Message
from driftline.store.rows import OutboxRow

RETRY_S = 5.0

Effect = tuple[str, Message]
"""(stream, message)"""


@dataclass(slots=True)
class Outbox:
    """Messages by their number in the state file, and those that have none yet."""

    publisher: Publisher
    queue: list[Effect] = field(default_factory=list)
    """Decided, not yet committed."""
    rows: dict[int, Effect] = field(default_factory=dict)
    """Committed, not yet known to be delivered in a commit."""
    sent: list[int] = field(default_factory=list)
    """Acknowledged; the next commit drops them."""
    _since_ms: dict[int, int] = field(default_factory=dict)
    _failed: list[int] = field(default_factory=list)
    _in_flight: dict[str, int] = field(default_factory=dict)
    _retried_s: float = 0.0

    @property
    def pending(self) -> int:
        """Messages that nobody has acknowledged for good."""
        return len(self.rows) + len(self.queue)

    @property
    def oldest_ms(self) -> int | None:
        """Since when the oldest committed one waits."""
        waiting = self._since_ms.keys() - set(self.sent)
        return min((self._since_ms[seq] for seq in waiting), default=None)

    def restore(self, rows: Iterable[OutboxRow]) -> None:
        """What an earlier run left is sent again: the same ids."""
        for row in rows:
            self.rows[row.seq], self._since_ms[row.seq] = (row.stream, row.message), row.created_ms
        self._send(list(self.rows))

    def drop(self, stream: str) -> None:
        """Forget what a stream decided and did not commit."""
        self.queue = [(name, message) for name, message in self.queue if name != stream]

    def committed(self, seqs: list[int], now_ms: int) -> None:
        """The queue is in the file under these numbers, and what was acknowledged is out of it: send."""
        for seq in self.sent:
            self.rows.pop(seq, None)
            self._since_ms.pop(seq, None)
        for seq, effect in zip(seqs, self.queue, strict=True):
            self.rows[seq], self._since_ms[seq] = effect, now_ms
        self.queue, self.sent = [], []
        self._send(seqs)

    def _send(self, seqs: list[int]) -> None:
        if not seqs:
            return
        for seq in seqs:
            self._in_flight[self.rows[seq][1].id] = seq
        self.publisher.publish([self.rows[seq][1] for seq in seqs])

    def delivered(self, now_s: float) -> list[Delivery]:
        """What became of messages since the last call; failed ones are sent again after a while."""
        if self._failed and now_s - self._retried_s >= RETRY_S:
            again, self._failed, self._retried_s = self._failed, [], now_s
            self._send([seq for seq in again if seq in self.rows])
        known = []
        for delivery in self.publisher.poll():
            seq = self._in_flight.pop(delivery.id, None)
            if seq is not None:
                (self.sent if delivery.error is None else self._failed).append(seq)
                known.append(delivery)
        return known
