"""Where the data lies: offsets and times per topic, partition and stretch of the prediction's time."""

from __future__ import annotations

from typing import Any

from driftline.settings import HOUR_MS

Span = list[int]
"""[first offset, last offset, first time, last time]"""


class DataIndex:
    """One span per (kind, topic, partition) and bucket of event time.

    ``bucket_ms`` divides an hour and every slide, so that a window's range holds no record of a later
    window, however far ahead was read.
    """

    def __init__(self, bucket_ms: int = HOUR_MS) -> None:
        self.bucket_ms = bucket_ms
        self.buckets: dict[tuple[str, str, int], dict[int, Span]] = {}
        self.changed: set[int] = set()
        """Buckets that differ from the last snapshot, dropped ones included."""

    def widen(self, key: tuple[str, str, int], bucket: int, span: Span) -> None:
        """Note records of one (kind, topic, partition) whose predictions' time is in a bucket."""
        self.changed.add(bucket)
        spans = self.buckets.setdefault(key, {})
        held = spans.get(bucket)
        if held is None:
            spans[bucket] = span
        else:
            held[:] = [
                min(held[0], span[0]),
                max(held[1], span[1]),
                min(held[2], span[2]),
                max(held[3], span[3]),
            ]

    def within(self, start_ms: int, end_ms: int) -> list[dict[str, Any]]:
        """The ranges that cover predictions in [start, end), extended to full buckets."""
        found = []
        size = self.bucket_ms
        for (kind, topic, partition), spans in sorted(self.buckets.items()):
            inside = [s for b, s in spans.items() if start_ms // size <= b <= (end_ms - 1) // size]
            if inside:
                found.append(_range(kind, topic, partition, inside))
        order = {"prediction": 0, "features": 1, "label": 2}
        return sorted(found, key=lambda r: (order[r["kind"]], r["topic"], r["partition"]))

    def drop_before(self, time_ms: int) -> None:
        """Forget the buckets before ``time_ms``."""
        for spans in self.buckets.values():
            for bucket in [b for b in spans if (b + 1) * self.bucket_ms <= time_ms]:
                del spans[bucket]
                self.changed.add(bucket)

    def bucket(self, bucket: int) -> list[list[Any]]:
        """Plain rows of one bucket."""
        return [[*key, *spans[bucket]] for key, spans in self.buckets.items() if bucket in spans]

    def restore(self, start_ms: int, size_ms: int, rows: list[list[Any]]) -> None:
        """Bring one bucket back to what ``bucket`` gave, also where buckets have another size now."""
        size = self.bucket_ms
        unchanged = self.changed.copy()
        inside = range(start_ms // size, (start_ms + size_ms - 1) // size + 1)
        for kind, topic, partition, *span in rows:
            for bucket in inside:
                self.widen((kind, topic, partition), bucket, list(span))
        if size_ms == size:
            self.changed = unchanged


def _range(kind: str, topic: str, partition: int, spans: list[Span]) -> dict[str, Any]:
    return {
        "topic": topic, "kind": kind, "partition": partition,
        "first_offset": min(s[0] for s in spans), "last_offset": max(s[1] for s in spans),
        "first_ms": min(s[2] for s in spans), "last_ms": max(s[3] for s in spans),
    }  # fmt: skip
