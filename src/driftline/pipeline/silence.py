"""Rules on silence: the one kind that looks at the wall clock, apart from everything in event time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from driftline.pipeline.slots import Slot


class Silences:
    """When each (model, version) was heard last, by the wall clock.

    Of the time in which nothing could be heard, down or without Kafka, nobody knows whether there were events: after
    it an alert neither ends nor begins before an event came, or the whole duration has passed.
    """

    def __init__(self) -> None:
        self._heard: dict[int, tuple[int, int | None]] = {}
        """slot -> (its predictions then, since when it is silent; None: since the first look to come)"""
        self._restored: set[int] = set()
        """Slots of which no event came since they can be heard."""

    def since(self, slot: Slot, wall_ms: int) -> tuple[bool, int]:
        """Whether an event came since the stream can be heard, and when the last one did, or else since when it can."""
        count, since_ms = self._heard.get(slot.code, (-1, wall_ms))
        if count != slot.predictions:
            self._heard[slot.code] = slot.predictions, wall_ms
            self._restored.discard(slot.code)
            return True, wall_ms
        since_ms = wall_ms if since_ms is None else since_ms
        self._heard[slot.code] = count, since_ms
        return slot.code not in self._restored, since_ms

    def doubt(self) -> None:
        """Nothing can be heard just now."""
        self.restore(iter(self.rows()))

    def follow(self, before: Silences, codes: Mapping[int, int]) -> None:
        """Go on from what was known; ``codes`` are the slots' codes of then and of now."""
        self._heard = {codes[c]: known for c, known in before._heard.items() if c in codes}
        self._restored = {codes[c] for c in before._restored if c in codes}

    def rows(self) -> list[tuple[int, int]]:
        """(slot, predictions), for the snapshot: the clock of a past run means nothing."""
        return [(code, count) for code, (count, _since) in self._heard.items()]

    def restore(self, rows: Iterator[tuple[int, int]]) -> None:
        """Go on after a time in which nothing was heard."""
        self._heard = {code: (count, None) for code, count in rows}
        self._restored = set(self._heard)
