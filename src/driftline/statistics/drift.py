"""All drift statistics of a (model, version), over all features and window ends at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from driftline.aggregates.categories import INVALID_AT, MISSING_AT, UNSEEN_AT
from driftline.aggregates.drift import OUTPUT_CLASS, DriftLayout
from driftline.aggregates.totals import POOLED, Unseen
from driftline.records import Dimension, Evaluation, Floats, Ints
from driftline.settings import SECOND_MS
from driftline.statistics import distances
from driftline.statistics.chi2 import chi2, chi2_pvalue
from driftline.statistics.intervals import TWO_SIDED, quantile, wilson
from driftline.statistics.latency import quantile_ms
from driftline.statistics.numeric_view import NumericView
from driftline.statistics.psi import psi
from driftline.statistics.shares import Shares, Unknown, sum_by

PROPORTIONS = frozenset(
    ("missing_ratio", "invalid_ratio", "unseen_ratio", "out_of_range_ratio", "class_ratio")
)
"""Statistics that are k of n, with Wilson's limits."""
UNGATED = frozenset({"events", "throughput"})
GATE = "drift"
DRIFT_STATISTICS = (
    "psi", "psi_deciles", "ks", "ks_high", "ks_pvalue", "wasserstein", "js_distance", "hellinger",
    "total_variation", "l_infinity", "chi2", "chi2_pvalue", "mean", "std", "missing_ratio", "invalid_ratio",
    "unseen_ratio", "out_of_range_ratio", "prediction_psi", "prediction_js_distance", "class_ratio", "events",
    "latency_p50", "latency_p95", "latency_p99", "throughput",
)  # fmt: skip
_CHUNK = 1 << 21
"""Counts that are compared in one go, so that a long replay needs no more memory than a short one."""

Columns = tuple[list[Dimension], list[Floats], list[Ints]]


