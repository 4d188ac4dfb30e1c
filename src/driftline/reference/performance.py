"""Validation metrics of the reference, with the confusion or sums that their uncertainty needs.

Conventions are those of sklearn.metrics; an undefined metric is left out, never 0. Inside macro and
weighted averages an undefined one counts 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from driftline.records import Bools, Coded, Codes32, Floats, Ints
from driftline.reference import calibration

_TINY = 2.0**-52
"""Probabilities are clipped to [2^-52, 1 - 2^-52] in the log loss."""
_CHUNK_ROWS = 1 << 20
"""Long columns are gone through in pieces, so that intermediate arrays stay small."""
Metrics = dict[str, Any]


def _chunks(rows: int) -> Iterator[slice]:
    return (slice(i, i + _CHUNK_ROWS) for i in range(0, rows, _CHUNK_ROWS))


def classification(
    label: Coded, predicted: Coded, score: Floats | None, positive: str | None
) -> Mapping[str, Any]:
    """``{"classes", "confusion" [true][predicted], "n", "positive", "metrics", "errors"}`` of the rows that have both.

    ``metrics`` holds one number a statistic for a binary task; without a ``positive`` precision, recall
    and f1 are ``{"macro": …, "micro": …, "weighted": …}``. ``errors`` are standard errors of what is no share.
    Where there are scores of a positive class, ``calibration`` has the sums that ``ece`` is made of.
    """
    classes = sorted({*_occurring(label), *_occurring(predicted)})
    true, answer = _recoded(label, classes), _recoded(predicted, classes)
    confusion = _confusion(true, answer, len(classes))
    labelled, is_positive = true >= 0, _is(true, classes, positive)
    del true, answer
    metrics, errors = confusion_metrics(confusion, classes, positive), Metrics()
    sums: Mapping[str, list[float]] = {}
    if score is not None and positive is not None:
        of_scores, errors = score_metrics(score, labelled, is_positive)
        metrics |= of_scores
        sums = calibration.sums(score, labelled, is_positive)
        metrics |= calibration.expected_error(sums)
    return {
        "classes": classes,
        "confusion": confusion.tolist(),
        "n": int(confusion.sum()),
        "positive": positive,
        "metrics": metrics,
        "errors": errors,
        **({"calibration": sums} if sums else {}),
    }


def _confusion(true: Codes32, answer: Codes32, k: int) -> Ints:
    """Counts [true, predicted] of the rows that have both."""
    counts = np.zeros(k * k, np.int64)
    for rows in _chunks(true.size):
        both = (true[rows] >= 0) & (answer[rows] >= 0)
        cells = true[rows][both].astype(np.int64) * k + answer[rows][both]
        counts += np.bincount(cells, minlength=k * k)
    return counts.reshape(k, k)


def _occurring(coded: Coded) -> set[str]:
    present = np.zeros(len(coded.values) + 2, np.bool_)
    for rows in _chunks(coded.codes.size):
        present[coded.codes[rows]] = True
    return {value for value, found in zip(coded.values, present, strict=False) if found}


def _recoded(coded: Coded, classes: Sequence[str]) -> Codes32:
    """Codes into ``classes``; -1 for missing and invalid."""
    places = {name: i for i, name in enumerate(classes)}
    translation = np.array([*(places.get(value, -1) for value in coded.values), -1, -1], np.int32)
    return translation[coded.codes]


def _is(codes: Codes32, classes: Sequence[str], positive: str | None) -> Bools:
    return np.asarray(codes == (classes.index(positive) if positive in classes else len(classes)))


def thresholded(score: Floats, positive: str, negative: str, threshold: float) -> Coded:
    """The class that a score means, as events that have nothing else: positive where score >= threshold.

    Missing where the score is no probability (NaN, or outside [0, 1]): such an event is not usable either.
    """
    usable = (score >= 0) & (score <= 1)
    codes: Codes32 = np.where(usable, (score < threshold).astype(np.int32), np.int32(-1))
    return Coded(codes, (positive, negative))


def confusion_metrics(confusion: Ints, classes: Sequence[str], positive: str | None) -> Metrics:
    """Accuracy, precision, recall, f1, balanced_accuracy and mcc of counts [true, predicted]."""
    total = int(confusion.sum())
    if total == 0:
        return {}
    hits = confusion.diagonal().astype(float)
    support, answered = confusion.sum(axis=1).astype(float), confusion.sum(axis=0).astype(float)
    parts = {
        "precision": _ratio(hits, answered),
        "recall": _ratio(hits, support),
        "f1": _ratio(2 * hits, support + answered),
    }
    metrics: Metrics = {"accuracy": float(hits.sum() / total)}
    metrics["balanced_accuracy"] = float(parts["recall"][support > 0].mean())
    metrics |= _mcc(hits, support, answered)
    for name, part in parts.items():
        averages = {name: _averages(part, hits, support, answered)}
        metrics |= _binary(name, part, classes, positive) if positive else averages
    return metrics


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.asarray(np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0))


def _binary(name: str, part: Floats, classes: Sequence[str], positive: str) -> Metrics:
    value = float(part[classes.index(positive)]) if positive in classes else float("nan")
    return {name: value} if np.isfinite(value) else {}


def _averages(part: Floats, hits: Floats, support: Floats, answered: Floats) -> Metrics:
    occurring = (support + answered) > 0
    known = np.nan_to_num(part)
    return {
        "macro": float(known[occurring].mean()),
        "micro": float(hits.sum() / support.sum()),
        "weighted": float((known * support).sum() / support.sum()),
    }


def _mcc(hits: Floats, support: Floats, answered: Floats) -> Metrics:
    """Matthews' correlation of K classes; undefined where one side has a single class."""
    n = support.sum()
    below = np.sqrt((n * n - (answered * answered).sum()) * (n * n - (support * support).sum()))
    return {"mcc": float((hits.sum() * n - (support * answered).sum()) / below)} if below > 0 else {}


