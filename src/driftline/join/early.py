"""Labels that come before their prediction, all of them: which one is its first, the prediction decides.

They are a log of append-only blocks too. The newest block that speaks of an id is right, and only for an id whose row
in the join's table waits for its prediction: that a prediction came, or that a label waited for too long, is written
there, and not here again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from driftline.join.events import Labels
from driftline.ledger import WHOLE_ROWS, Ledger
from driftline.records import Bools, Ints, Words

Columns = dict[str, np.ndarray]
Key = tuple[int, int]
Block = tuple[int, Columns]
"""Number and labels of a block. A file from before there were several has one, of number 0."""
NOWHERE = (-1, -1, -1)
COLUMNS = ("ids", "eff_ms", "model", "label", "value", "revision", "where")


class Waiting(NamedTuple):
    """One label."""

    eff_ms: int
    model: int
    label: int
    value: float
    revision: int
    where: tuple[int, ...]


@dataclass(slots=True)
class Held:
    """The labels of one id, and the block that they stand in; 0: in none as they are now."""

    labels: list[Waiting] = field(default_factory=list)
    home: int = 0


class Early:
    """By prediction id, in the order in which they take effect. The join's table bounds how many and how long."""

    def __init__(self) -> None:
        self._of: dict[Key, Held] = {}
        self._unwritten: dict[Key, None] = {}
        self._ledger = Ledger()
        self._ids: dict[int, list[Key]] = {}
        """What each block was written with."""

    def labels(self) -> dict[Key, list[Waiting]]:
        """All that wait, by id."""
        return {key: held.labels for key, held in self._of.items()}

    def note(self, new: Labels, places: Ints, since_ms: Ints) -> int:
        """Labels of distinct ids wait from now on.

        Earlier ones of the same id from before ``since_ms`` are dropped: their prediction has an effective
        time after this one's, so they waited for too long. Returns how many those are.
        """
        rows = zip(
            new.ids[places].tolist(), since_ms.tolist(), new.eff_ms[places].tolist(), new.model[places].tolist(),
            new.label[places].tolist(), new.value[places].tolist(), new.revision[places].tolist(),
            new.where[places].tolist(), strict=True,
        )  # fmt: skip
        dropped = 0
        for (a, b), since, *label, where in rows:
            held = self._renewed((a, b))
            kept = [w for w in held.labels if w.eff_ms >= since]
            dropped += len(held.labels) - len(kept)
            held.labels = [*kept, Waiting._make((*label, tuple(where)))]
        return dropped

    def _renewed(self, key: Key) -> Held:
        """The labels of an id, to be written anew."""
        held = self._of.setdefault(key, Held())
        self._ledger.free(held.home, 1)
        held.home = 0
        self._unwritten[key] = None
        return held

    def _out(self, key: Key) -> list[Waiting]:
        held = self._of.pop(key, None)
        if held is None:
            return []
        self._ledger.free(held.home, 1)
        self._unwritten.pop(key, None)
        return held.labels

    def take(self, rows: dict[str, NDArray[np.generic]]) -> Labels:
        """Take out the labels of rows of the join's table, each id's in their order.

        A row of a state file from before this was kept has one label, its own.
        """
        found: list[tuple[Key, Waiting]] = []
        names = ("label_ms", "model", "label", "label_value", "revision")
        columns = (rows[name].tolist() for name in names)
        for (a, b), *own in zip(rows["keys"].tolist(), *columns, strict=True):
            labels = self._out((a, b)) or [Waiting._make((*own, NOWHERE))]
            found += (((a, b), waiting) for waiting in labels)
        return _labels(found)

    def drop(self, ids: Words) -> int:
        """Nothing waits for these ids any more; returns how many labels did."""
        return sum(len(self._out((a, b))) for a, b in ids.tolist())

    # -- the log -------------------------------------------------------------------------------------

    def write(self) -> tuple[list[Block], list[int]]:
        """The blocks to add, and the numbers of those to delete, so that the log holds what waits."""
        gone = self._ledger.sweep()
        for run in self._ledger.due():
            self._unwritten |= {
                key: None for number in run for key in self._ids[number] if self._is_in(key, number)
            }
            self._ledger.drop(run)
            gone += run
        for number in gone:
            del self._ids[number]
        keys, self._unwritten = list(self._unwritten), {}
        return [self._block(keys[at : at + WHOLE_ROWS]) for at in range(0, len(keys), WHOLE_ROWS)], gone

    def _is_in(self, key: Key, number: int) -> bool:
        return key in self._of and self._of[key].home == number

    def _block(self, keys: list[Key]) -> Block:
        number = self._ledger.add(len(keys))
        self._ids[number] = keys
        for key in keys:
            self._of[key].home = number
        labels = _labels([(key, waiting) for key in keys for waiting in self._of[key].labels])
        return number, {name: getattr(labels, name) for name in COLUMNS}

    def read(self, blocks: Iterable[Block], waits: Callable[[Words], Bools]) -> None:
        """What the blocks hold of ids that wait."""
        written: dict[int, int] = {}
        for number, columns in sorted(blocks, key=lambda b: b[0]):
            written[number] = len(np.unique(columns["ids"], axis=0))
            rows = np.flatnonzero(waits(columns["ids"]))
            labels: dict[Key, list[Waiting]] = {}
            for (a, b), *label, where in zip(*(columns[n][rows].tolist() for n in COLUMNS), strict=True):
                labels.setdefault((a, b), []).append(Waiting._make((*label, tuple(where))))
            self._of |= {key: Held(found, number) for key, found in labels.items()}
        self._ids = {number: [] for number in written if number}
        for key, held in self._of.items():
            if held.home:
                self._ids[held.home].append(key)
            else:
                self._unwritten[key] = None
        for number, keys in self._ids.items():
            self._ledger.know(number, 0, written[number], len(keys))


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
