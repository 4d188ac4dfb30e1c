"""Standard errors of statistics that are no shares, from what a window keeps: counts, and sums.

All take windows [E, …] and give [E]; NaN where there is too little to tell, or nothing varies on that scale.
They are of sampling alone: rows are taken as independent.
"""

from __future__ import annotations

import numpy as np

from driftline.aggregates.scores import CLIP
from driftline.records import Bools, Floats, Ints
from driftline.statistics.classification import Hits, hits, ratio


def auc_logit_error(negative: Ints, positive: Ints, auc: Floats) -> Floats:
    """Of logit(AUC), by DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988) over score bins [E, B].

    A positive's share of negatives below it, ties by half, has the variance S10, a negative's of positives
    above it S01: Var = S10/P + S01/N. Ties are scores of one bin. NaN at an AUC of 0 or 1.
    """
    n, p = negative.astype(np.float64), positive.astype(np.float64)
    below = ratio(np.cumsum(n, axis=-1) - n / 2, n.sum(axis=-1, keepdims=True))
    above = ratio(p[..., ::-1].cumsum(axis=-1)[..., ::-1] - p / 2, p.sum(axis=-1, keepdims=True))
    variance = _of_mean(below, p) + _of_mean(above, n)
    return ratio(np.sqrt(variance), auc * (1 - auc))


def _of_mean(values: Floats, counts: Floats) -> Floats:
    """Variance of the mean of values [E, B] that occur so often."""
    n = counts.sum(axis=-1)
    mean = ratio((values * counts).sum(axis=-1), n)
    squares = (np.nan_to_num(values - mean[..., None]) ** 2 * counts).sum(axis=-1)
    return ratio(squares, n * (n - 1))


def score_losses(edges: Floats) -> tuple[Floats, Floats]:
    """Log loss and squared error [2, B] of a label 0 and a label 1 whose score lies in the middle of each bin."""
    inner = (edges[:-1] + edges[1:]) / 2
    middle = np.clip(np.concatenate(([edges[0]], inner, [edges[-1]])), CLIP, 1.0 - CLIP)
    return -np.log(np.stack([1 - middle, middle])), np.stack([middle**2, (1 - middle) ** 2])


def loss_log_errors(both: Ints, edges: Floats) -> tuple[Floats, Floats]:
    """Of the logarithms of log loss and Brier score, from score bins [E, 2, B] of labels 0 and 1."""
    counts = both.reshape(len(both), -1).astype(np.float64)
    log_loss, brier = (_relative(losses.ravel(), counts) for losses in score_losses(edges))
    return log_loss, brier


def _relative(losses: Floats, counts: Floats) -> Floats:
    """Standard error of the mean loss over that mean."""
    mean = ratio(counts @ losses, counts.sum(axis=-1))
    return ratio(np.sqrt(_of_mean(np.broadcast_to(losses, counts.shape), counts)), mean)


def recall_logit_error(h: Hits) -> Floats:
    """Of logit(balanced accuracy): the mean of K independent shares r_k of n_k labels, Var = Σ r(1-r)/n / K²."""
    return _mean_of_shares(h.recall, h.support, h.support > 0)


def macro_logit_error(shares: Floats, of: Ints, occurs: Bools) -> Floats:
    """Of logit(macro precision or recall) over the classes that occur; an undefined share is 0 and certain."""
    return _mean_of_shares(shares, of, occurs)


def _mean_of_shares(shares: Floats, of: Ints, counted: Bools) -> Floats:
    known = np.where(counted, np.nan_to_num(shares), 0.0)
    kinds = counted.sum(axis=-1)
    mean = ratio(known.sum(axis=-1), kinds)
    variance = np.nan_to_num(ratio(known * (1 - known), of)).sum(axis=-1)
    return ratio(ratio(np.sqrt(variance), kinds), mean * (1 - mean))


def weighted_logit_errors(confusion: Ints) -> tuple[Floats, Floats]:
    """Of the logits of weighted precision and weighted F1, by the delta method over multinomial cells.

    With shares t_k of labels and q_k of predictions, precision M = Σ t_k p_kk/q_k and F1 M = Σ t_k F_k,
    F_k = 2 p_kk/(t_k + q_k): Var M = (Σ p_ij g_ij² - (Σ p_ij g_ij)²)/n with g_ij = dM/dp_ij.
    """
    h = hits(confusion)
    n = confusion.sum(axis=(-2, -1)).astype(np.float64)
    cells = ratio(confusion.astype(np.float64), n[..., None, None])
    t, q = cells.sum(axis=-1), cells.sum(axis=-2)
    precision, f1 = np.nan_to_num(h.precision), np.nan_to_num(h.f1)
    over_q, over_s = np.nan_to_num(ratio(t, q)), np.nan_to_num(ratio(t, t + q))
    return (
        _delta(cells, n, precision, -over_q * precision, over_q, (t * precision).sum(axis=-1)),
        _delta(cells, n, f1 - over_s * f1, -over_s * f1, 2 * over_s, (t * f1).sum(axis=-1)),
    )


def _delta(cells: Floats, n: Floats, row: Floats, column: Floats, own: Floats, mean: Floats) -> Floats:
    """The slope of cell (i, j) is row_i + column_j, and own_i more on the diagonal."""
    slope = row[..., :, None] + column[..., None, :]
    k = np.arange(cells.shape[-1])
    slope[..., k, k] += own
    first = (cells * slope).sum(axis=(-2, -1))
    variance = np.maximum((cells * slope**2).sum(axis=(-2, -1)) - first**2, 0.0)
    return ratio(np.sqrt(ratio(variance, n)), mean * (1 - mean))