def score_metrics(score: Floats, labelled: Bools, positive: Bools) -> tuple[Metrics, Metrics]:
    """log_loss (natural), brier Σ(p-y)²/n, and exact rank AUC, over labelled rows with 0 <= score <= 1.

    Also their standard errors: of means, and DeLong's of the AUC.
    """
    usable = labelled & (score >= 0) & (score <= 1)
    p, y = score[usable], positive[usable]
    if not p.size:
        return {}, {}
    sums = np.sum([_losses(p[rows], y[rows]) for rows in _chunks(p.size)], axis=0)
    metrics = {"log_loss": float(sums[0]) / p.size, "brier": float(sums[1]) / p.size}
    errors = {"log_loss": mean_error(sums[0], sums[2], p.size), "brier": mean_error(sums[1], sums[3], p.size)}
    ones, zeros = p[y], p[~y]
    del p, y
    if ones.size and zeros.size:
        metrics["auc"], errors["auc"] = _auc(ones, zeros)
    return metrics, _finite(errors)


def _losses(p: Floats, y: Bools) -> tuple[float, float, float, float]:
    """Sums of the log loss, of (p - y)², and of the squares of both."""
    clipped = np.clip(p, _TINY, 1 - _TINY)
    log_loss, brier = -np.log(np.where(y, clipped, 1 - clipped)), np.square(p - y)
    return (
        float(log_loss.sum()),
        float(brier.sum()),
        float(np.square(log_loss).sum()),
        float(np.square(brier).sum()),
    )


def mean_error(total: float, squares: float, n: int) -> float:
    """Standard error of the mean of n numbers with that sum and sum of squares; NaN below two."""
    return float(np.sqrt(max(squares - total * total / n, 0.0) / (n - 1) / n)) if n > 1 else float("nan")


def _finite(metrics: Metrics) -> Metrics:
    return {name: value for name, value in metrics.items() if np.isfinite(value)}


