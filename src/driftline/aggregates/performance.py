"""What is summed of predictions that met their labels: one flat vector of counts, one of sums.

Counts: labelled, events, then by task the confusion and the score histograms of label 0 and 1, or the
regression's row counts; then labelled, events and confusion of each segment value. Sums: log loss and
Brier in fixed point, for a binary task those of calibration too; or the limbs of the regression's exact sums.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite

import numpy as np

from driftline.aggregates import calibration, confusion, regression, scores
from driftline.aggregates.totals import Totals
from driftline.records import Codes32, Floats, Ints
from driftline.settings import OTHER, Task

Segments = tuple[tuple[str, tuple[str, ...]], ...]
"""Per configured segment: its name and its values, by code."""
LABELLED, EVENTS, SCORED, ZERO_LABELS, HEAD = 0, 1, 2, 3, 4
"""Places of the leading counts. SCORED: rows of log loss and Brier; for regression its valid rows."""
LOSSES = 2
"""Sums of log loss and Brier; those of calibration follow."""


@dataclass(slots=True)
class Changes:
    """k signed changes from the join: a label counted (+1) or taken back (-1)."""

    sign: Ints
    truth: Codes32
    """Class code of the label; regression: ignored."""
    predicted: Codes32
    score: Floats
    """Binary: the positive's probability; NaN: none."""
    losses: Ints | None
    """Multiclass: [k, 2] log loss and Brier of each row, see ``scores.multiclass_losses``."""
    truth_value: Floats
    predicted_value: Floats
    segments: Codes32
    """[k, S] value code per configured segment."""


