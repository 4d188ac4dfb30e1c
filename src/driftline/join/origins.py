"""Where labels stand that wait for their prediction, so that a range of data can name them when it comes."""

from __future__ import annotations

import numpy as np

from driftline.records import Ints, Words

Columns = dict[str, np.ndarray]
WHERE = ("place", "offset", "time_ms")
"""Columns that say where a label stands: its partition's code, its offset and its time."""
_NAMES = (*WHERE, "eff_ms")
Place = tuple[int, int, int, int]
NOWHERE: Place = (-1, -1, -1, -1)


class Origins:
    """By prediction id; bounded by how long labels wait."""

    def __init__(self) -> None:
        self._of: dict[tuple[int, int], Place] = {}
        self.changed = False
        """Whether it differs from the last snapshot."""

    def __len__(self) -> int:
        return len(self._of)

    def note(self, labels: Columns, places: Ints) -> None:
        """Labels that wait from now on; one of the same id takes an earlier one's place."""
        ids = [tuple(row) for row in labels["ids"][places].tolist()]
        columns = (labels[name][places].tolist() for name in _NAMES)
        self.changed |= bool(len(places))
        self._of.update(zip(ids, zip(*columns, strict=True), strict=True))

    def of(self, ids: Words) -> Columns:
        """Where the labels of these ids stand."""
        found = [self._of.get((a, b), NOWHERE) for a, b in ids.tolist()]
        return _columns(found)

    def forget(self, before_ms: int) -> None:
        """Drop the labels with an effective time before ``before_ms``: nothing waits that long."""
        kept = {key: place for key, place in self._of.items() if place[3] >= before_ms}
        self.changed |= len(kept) < len(self._of)
        self._of = kept

    def limit(self, keep: int) -> None:
        """Bound the memory: drop the oldest."""
        if len(self._of) > keep:
            self.changed = True
            oldest = sorted(self._of, key=lambda k: (self._of[k][3], k))[: len(self._of) - keep]
            for key in oldest:
                del self._of[key]

    def snapshot(self) -> Columns:
        """All of them, as columns."""
        if not self._of:
            return {}
        return {"ids": np.array(list(self._of), np.uint64), **_columns(list(self._of.values()))}

    def restore(self, columns: Columns) -> None:
        """What ``snapshot`` returned."""
        if columns:
            self.note(columns, np.arange(len(columns["ids"])))
            self.changed = False


def _columns(places: list[Place]) -> Columns:
    place, offset, time_ms, eff_ms = zip(*places, strict=True) if places else ((),) * 4
    return {
        "place": np.array(place, np.int32), "offset": np.array(offset, np.int64),
        "time_ms": np.array(time_ms, np.int64), "eff_ms": np.array(eff_ms, np.int64),
    }  # fmt: skip
