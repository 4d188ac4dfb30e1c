"""Where the data lies: offsets and times per topic, partition and hour of the prediction's time."""

from __future__ import annotations

from typing import Any

import numpy as np

from driftline.records import Ints
from driftline.settings import HOUR_MS

Span = list[int]
"""[first offset, last offset, first time, last time]"""


class DataIndex:
    """One span per (kind, topic, partition) and hour."""

    def __init__(self) -> None:
        self.hours: dict[tuple[str, str, int], dict[int, Span]] = {}

    def add(
        self, kind: str, topic: str, partition: int, hour_of_ms: Ints, offset: Ints, time_ms: Ints
    ) -> None:
        """Note records of one partition; ``hour_of_ms`` is the time of their predictions."""
        spans = self.hours.setdefault((kind, topic, partition), {})
        hour = hour_of_ms // HOUR_MS
        hours, inverse = np.unique(hour, return_inverse=True)
        for place, key in enumerate(hours.tolist()):
            rows = inverse == place
            _widen(spans, key, int(offset[rows].min()), int(offset[rows].max()), time_ms[rows])

    def within(self, start_ms: int, end_ms: int) -> list[dict[str, Any]]:
        """The ranges that cover predictions in [start, end), extended to full hours."""
        found = []
        for (kind, topic, partition), spans in sorted(self.hours.items()):
            inside = [s for h, s in spans.items() if start_ms // HOUR_MS <= h <= (end_ms - 1) // HOUR_MS]
            if inside:
                found.append(_range(kind, topic, partition, inside))
        order = {"prediction": 0, "features": 1, "label": 2}
        return sorted(found, key=lambda r: (order[r["kind"]], r["topic"], r["partition"]))

    def drop_before(self, time_ms: int) -> None:
        """Forget the hours before ``time_ms``."""
        for spans in self.hours.values():
            for hour in [h for h in spans if (h + 1) * HOUR_MS <= time_ms]:
                del spans[hour]

    def snapshot(self) -> list[list[Any]]:
        """Plain rows."""
        return [[*key, hour, *span] for key, spans in self.hours.items() for hour, span in spans.items()]

    @classmethod
    def restore(cls, rows: list[list[Any]]) -> DataIndex:
        """The index that a snapshot was taken of."""
        index = cls()
        for kind, topic, partition, hour, *span in rows:
            index.hours.setdefault((kind, topic, partition), {})[hour] = list(span)
        return index


def _widen(spans: dict[int, Span], hour: int, first: int, last: int, time_ms: Ints) -> None:
    low, high = int(time_ms.min()), int(time_ms.max())
    span = spans.get(hour)
    if span is None:
        spans[hour] = [first, last, low, high]
    else:
        span[:] = [min(span[0], first), max(span[1], last), min(span[2], low), max(span[3], high)]


def _range(kind: str, topic: str, partition: int, spans: list[Span]) -> dict[str, Any]:
    return {
        "topic": topic, "kind": kind, "partition": partition,
        "first_offset": min(s[0] for s in spans), "last_offset": max(s[1] for s in spans),
        "first_ms": min(s[2] for s in spans), "last_ms": max(s[3] for s in spans),
    }  # fmt: skip