def _auc(ones: Floats, zeros: Floats) -> tuple[float, float]:
    """P(score of a positive > of a negative) + ½ P(equal), exactly, and its error. Sorts its arguments."""
    ones.sort()
    zeros.sort()
    twice, of_ones = _twice_above(ones, zeros)
    _, of_zeros = _twice_above(zeros, ones)
    p, n = ones.size, zeros.size
    variance = _variance(twice, of_ones, p) / (2 * n) ** 2 / p
    variance += _variance(2 * p * n - twice, of_zeros, n) / (2 * p) ** 2 / n
    return twice / (2 * p * n), float(np.sqrt(variance))


def _variance(total: int, squares: float, n: int) -> float:
    return max(squares - total * total / n, 0.0) / (n - 1) if n > 1 else float("nan")


def _twice_above(values: Floats, others: Floats) -> tuple[int, float]:
    """Sum over values of twice the number of others below, ties counted once; and the sum of its squares."""
    total, squares = 0, 0.0
    for rows in _chunks(values.size):
        below, not_above = (np.searchsorted(others, values[rows], side=side) for side in ("left", "right"))
        twice = below + not_above
        total += int(twice.sum())
        squares += float(np.square(twice.astype(np.float64)).sum())
    return total, squares


@np.errstate(over="ignore", invalid="ignore")
def regression(label: Floats, predicted: Floats) -> Mapping[str, Any]:
    """``{"n", "metrics", "sums", "errors"}`` of the rows that have both; ``mape`` leaves labels of 0 out."""
    both = np.isfinite(label) & np.isfinite(predicted)
    n = int(np.count_nonzero(both))
    if not n:
        return {"n": 0, "metrics": {}, "sums": {}, "errors": {}}
    mean = float(label.mean(where=both))
    with np.errstate(over="ignore", invalid="ignore"):
        parts = [_error_sums(label[r][both[r]], predicted[r][both[r]], mean) for r in _chunks(both.size)]
    sums: dict[str, float] = {name: sum(part[name] for part in parts) for name in parts[0]}
    metrics, fourth = _regression_metrics(sums, n), sums.pop("fourth_error")
    errors = _finite(_regression_errors(sums, fourth, metrics.get("rmse", 0.0), n))
    return {"n": n, "metrics": metrics, "sums": sums, "errors": errors}


def _error_sums(y: Floats, predicted: Floats, mean: float) -> dict[str, float]:
    error, other = predicted - y, y != 0
    return {
        "error": float(error.sum()),
        "absolute_error": float(np.abs(error).sum()),
        "squared_error": float(np.square(error).sum()),
        "fourth_error": float(np.square(np.square(error)).sum()),
        "squared_deviation": float(np.square(y - mean).sum()),
        "absolute_relative_error": float(np.abs(error[other] / y[other]).sum()),
        "zero_labels": int(y.size - np.count_nonzero(other)),
    }


def _regression_errors(sums: Mapping[str, float], fourth: float, rmse: float, n: int) -> Metrics:
    """Standard errors; of RMSE by the delta method."""
    squares = sums["squared_error"]
    of_square = mean_error(squares, fourth, n)
    return {
        "mae": mean_error(sums["absolute_error"], squares, n),
        "rmse": of_square / (2 * rmse) if rmse > 0 else float("nan"),
        "bias": mean_error(sums["error"], squares, n),
    }


def _regression_metrics(sums: Mapping[str, float], n: int) -> Metrics:
    metrics = {
        "mae": sums["absolute_error"] / n,
        "rmse": float(np.sqrt(sums["squared_error"] / n)),
        "bias": sums["error"] / n,
    }
    if sums["squared_deviation"] > 0:
        metrics["r2"] = 1 - sums["squared_error"] / sums["squared_deviation"]
    if n > sums["zero_labels"]:
        metrics["mape"] = sums["absolute_relative_error"] / (n - sums["zero_labels"])
    return _finite(metrics)
