"""The panes of one sliding window, and their running sum.

The sum is kept by adding the pane that enters and subtracting the one that leaves; it equals the plain
sum of the panes, bit for bit, since all of it is integers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from driftline.aggregates.totals import Totals, Unseen, merge_unseen
from driftline.records import Ints
from driftline.settings import Window


class Panes:
    """Totals per pane start; int32 counts, int64 sums."""

    def __init__(self, window: Window, empty: Totals) -> None:
        self.window = window
        self.panes: dict[int, Totals] = {}
        self.changed: set[int] = set()
        """Pane starts that differ from the last snapshot, dropped ones included."""
        self.horizon_ms = -(1 << 62)
        """Panes that start before this are gone for good."""
        self.since_ms: int | None = None
        """What came before was not counted, or otherwise; None: nothing came before."""
        self.revision = 0
        """Grows with every change, so that what was computed of the panes can be known to be current."""
        self._empty = empty
        self._counts = empty.counts.copy()
        self._sums = empty.sums.copy()
        self._span = (0, 0)

    def starts(self) -> Ints:
        """Sorted starts of the panes that exist."""
        return np.array(sorted(self.panes), np.int64)

    def add(self, start_ms: int, totals: Totals) -> bool:
        """Add to a pane; False when that pane is gone already."""
        if start_ms < self.horizon_ms:
            return False
        pane = self.panes.get(start_ms)
        if pane is None:
            pane = self.panes[start_ms] = self._new()
        pane.counts += totals.counts.astype(np.int32)
        pane.sums += totals.sums
        np.minimum(pane.low, totals.low, out=pane.low)
        np.maximum(pane.high, totals.high, out=pane.high)
        pane.unseen = merge_unseen(pane.unseen, totals.unseen)
        self.changed.add(start_ms)
        self.revision += 1
        if self._span[0] <= start_ms < self._span[1]:
            self._counts += totals.counts
            self._sums += totals.sums
        return True

    def bump(self, start_ms: int, at: Ints, by: Ints, sums: Ints | None = None) -> bool:
        """Add ``by`` to the counts at places ``at`` of a pane; False when that pane is gone already."""
        if start_ms < self.horizon_ms:
            return False
        pane = self.panes.get(start_ms)
        if pane is None:
            pane = self.panes[start_ms] = self._new()
        np.add.at(pane.counts, at, by.astype(np.int32))
        inside = self._span[0] <= start_ms < self._span[1]
        if inside:
            np.add.at(self._counts, at, by)
        if sums is not None:
            pane.sums += sums
            if inside:
                self._sums += sums
        self.changed.add(start_ms)
        self.revision += 1
        return True

    def _new(self) -> Totals:
        e = self._empty
        unseen: tuple[dict[str, int], ...] = tuple({} for _ in e.unseen)
        return Totals(e.counts.astype(np.int32), e.sums.copy(), e.low.copy(), e.high.copy(), unseen)

    def at(self, end_ms: int) -> Totals:
        """The window that ends at ``end_ms``: the sum of its panes."""
        start_ms = end_ms - self.window.length_ms
        self._slide(start_ms, end_ms)
        inside = [p for s, p in self.panes.items() if start_ms <= s < end_ms]
        return self._with_extremes(inside)

    def _slide(self, start_ms: int, end_ms: int) -> None:
        if start_ms >= self._span[1] or start_ms < self._span[0] or end_ms < self._span[1]:
            self._restart(start_ms)
        self._move(self._span[0], start_ms, -1)
        self._move(self._span[1], end_ms, 1)
        self._span = (start_ms, end_ms)

    def _restart(self, start_ms: int) -> None:
        self._counts[:] = 0
        self._sums[:] = 0
        self._span = (start_ms, start_ms)

    def _move(self, low_ms: int, high_ms: int, sign: int) -> None:
        for start in self._between(low_ms, high_ms):
            pane = self.panes[start]
            self._counts += sign * pane.counts
            self._sums += sign * pane.sums

    def _between(self, low_ms: int, high_ms: int) -> list[int]:
        if (high_ms - low_ms) // self.window.slide_ms < len(self.panes):
            return [s for s in range(low_ms, high_ms, self.window.slide_ms) if s in self.panes]
        return [s for s in self.panes if low_ms <= s < high_ms]

    def _with_extremes(self, inside: list[Totals]) -> Totals:
        total = Totals(
            self._counts.copy(), self._sums.copy(), self._empty.low.copy(), self._empty.high.copy()
        )
        total.unseen = tuple({} for _ in self._empty.unseen)
        for pane in inside:
            np.minimum(total.low, pane.low, out=total.low)
            np.maximum(total.high, pane.high, out=total.high)
            total.unseen = merge_unseen(total.unseen, pane.unseen)
        return total

    def drops_before(self, start_ms: int) -> bool:
        """Whether ``drop_before`` would forget a pane."""
        start_ms = start_ms // self.window.slide_ms * self.window.slide_ms
        return start_ms > self.horizon_ms and any(start < start_ms for start in self.panes)

    def drop_before(self, start_ms: int) -> None:
        """Forget the panes that start before ``start_ms``."""
        start_ms = start_ms // self.window.slide_ms * self.window.slide_ms
        if start_ms <= self.horizon_ms:
            return
        self.horizon_ms = start_ms
        self.revision += 1
        gone = [s for s in self.panes if s < start_ms]
        if gone and min(gone) < self._span[1] and max(gone) >= self._span[0]:
            self._restart(start_ms)
        for start in gone:
            del self.panes[start]
            self.changed.add(start)

    def covers(self, end_ms: int) -> bool:
        """Whether the window that ends there was counted from its beginning."""
        return self.since_ms is None or end_ms - self.window.length_ms >= self.since_ms

    def peek(self, end_ms: int) -> Totals:
        """The same as ``at``, as a plain sum that leaves the running one where it stands."""
        return self._aside(end_ms).at(end_ms)

    def sweep(self, ends_ms: Sequence[int]) -> tuple[Ints, Ints, list[tuple[Unseen, ...]]]:
        """Counts [E, C], sums [E, S] and unseen values of the windows at rising ends (at least one).

        The same numbers as ``peek`` at each end; each pane is added once and subtracted once for all of them.
        """
        return self._aside(ends_ms[0]).along(ends_ms)

    def along(self, ends_ms: Sequence[int]) -> tuple[Ints, Ints, list[tuple[Unseen, ...]]]:
        """As ``sweep``, with the running sum itself, which stands at the last end afterwards."""
        counts = np.empty((len(ends_ms), len(self._counts)), np.int64)
        sums = np.empty((len(ends_ms), len(self._sums)), np.int64)
        strange = {s: p.unseen for s, p in self.panes.items() if any(p.unseen)}
        unseen = []
        for place, end_ms in enumerate(ends_ms):
            start_ms = end_ms - self.window.length_ms
            self._slide(start_ms, end_ms)
            counts[place], sums[place] = self._counts, self._sums
            merged: tuple[Unseen, ...] = tuple({} for _ in self._empty.unseen)
            for values in (v for s, v in strange.items() if start_ms <= s < end_ms):
                merged = merge_unseen(merged, values)
            unseen.append(merged)
        return counts, sums, unseen

    def _aside(self, end_ms: int) -> Panes:
        """The same panes with a running sum of its own, empty before the window that ends there."""
        start_ms = end_ms - self.window.length_ms
        aside = Panes(self.window, self._empty)
        aside.panes = self.panes
        aside._span = (start_ms, start_ms)
        return aside

    def convert(self, empty: Totals, convert: Callable[[Totals], Totals]) -> None:
        """Lay every pane out anew, for a layout that has grown."""
        self._empty = empty
        self.revision += 1
        for start, pane in self.panes.items():
            self.panes[start] = convert(pane)
            self.changed.add(start)
        self._counts, self._sums = empty.counts.copy(), empty.sums.copy()
        self._span = (0, 0)
