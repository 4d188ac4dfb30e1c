"""Labels that come before their prediction, all of them: which one is its first, the prediction decides."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from driftline.join.events import Labels
from driftline.records import Ints, Words

Columns = dict[str, np.ndarray]
Key = tuple[int, int]
NOWHERE = (-1, -1, -1)


class Waiting(NamedTuple):
    """One label."""

    eff_ms: int
    model: int
    label: int
    value: float
    revision: int
    where: tuple[int, ...]


class Early:
    """By prediction id, in the order in which they take effect. The join's table bounds how many and how long."""

    def __init__(self) -> None:
        self._of: dict[Key, list[Waiting]] = {}
        self.changed = False
        """Whether it differs from the last snapshot."""

    def __len__(self) -> int:
        return len(self._of)

    def note(self, new: Labels, places: Ints, since_ms: Ints) -> int:
        """Labels of distinct ids wait from now on.

        Earlier ones of the same id from before ``since_ms`` are dropped: their prediction has an effective
        time after this one's, so they waited for too long. Returns how many those are.
        """
        self.changed |= bool(len(places))
        rows = zip(
            new.ids[places].tolist(), since_ms.tolist(), new.eff_ms[places].tolist(), new.model[places].tolist(),
            new.label[places].tolist(), new.value[places].tolist(), new.revision[places].tolist(),
            new.where[places].tolist(), strict=True,
        )  # fmt: skip
        dropped = 0
        for (a, b), since, *label, where in rows:
            held = self._of.get((a, b), [])
            kept = [w for w in held if w.eff_ms >= since]
            dropped += len(held) - len(kept)
            self._of[a, b] = [*kept, Waiting._make((*label, tuple(where)))]
        return dropped

    def take(self, rows: dict[str, NDArray[np.generic]]) -> Labels:
        """Take out the labels of rows of the join's table, each id's in their order.

        A row of a state file from before this was kept has one label, its own.
        """
        self.changed = True
        found: list[tuple[Key, Waiting]] = []
        names = ("label_ms", "model", "label", "label_value", "revision")
        columns = (rows[name].tolist() for name in names)
        for (a, b), *own in zip(rows["keys"].tolist(), *columns, strict=True):
            held = self._of.pop((a, b), None) or [Waiting._make((*own, NOWHERE))]
            found += (((a, b), waiting) for waiting in held)
        return _labels(found)

    def drop(self, ids: Words) -> int:
        """Nothing waits for these ids any more; returns how many labels did."""
        self.changed |= bool(len(ids))
        return sum(len(self._of.pop((a, b), ())) for a, b in ids.tolist())

    def snapshot(self) -> Columns:
        """All of them, as columns."""
        found = [(key, waiting) for key, held in self._of.items() for waiting in held]
        if not found:
            return {}
        labels = _labels(found)
        names = ("ids", "eff_ms", "model", "label", "value", "revision", "where")
        return {name: getattr(labels, name) for name in names}

    def restore(self, columns: Columns) -> None:
        """What ``snapshot`` returned."""
        rows = zip(*(columns[n].tolist() for n in ("ids", *Waiting._fields)), strict=True)
        for (a, b), *label, where in rows:
            self._of.setdefault((a, b), []).append(Waiting._make((*label, tuple(where))))
        self.changed = False


def _labels(found: list[tuple[Key, Waiting]]) -> Labels:
    held = [waiting for _, waiting in found]
    label = np.array([w.label for w in held], np.int32)
    value = np.array([w.value for w in held], np.float64)
    return Labels(
        np.array([key for key, _ in found], np.uint64).reshape(-1, 2), np.array([w.eff_ms for w in held], np.int64),
        np.array([w.model for w in held], np.int32), label, value,
        np.array([w.revision for w in held], np.int64), (label < 0) & np.isnan(value),
        np.array([w.where for w in held], np.int64).reshape(-1, 3),
    )  # fmt: skip
