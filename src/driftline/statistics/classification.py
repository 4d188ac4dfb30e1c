"""Precision, recall, F1 and their averages, accuracy, MCC and AUC from counts, as sklearn.metrics.

All take confusions [E, C, C] (true, predicted) and return [E] or [E, C]. An undefined value is NaN;
inside an average over the classes that occur an undefined one counts 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from driftline.records import Bools, Floats, Ints


def ratio(a: NDArray[np.generic], b: NDArray[np.generic]) -> Floats:
    """a / b; NaN where b is 0."""
    top, bottom = np.asarray(a, np.float64), np.asarray(b, np.float64)
    out = np.full(np.broadcast_shapes(top.shape, bottom.shape), np.nan)
    np.divide(top, bottom, out=out, where=bottom != 0)
    return out


@dataclass(frozen=True, slots=True)
class Hits:
    """True positives, false positives and false negatives, of one class or of many."""

    tp: Ints
    fp: Ints
    fn: Ints

    @property
    def precision(self) -> Floats:
        """TP / (TP + FP)."""
        return ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> Floats:
        """TP / (TP + FN)."""
        return ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> Floats:
        """2 TP / (2 TP + FP + FN)."""
        return ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def support(self) -> Ints:
        """Labels of the class, TP + FN."""
        return self.tp + self.fn

    @property
    def occurs(self) -> Bools:
        """Whether the class is a label or a prediction."""
        return (self.tp + self.fp + self.fn) > 0

    def of(self, code: int) -> Hits:
        """One class of many; all zeros for code -1."""
        if code < 0:
            none = np.zeros(self.tp.shape[:-1], np.int64)
            return Hits(none, none, none)
        return Hits(self.tp[..., code], self.fp[..., code], self.fn[..., code])


def hits(confusion: Ints) -> Hits:
    """Hits [E, C] of every class against the rest."""
    tp = np.diagonal(confusion, axis1=-2, axis2=-1)
    return Hits(tp, confusion.sum(axis=-2) - tp, confusion.sum(axis=-1) - tp)


def macro(each: Floats, occurs: Bools) -> Floats:
    """Plain mean over the classes that occur, undefined ones as 0."""
    return ratio(np.where(occurs, np.nan_to_num(each), 0.0).sum(axis=-1), occurs.sum(axis=-1))


def weighted(each: Floats, support: Ints) -> Floats:
    """Mean weighted by the number of labels of each class, undefined ones as 0."""
    return ratio((np.nan_to_num(each) * support).sum(axis=-1), support.sum(axis=-1))


def balanced_accuracy(h: Hits) -> Floats:
    """Mean recall over the classes that occur among the labels."""
    return macro(h.recall, h.support > 0)


def mcc(confusion: Ints) -> Floats:
    """Matthews correlation (c s - sum t_k p_k) / sqrt((s^2 - sum p_k^2)(s^2 - sum t_k^2)), Gorodkin 2004.

    NaN when all labels or all predictions are one class (sklearn gives 0). Exact in int64 up to 3e9 rows.
    """
    t, p = confusion.sum(axis=-1), confusion.sum(axis=-2)
    s, c = t.sum(axis=-1), np.trace(confusion, axis1=-2, axis2=-1)
    covariance = c * s - (t * p).sum(axis=-1)
    spread_p, spread_t = s * s - (p * p).sum(axis=-1), s * s - (t * t).sum(axis=-1)
    return ratio(covariance, np.sqrt(spread_p.astype(np.float64)) * np.sqrt(spread_t.astype(np.float64)))


def auc(negative: Ints, positive: Ints) -> tuple[Floats, Floats]:
    """Area under the ROC curve by trapezoid over score bins [E, B], and how far it can be off.

    Bound: sum_k P_k N_k / (2 P N), reached when a bin ranks all its pairs right or all wrong.
    """
    n, p = negative.astype(np.float64), positive.astype(np.float64)
    pairs = n.sum(axis=-1) * p.sum(axis=-1)
    below = np.cumsum(n, axis=-1) - n
    ties = (p * n).sum(axis=-1) / 2
    return ratio((p * below).sum(axis=-1) + ties, pairs), ratio(ties, pairs)


def macro_f1_logit_error(confusion: Ints) -> Floats:
    """Standard error of logit(macro F1) by the delta method; NaN at a macro F1 of 0 or 1.

    With cell shares p_ij of n multinomial rows, s_k = p_k. + p_.k and K classes that occur:
    dM/dp_ii = 2 (1 - F_i) / (K s_i), dM/dp_ij = -(F_i/s_i + F_j/s_j) / K; sum p_ij dM/dp_ij = 0, so
    Var M = sum p_ij (dM/dp_ij)^2 / n, and se(logit M) = sqrt(Var M) / (M (1 - M)). After Takahashi,
    Yamamoto, Kuchiba, Koyama, "Confidence interval for micro-averaged F1 and macro-averaged F1 scores",
    Applied Intelligence 52 (2022); the logit keeps the limits inside (0, 1).
    """
    h = hits(confusion)
    n, kinds = confusion.sum(axis=(-2, -1)), h.occurs.sum(axis=-1)
    f, s = np.nan_to_num(h.f1), (2 * h.tp + h.fp + h.fn).astype(np.float64)
    lost, won = np.nan_to_num(ratio(f, s)), np.nan_to_num(ratio(2 * (1 - f), s))
    slope = -(lost[..., :, None] + lost[..., None, :])
    k = np.arange(confusion.shape[-1])
    slope[..., k, k] = won
    error = ratio(np.sqrt((confusion * slope**2).sum(axis=(-2, -1))), kinds)
    m = macro(h.f1, h.occurs)
    return np.where(n > 0, ratio(error, m * (1 - m)), np.nan)