def evaluate_drift(
    layout: DriftLayout,
    counts: Ints,
    sums: Ints,
    unseen: Sequence[tuple[Unseen, ...]],
    window_ms: int,
    gates: Mapping[str, int],
    statistics: frozenset[str] | None = None,
) -> list[Evaluation]:
    """Evaluate drift statistics at E ends.

    Parameters
    ----------
    layout
        Of the count vectors, with the reference.
    counts, sums
        [E, C] and [E, S], windows' totals.
    unseen
        Of each end, one dictionary per categorical column.
    window_ms
        Length of the window, for ``throughput``.
    gates
        Least denominators; ``drift`` holds for all but events and throughput.
    statistics
        Names to compute; None: all. Names of other kinds are ignored.

    Returns
    -------
    One evaluation per statistic that has any dimension, in the order of ``DRIFT_STATISTICS``. NaN: undefined.

    """
    wanted = [s for s in DRIFT_STATISTICS if statistics is None or s in statistics]
    classes = _classes(layout, unseen)
    size = max(1, _CHUNK // layout.counts)
    chunks = [slice(e, e + size) for e in range(0, max(1, len(counts)), size)]
    views = (_View(layout, counts[c], sums[c], unseen[c], window_ms, classes) for c in chunks)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [[_evaluation(name, _COMPUTE[name](view), gates) for name in wanted] for view in views]
    joined = (_joined(part) for part in zip(*parts, strict=True))
    return [evaluation for evaluation in joined if evaluation.dimensions]


def _classes(layout: DriftLayout, unseen: Sequence[tuple[Unseen, ...]]) -> tuple[str, ...]:
    if not layout.has_class:
        return ()
    found = {value for columns in unseen for value in columns[-1]} - {POOLED}
    return (*layout.classes, *sorted(found))


def _evaluation(name: str, columns: Columns, gates: Mapping[str, int]) -> Evaluation:
    dimensions, values, ns = columns
    if not dimensions:
        return Evaluation(name, (), np.empty((0, 0)), np.empty((0, 0), np.int64), np.empty((0, 0), np.bool_))
    value, n = np.concatenate(values, axis=1), np.concatenate(ns, axis=1)
    gate = 0 if name in UNGATED else gates.get(GATE, 0)
    low, high = _limits(value, n) if name in PROPORTIONS else (None, None)
    return Evaluation(name, tuple(dimensions), value, n, n >= gate, low, high)


def _limits(share: Floats, n: Ints) -> tuple[Floats, Floats]:
    """Two-sided limits of shares of n; NaN where the share is."""
    low, high = wilson(np.rint(share * n), n, quantile((1 + TWO_SIDED) / 2))
    nothing = np.isnan(share)
    return np.where(nothing, np.nan, low), np.where(nothing, np.nan, high)


def _joined(parts: Sequence[Evaluation]) -> Evaluation:
    if len(parts) == 1:
        return parts[0]
    value, n, sufficient = (
        np.concatenate([getattr(p, a) for p in parts]) for a in ("value", "n", "sufficient")
    )
    low, high = (
        None if getattr(parts[0], a) is None else np.concatenate([getattr(p, a) for p in parts])
        for a in ("low", "high")
    )
    return Evaluation(parts[0].statistic, parts[0].dimensions, value, n, sufficient, low, high)


@dataclass(frozen=True, eq=False)
class _View:
    """E window ends of a layout, with what several statistics share."""

    layout: DriftLayout
    plain: Ints
    sums: Ints
    unseen: Sequence[tuple[Unseen, ...]]
    window_ms: int
    classes: tuple[str, ...]

    @cached_property
    def counts(self) -> Ints:
        return np.concatenate((self.plain, np.zeros((len(self.plain), 1), np.int64)), axis=1)

    @cached_property
    def events(self) -> Ints:
        return self.plain[:, self.layout.events_at, None]

    @cached_property
    def numeric(self) -> NumericView | None:
        reference = self.layout.numeric_reference
        return NumericView(self.layout.numeric, reference, self.counts, self.sums) if reference else None

    @cached_property
    def categorical(self) -> Shares | None:
        reference = self.layout.categorical_reference
        if reference is None:
            return None
        known = [columns[: len(reference.starts)] for columns in self.unseen]
        return Shares(reference.counts, self.counts[:, reference.flat], reference.starts, Unknown.of(known))

    @cached_property
    def latency(self) -> Ints:
        return self.plain[:, self.layout.latency_at]

    def categorical_extra(self, which: int) -> Ints:
        return self.plain[:, self.layout.categorical.extra(which)]

    @cached_property
    def categorical_n(self) -> Ints:
        """Valid values of every categorical column, with or without a reference."""
        layout = self.layout.categorical
        if not layout.names:
            return np.empty((len(self.plain), 0), np.int64)
        # A column's section ends with missing, invalid and unseen.
        total = sum_by(self.plain[:, : self.layout.events_at], layout.starts).astype(np.int64)
        return total - self.categorical_extra(MISSING_AT) - self.categorical_extra(INVALID_AT)


def _features(view: _View, numeric: _Pair | None, categorical: _Pair | None) -> Columns:
    """Columns of the numeric, then the categorical features."""
    columns: Columns = ([], [], [])
    names = (view.layout.numeric_features, view.layout.categorical_features)
    for features, pair in zip(names, (numeric, categorical), strict=True):
        if features and pair is not None:
            columns[0].extend(Dimension(feature=f) for f in features)
            columns[1].append(np.asarray(pair[0][:, : len(features)], np.float64))
            columns[2].append(np.broadcast_to(pair[1], pair[0].shape)[:, : len(features)])
    return columns


_Pair = tuple[Floats | Ints, Ints]
_Compute = Callable[[_View], Columns]


def _of_numeric(value: Callable[[NumericView], Floats]) -> _Compute:
    return lambda view: _features(view, _numeric(view, value), None)


def _numeric(view: _View, value: Callable[[NumericView], Floats]) -> _Pair | None:
    return (value(view.numeric), view.numeric.n) if view.numeric else None


def _categorical(view: _View, value: Callable[[Shares], Floats]) -> _Pair | None:
    return (value(view.categorical), view.categorical.window_n) if view.categorical else None


def _of_shares(value: Callable[[Shares], Floats]) -> _Compute:
    """Over the coarse bins of numeric features and the categories of the others."""
    return lambda view: _features(view, _numeric(view, lambda n: value(n.coarse)), _categorical(view, value))


def _of_categories(value: Callable[[Shares], Floats]) -> _Compute:
    return lambda view: _features(view, None, _categorical(view, value))


def _of_prediction(value: Callable[[Shares], Floats]) -> _Compute:
    """Of the score or value over its coarse bins, and of the predicted class."""

    def compute(view: _View) -> Columns:
        columns: Columns = ([], [], [])
        if view.layout.output and view.numeric:
            _append(columns, Dimension(output=view.layout.output), value(view.numeric.coarse), view.numeric.n)
        shares = view.categorical
        if view.layout.has_class and shares and len(shares.starts) == view.layout.categories:
            _append(columns, Dimension(output=OUTPUT_CLASS), value(shares), shares.window_n)
        return columns

    return compute


def _append(columns: Columns, dimension: Dimension, values: Floats, n: Ints) -> None:
    columns[0].append(dimension)
    columns[1].append(values[:, -1:])
    columns[2].append(n[:, -1:])


def _ratio(part: Ints, whole: Ints) -> _Pair:
    return part / whole, whole


def _missing_ratio(view: _View) -> Columns:
    numeric = _ratio(view.numeric.missing, view.events) if view.numeric else None
    return _features(view, numeric, _ratio(view.categorical_extra(MISSING_AT), view.events))


def _invalid_ratio(view: _View) -> Columns:
    numeric = _ratio(view.numeric.invalid, view.events - view.numeric.missing) if view.numeric else None
    present = view.events - view.categorical_extra(MISSING_AT)
    return _features(view, numeric, _ratio(view.categorical_extra(INVALID_AT), present))


def _unseen_ratio(view: _View) -> Columns:
    return _features(view, None, _ratio(view.categorical_extra(UNSEEN_AT), view.categorical_n))


def _out_of_range_ratio(view: _View) -> Columns:
    return _features(view, _ratio(view.numeric.outside, view.numeric.n) if view.numeric else None, None)


def _class_ratio(view: _View) -> Columns:
    if not view.classes:
        return [], [], []
    known = view.layout.categorical.starts[-1] + np.arange(len(view.layout.classes))
    learned = view.classes[len(known) :]
    others = [[columns[-1].get(c, 0) for c in learned] for columns in view.unseen]
    counts = np.concatenate(
        (view.plain[:, known], np.array(others, np.int64).reshape(len(others), -1)), axis=1
    )
    n = view.categorical_n[:, -1:]
    dimensions = [Dimension(output=OUTPUT_CLASS, class_=c) for c in view.classes]
    return dimensions, [counts / n], [np.broadcast_to(n, counts.shape)]


def _whole(value: Callable[[_View], tuple[Floats | Ints, Ints]]) -> _Compute:
    """Of the whole model: values and denominators [E, 1]."""

    def compute(view: _View) -> Columns:
        values, n = value(view)
        return [Dimension()], [np.asarray(values, np.float64)], [n]

    return compute


def _latency(share: float) -> _Compute:
    return _whole(lambda view: (quantile_ms(view.latency, share)[:, None], view.latency.sum(axis=1)[:, None]))


_COMPUTE: Mapping[str, _Compute] = {
    "psi": _of_shares(psi),
    "psi_deciles": _of_numeric(lambda n: psi(n.deciles)),
    "ks": _of_numeric(lambda n: n.ks),
    "ks_high": _of_numeric(lambda n: n.ks_high),
    "ks_pvalue": _of_numeric(lambda n: n.ks_pvalue),
    "wasserstein": _of_numeric(lambda n: n.wasserstein),
    "js_distance": _of_shares(distances.js_distance),
    "hellinger": _of_shares(distances.hellinger),
    "total_variation": _of_shares(distances.total_variation),
    "l_infinity": _of_shares(distances.l_infinity),
    "chi2": _of_categories(lambda s: chi2(s)[0]),
    "chi2_pvalue": _of_categories(lambda s: chi2_pvalue(*chi2(s))),
    "mean": _of_numeric(lambda n: n.mean),
    "std": _of_numeric(lambda n: n.std),
    "missing_ratio": _missing_ratio,
    "invalid_ratio": _invalid_ratio,
    "unseen_ratio": _unseen_ratio,
    "out_of_range_ratio": _out_of_range_ratio,
    "prediction_psi": _of_prediction(psi),
    "prediction_js_distance": _of_prediction(distances.js_distance),
    "class_ratio": _class_ratio,
    "events": _whole(lambda view: (view.events, view.events)),
    "latency_p50": _latency(0.50),
    "latency_p95": _latency(0.95),
    "latency_p99": _latency(0.99),
    "throughput": _whole(lambda view: (view.events / (view.window_ms / SECOND_MS), view.events)),
}