@dataclass(frozen=True, slots=True)
class PerformanceLayout:
    """Where each count and sum of one (model, version) stands. Make it with ``of``."""

    task: Task
    classes: tuple[str, ...]
    positive: str | None
    segments: Segments
    capacity: int
    """Classes there is room for."""
    label_mean: float
    edges: Floats
    """Inner edges of the score bins; empty unless the task is binary."""

    @classmethod
    def of(
        cls,
        task: Task,
        classes: tuple[str, ...] = (),
        positive: str | None = None,
        segments: Segments = (),
        capacity: int = 0,
        label_mean: float = 0.0,
    ) -> PerformanceLayout:
        """The layout of a task. ``capacity``: least room for classes (multiclass; up to 2**i >= 4).

        Labels are centred on ``label_mean``; where their mean overflowed, on 0: no result depends on it.
        """
        room = confusion.capacity_for(task, len(classes), capacity)
        edges = scores.score_edges() if task is Task.BINARY else np.empty(0)
        return cls(
            task, tuple(classes), positive, segments, room, label_mean if isfinite(label_mean) else 0.0, edges
        )

    @property
    def positive_code(self) -> int:
        """Class code of the positive class; -1 while it has not been seen."""
        return self.classes.index(self.positive) if self.positive in self.classes else -1

    @property
    def cells(self) -> int:
        """Counts of one confusion."""
        return self.capacity**2

    @property
    def bins(self) -> int:
        """Score bins."""
        return len(self.edges) + 1 if len(self.edges) else 0

    @property
    def histograms(self) -> int:
        """Place of the histogram of label 0; label 1's follows."""
        return HEAD + self.cells

    @property
    def block(self) -> int:
        """Counts of one segment value."""
        return 2 + self.cells

    @property
    def segment_places(self) -> tuple[int, ...]:
        """Place of the first value's block, for each segment."""
        places, at = [], self.histograms + 2 * self.bins
        for _, values in self.segments:
            places.append(at)
            at += self.block * len(values)
        return tuple(places)

    @property
    def count_size(self) -> int:
        """Length of the vector of counts."""
        values = sum(len(values) for _, values in self.segments)
        return self.histograms + 2 * self.bins + self.block * values

    @property
    def sum_size(self) -> int:
        """Length of the vector of sums."""
        if self.task is Task.REGRESSION:
            return regression.LIMBS
        return LOSSES + (calibration.SIZE if self.task is Task.BINARY else 0)

    def empty(self) -> Totals:
        """The identity."""
        return Totals.empty(self.count_size, self.sum_size)

    def completed(self, counts: Ints, sums: Ints) -> Ints:
        """The sums of totals that were kept when there were fewer."""
        if len(sums) == self.sum_size:
            return sums
        if self.task is Task.REGRESSION:
            return regression.completed(sums, int(counts[SCORED]))
        full = self.empty().sums
        full[: len(sums)] = sums
        full[LOSSES + calibration.UNCOUNTED] = counts[SCORED]
        return full

    def totals(self, changes: Changes, rows: Ints) -> Totals:
        """The changes at the given rows, summed."""
        return self._dense(*self.delta(changes, rows))

    def predictions(self, sign: Ints, segments: Codes32) -> Totals:
        """Distinct predictions (+1) and those taken back (-1), with their segment codes [k, S]."""
        return self._dense(*self.arrivals(sign, segments))

    def _dense(self, at: Ints, by: Ints, sums: Ints | None = None) -> Totals:
        out = self.empty()
        np.add.at(out.counts, at, by)
        if sums is not None:
            out.sums += sums
        return out

    def delta(self, changes: Changes, rows: Ints) -> tuple[Ints, Ints, Ints]:
        """The changes at the given rows: places among the counts, what each of them gains, and sums."""
        sign, sums = changes.sign[rows], np.zeros(self.sum_size, np.int64)
        codes = confusion.pooled(changes.truth[rows], changes.predicted[rows], self.classes)
        cell = confusion.cells(*codes, self.capacity)
        added = [(np.array([LABELLED]), sign.sum(keepdims=True))]
        if self.task is Task.REGRESSION:
            added += self._add_values(sums, changes.predicted_value[rows], changes.truth_value[rows], sign)
        else:
            added += [_somewhere(np.where(cell < 0, -1, HEAD + cell), sign)]
            added += self._add_scores(sums, changes, rows, sign)
        added += self._by_segment(changes.segments[rows], sign, LABELLED, cell)
        return *_flat(added), sums

    def arrivals(self, sign: Ints, segments: Codes32) -> tuple[Ints, Ints]:
        """Distinct predictions (+1) and those taken back (-1): places among the counts, and gains."""
        added = [(np.array([EVENTS]), sign.sum(keepdims=True))]
        return _flat(added + self._by_segment(segments, sign, EVENTS, None))

    def reference_totals(self, classes: tuple[str, ...], counts: Ints) -> Totals:
        """A reference's confusion [true, predicted] as totals, to evaluate it like a window."""
        out, rows = self.empty(), np.asarray(counts, np.int64)
        out.counts[HEAD : self.histograms] = self._by_name(classes, rows)
        out.counts[LABELLED] = out.counts[EVENTS] = rows.sum()
        return out

    def grown(self, classes: tuple[str, ...], segments: Segments | None = None) -> PerformanceLayout:
        """The layout with more classes, and more segment values if given."""
        room = max(self.capacity, confusion.capacity_for(self.task, len(classes), self.capacity))
        return replace(self, classes=tuple(classes), capacity=room, segments=segments or self.segments)

    def convert(self, totals: Totals, new: PerformanceLayout) -> Totals:
        """Totals of this layout in another of its task, matched by the names of classes and segment values.

        Segments that the new one has not are left out; classes and values that it does not tell apart are its
        ``OTHER``.
        """
        old, out = totals.counts.astype(np.int64), new.empty()
        out.sums[:] = totals.sums
        out.counts[:HEAD] = old[:HEAD]
        out.counts[HEAD : new.histograms] = self._moved(old[HEAD : self.histograms], new)
        out.counts[new.histograms :][: 2 * new.bins] = old[self.histograms :][: 2 * self.bins]
        targets = {
            name: (at, values) for (name, values), at in zip(new.segments, new.segment_places, strict=True)
        }
        for (name, values), start in zip(self.segments, self.segment_places, strict=True):
            if name not in targets:
                continue
            to, names = targets[name]
            for i, value in enumerate(values):
                source = old[start + i * self.block :][: self.block]
                code = names.index(value if value in names else OTHER)
                target = out.counts[to + code * new.block :][: new.block]
                target[:2] += source[:2]
                target[2:] += self._moved(source[2:], new)
        return out

    def _by_name(self, classes: tuple[str, ...], counts: Ints) -> Ints:
        """Flat counts of a confusion [k, k] of these classes; those that have no code here are pooled."""
        names = self.classes
        codes = np.array([names.index(n) if n in names else confusion.far_code(n) for n in classes], np.int32)
        both = codes.repeat(len(codes)), np.tile(codes, len(codes))
        return confusion.matrix(*confusion.pooled(*both, names), counts.ravel(), self.capacity)

    def _moved(self, flat: Ints, new: PerformanceLayout) -> Ints:
        """A confusion of this layout in another one."""
        if self.classes == new.classes and self.capacity == new.capacity:
            return flat
        known = min(len(self.classes), self.capacity)  # a regression has room for none
        return new._by_name(self.classes[:known], flat.reshape(self.capacity, self.capacity)[:known, :known])

    def _add_values(self, sums: Ints, predicted: Floats, truth: Floats, sign: Ints) -> list[Gain]:
        ok = np.isfinite(predicted) & np.isfinite(truth)
        predicted, truth, sign = predicted[ok], truth[ok], sign[ok]
        regression.add_rows(sums, predicted, truth, sign, self.label_mean)
        zeros = sign[truth == 0.0].sum()
        return [(np.array([SCORED, ZERO_LABELS]), np.array([sign.sum(), zeros]))]

    def _add_scores(self, sums: Ints, changes: Changes, rows: Ints, sign: Ints) -> list[Gain]:
        truth = changes.truth[rows]
        gains: list[Gain] = []
        if self.task is Task.BINARY:
            score = changes.score[rows]
            ok = scores.usable(score) & (truth >= 0)
            positive = truth[ok] == self.positive_code
            bins = np.searchsorted(self.edges, score[ok], side="left")
            gains = [(self.histograms + positive * self.bins + bins, sign[ok])]
            losses = scores.binary_losses(score[ok], positive)
            calibration.add_rows(sums[LOSSES:], score[ok], sign[ok])
        elif changes.losses is not None:
            each = changes.losses[rows]
            ok = each[:, 0] != scores.NO_LOSS
            losses = each[ok, 0], each[ok, 1]
        else:
            return gains
        sums[:LOSSES] = [(loss * sign[ok]).sum() for loss in losses]
        return [*gains, (np.array([SCORED]), sign[ok].sum(keepdims=True))]

    def _by_segment(self, codes: Codes32, sign: Ints, head: int, cell: Ints | None) -> list[Gain]:
        gains = []
        for s, ((_, values), start) in enumerate(zip(self.segments, self.segment_places, strict=True)):
            code = codes[:, s].astype(np.int64)
            known = (code >= 0) & (code < len(values))
            block = start + code * self.block
            gains.append(_somewhere(np.where(known, block + head, -1), sign))
            if cell is not None and self.cells:
                gains.append(_somewhere(np.where(known & (cell >= 0), block + 2 + cell, -1), sign))
        return gains


Gain = tuple[Ints, Ints]
"""Places among the counts, and what each of them gains."""


def _somewhere(places: Ints, sign: Ints) -> Gain:
    """Gains at the places; -1 is nowhere."""
    somewhere = places >= 0
    return places[somewhere], sign[somewhere]


def _flat(gains: list[Gain]) -> Gain:
    return np.concatenate([at for at, _ in gains]), np.concatenate([by for _, by in gains])
