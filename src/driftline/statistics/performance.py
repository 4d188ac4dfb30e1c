"""Performance statistics of windows: from summed counts to values with n, gate and limits."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from driftline.aggregates.performance import EVENTS, HEAD, LABELLED, SCORED, ZERO_LABELS, PerformanceLayout
from driftline.aggregates.scores import UNIT
from driftline.records import Bools, Dimension, Evaluation, Floats, Ints, unnamed_negative
from driftline.settings import DEFAULT_GATES, GATED_AS, Task
from driftline.statistics import calibration, errors
from driftline.statistics import classification as c
from driftline.statistics.binary import name_negative, negative_of
from driftline.statistics.intervals import BY_ERROR, KIND, TWO_SIDED, limits, quantile
from driftline.statistics.regression import ERRORS as REGRESSION_ERRORS
from driftline.statistics.regression import NAMES as REGRESSION
from driftline.statistics.regression import regression_statistics

NAMES = (
    "events", "labelled", "label_coverage", "accuracy", "precision", "recall", "f1", "balanced_accuracy",
    "mcc", "auc", "log_loss", "brier", "ece", *REGRESSION,
)  # fmt: skip
UNGATED = frozenset({"events", "labelled", "label_coverage"})
EXTRA = ("successes", "trials", "f_scale", *BY_ERROR, "upward")


@dataclass(slots=True)
class Column:
    """One statistic of one dimension at E ends."""

    statistic: str
    dimension: Dimension
    value: Floats
    n: Ints
    sufficient: Bools
    extra: dict[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Slice:
    """What is counted of all rows, or of those of one segment value."""

    labelled: Ints
    events: Ints
    confusion: Ints
    """[E, C, C]"""
    covered: Bools
    segment: tuple[str, str] | None = None


def evaluate_performance(
    layout: PerformanceLayout,
    counts: Ints,
    sums: Ints,
    gates: Mapping[str, int],
    min_coverage: float,
    statistics: Collection[str] | None = None,
) -> list[Evaluation]:
    """Every performance statistic of the task at E window ends.

    Parameters
    ----------
    counts, sums
        [E, layout.count_size] and [E, layout.sum_size], one window's totals each.
    gates
        Least denominators, see ``settings.DEFAULT_GATES``, whose values stand in for missing ones.
    min_coverage
        Below this labelled/events (per segment: the segment's) all but ``events``, ``labelled`` and
        ``label_coverage`` is insufficient.
    statistics
        The names wanted; None: all.

    Notes
    -----
    n is the gate's count: labels of the class (TP+FN) for recall and F1, predictions of it (TP+FP) for
    precision, labelled rows for accuracy, averages and MCC, rows with a score for log loss, Brier and ECE,
    the scarcer label for AUC, rows with y != 0 for MAPE. Classes that occur at no end have no column.
    Predictions by score alone of a binary task whose other class has no name yet count as of the class
    that the window's labels call it by, see ``statistics.binary``.
    """
    wanted = set(NAMES if statistics is None else statistics)
    counts = np.asarray(counts, np.int64)
    gate = {**DEFAULT_GATES, **gates}
    columns: list[Column] = []
    for part in _named(layout, list(_slices(layout, counts, min_coverage))):
        columns += _coverage(part)
        if layout.task is not Task.REGRESSION and not wanted.isdisjoint(_FROM_CONFUSION):
            columns += _from_confusion(layout, part, gate)
    columns += _from_sums(layout, counts, sums, gate, min_coverage, wanted)
    found = [[column for column in columns if column.statistic == name] for name in NAMES if name in wanted]
    return [_evaluation(group) for group in found if group]


_FROM_CONFUSION = ("accuracy", "precision", "recall", "f1", "balanced_accuracy", "mcc")


def _slices(layout: PerformanceLayout, counts: Ints, min_coverage: float) -> Iterator[Slice]:
    yield _slice(layout, counts, LABELLED, HEAD, min_coverage, None)
    for (name, values), start in zip(layout.segments, layout.segment_places, strict=True):
        for i, value in enumerate(values):
            at = start + i * layout.block
            yield _slice(layout, counts, at, at + 2, min_coverage, (name, value))


def _slice(
    layout: PerformanceLayout,
    counts: Ints,
    at: int,
    cells: int,
    least: float,
    segment: tuple[str, str] | None,
) -> Slice:
    labelled, events = counts[:, at + LABELLED], counts[:, at + EVENTS]
    room, order = layout.capacity, _by_name(layout)
    confusion = counts[:, cells : cells + layout.cells].reshape(len(counts), room, room)
    confusion = confusion[:, order[:, None], order]
    return Slice(labelled, events, confusion, _covered(labelled, events, least), segment)


def _named(layout: PerformanceLayout, parts: list[Slice]) -> list[Slice]:
    """The slices with the other class of a binary task under one name, that of all rows for each segment."""
    names, unnamed = sorted(layout.classes), unnamed_negative(layout.positive)
    if layout.task is not Task.BINARY or unnamed not in names or layout.positive not in names:
        return parts
    at = names.index(layout.positive), names.index(unnamed)
    negative = negative_of(parts[0].confusion, *at)
    return [replace(part, confusion=name_negative(part.confusion, *at, negative)) for part in parts]


def _by_name(layout: PerformanceLayout) -> Ints:
    """Codes of the classes in the order of their names: that of first appearance is that of reading."""
    known = min(len(layout.classes), layout.capacity)  # a regression counts no classes
    return np.array(sorted(range(known), key=layout.classes.__getitem__), np.int64)


def _covered(labelled: Ints, events: Ints, least: float) -> Bools:
    return (events > 0) & (labelled >= least * events)


def _coverage(part: Slice) -> list[Column]:
    here = Dimension(segment=part.segment)
    everywhere = np.ones(len(part.events), bool)
    return [
        Column("events", here, part.events.astype(np.float64), part.events, everywhere),
        Column("labelled", here, part.labelled.astype(np.float64), part.labelled, everywhere),
        _share("label_coverage", here, part.labelled, part.events, part.events, everywhere),
    ]


def _share(statistic: str, at: Dimension, k: Ints, of: Ints, n: Ints, sufficient: Bools) -> Column:
    """A proportion with Wilson limits."""
    extra = {"successes": k.astype(np.float64), "trials": of.astype(np.float64)}
    return Column(statistic, at, c.ratio(k, of), n, sufficient, extra)


def _from_confusion(layout: PerformanceLayout, part: Slice, gate: Mapping[str, int]) -> list[Column]:
    each = c.hits(part.confusion)
    n = part.confusion.sum(axis=(1, 2))
    right = np.trace(part.confusion, axis1=1, axis2=2)
    overall = Dimension(segment=part.segment)
    columns = [_share("accuracy", overall, right, n, n, part.covered & (n >= gate["accuracy"]))]
    if layout.task is Task.BINARY:
        at = Dimension(segment=part.segment, average="binary")
        positive = np.flatnonzero(_by_name(layout) == layout.positive_code)
        columns += _one_class(at, each.of(int(positive[0]) if len(positive) else -1), part.covered, gate)
    enough = part.covered & (n >= gate["averages"])
    if part.segment is None:
        names = sorted(layout.classes)
        for place in np.flatnonzero(each.occurs.any(axis=0)).tolist():
            columns += _one_class(Dimension(class_=names[place]), each.of(place), part.covered, gate)
        columns += _micro_and_weighted(part, each, right, n, enough)
        columns += _whole(part, each, n, gate)
    if part.segment is None or layout.task is Task.MULTICLASS:
        columns += _macro(part, each, n, enough)
    return columns


def _one_class(at: Dimension, h: c.Hits, covered: Bools, gate: Mapping[str, int]) -> list[Column]:
    predicted = h.tp + h.fp
    f1 = _share("f1", at, h.tp, predicted + h.fn, h.support, covered & (h.support >= gate["f1"]))
    f1.value = h.f1
    f1.extra["f_scale"] = np.ones(len(h.tp))
    return [
        _share("precision", at, h.tp, predicted, predicted, covered & (predicted >= gate["precision"])),
        _share("recall", at, h.tp, h.support, h.support, covered & (h.support >= gate["recall"])),
        f1,
    ]


def _micro_and_weighted(part: Slice, each: c.Hits, right: Ints, n: Ints, enough: Bools) -> Iterator[Column]:
    """Micro averages over all classes are all the accuracy, and so is recall weighted by labels."""
    of_precision, of_f1 = errors.weighted_logit_errors(part.confusion)
    weighted = Dimension(average="weighted")
    for name in ("precision", "recall", "f1"):
        yield _share(name, Dimension(average="micro"), right, n, n, enough)
    yield Column(
        "precision", weighted, c.weighted(each.precision, each.support), n, enough, {"se_logit": of_precision}
    )
    yield _share("recall", weighted, right, n, n, enough)
    yield Column("f1", weighted, c.weighted(each.f1, each.support), n, enough, {"se_logit": of_f1})


def _macro(part: Slice, each: c.Hits, n: Ints, enough: Bools) -> Iterator[Column]:
    at, occurs = Dimension(segment=part.segment, average="macro"), each.occurs
    found = (
        ("precision", each.precision, errors.macro_logit_error(each.precision, each.tp + each.fp, occurs)),
        ("recall", each.recall, errors.macro_logit_error(each.recall, each.support, occurs)),
        ("f1", each.f1, c.macro_f1_logit_error(part.confusion)),
    )
    for name, values, error in found:
        yield Column(name, at, c.macro(values, occurs), n, enough, {"se_logit": error})


def _whole(part: Slice, each: c.Hits, n: Ints, gate: Mapping[str, int]) -> Iterator[Column]:
    balanced = part.covered & (n >= gate["balanced_accuracy"])
    extra = {"se_logit": errors.recall_logit_error(each)}
    yield Column("balanced_accuracy", Dimension(), c.balanced_accuracy(each), n, balanced, extra)
    yield Column("mcc", Dimension(), c.mcc(part.confusion), n, part.covered & (n >= gate["mcc"]))


def _from_sums(
    layout: PerformanceLayout,
    counts: Ints,
    sums: Ints,
    gate: Mapping[str, int],
    least: float,
    wanted: set[str],
) -> Iterator[Column]:
    covered = _covered(counts[:, LABELLED], counts[:, EVENTS], least)
    if layout.task is Task.REGRESSION:
        if not wanted.isdisjoint(REGRESSION):
            yield from _regression(counts, sums, covered, gate["regression"])
        return
    n = counts[:, SCORED]
    binary = layout.task is Task.BINARY
    both = counts[:, layout.histograms :][:, : 2 * layout.bins].reshape(len(counts), 2, layout.bins)
    of_loss = errors.loss_log_errors(both, layout.edges) if binary else ()
    for i, name in enumerate(("log_loss", "brier")):
        extra = {KIND[name]: of_loss[i]} if of_loss else {}
        yield Column(name, Dimension(), c.ratio(sums[:, i] / UNIT, n), n, covered & (n >= gate[name]), extra)
    if binary:
        yield _auc(both, covered, gate["auc"])
    if binary and "ece" in wanted:
        found, whole = calibration.of_windows(both, sums, layout.edges)
        extra = {KIND["ece"]: found.error, "upward": found.upward}
        sufficient = covered & whole & (n >= gate[GATED_AS["ece"]])
        yield Column("ece", Dimension(), found.value, n, sufficient, extra)


def _auc(both: Ints, covered: Bools, least: int) -> Column:
    value, bound = c.auc(both[:, 0], both[:, 1])
    extra = {"bound": bound, KIND["auc"]: errors.auc_logit_error(both[:, 0], both[:, 1], value)}
    n = both.sum(axis=2).min(axis=1)
    return Column("auc", Dimension(), value, n, covered & (n >= least), extra)


def _regression(counts: Ints, sums: Ints, covered: Bools, least: int) -> Iterator[Column]:
    n, zeros = counts[:, SCORED], counts[:, ZERO_LABELS]
    each = [regression_statistics(s, int(a), int(b)) for s, a, b in zip(sums, n, zeros, strict=True)]
    for name in REGRESSION:
        of = n - zeros if name == "mape" else n
        value = np.array([found.values[name] for found in each], np.float64)
        known = name in REGRESSION_ERRORS
        extra = {KIND[name]: np.array([found.errors[name] for found in each], np.float64)} if known else {}
        yield Column(name, Dimension(), value, of, covered & (of >= least), extra)


def _evaluation(columns: list[Column]) -> Evaluation:
    value = _stack([column.value for column in columns])
    extra = {
        name: _extra(columns, name) for name in sorted({name for column in columns for name in column.extra})
    }
    low, high = None, None
    if extra.keys() & set(EXTRA):
        extra |= {name: np.full_like(value, np.nan) for name in EXTRA if name not in extra}
        low, high = limits(value, extra, quantile((1 + TWO_SIDED) / 2))
    return Evaluation(
        columns[0].statistic,
        tuple(column.dimension for column in columns),
        value,
        np.stack([column.n for column in columns], axis=1),
        np.stack([column.sufficient for column in columns], axis=1),
        low,
        high,
        extra,
    )


def _extra(columns: list[Column], name: str) -> Floats:
    return _stack([column.extra.get(name, np.full(len(column.value), np.nan)) for column in columns])


def _stack(columns: list[Floats]) -> Floats:
    return np.stack(columns, axis=1)
