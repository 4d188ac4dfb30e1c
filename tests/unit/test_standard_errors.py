"""Intervals of statistics that are no shares: against other formulas, and by how often they hold the truth."""

from __future__ import annotations

from math import isnan, nan, sqrt

import numpy as np
import pytest
from sklearn import metrics

from driftline.aggregates.performance import Changes, PerformanceLayout
from driftline.records import Coded, Dimension, Evaluation, Floats
from driftline.reference import performance
from driftline.settings import DEFAULT_GATES, Task
from driftline.statistics import intervals
from driftline.statistics.classification import hits
from driftline.statistics.performance import evaluate_performance

ALL = Dimension()
Found = dict[str, Evaluation]


def judged(layout: PerformanceLayout, changes: list[Changes]) -> Found:
    """All samples [E, …] of as many windows."""
    totals = [layout.totals(one, np.arange(len(one.sign))) for one in changes]
    counts, sums = np.stack([t.counts for t in totals]), np.stack([t.sums for t in totals])
    counts[:, 1] = counts[:, 0]
    return {e.statistic: e for e in evaluate_performance(layout, counts, sums, DEFAULT_GATES, 0.0)}


def binary(truth: Floats, score: Floats) -> Changes:
    n, codes = len(truth), np.asarray(truth, np.int32)
    return Changes(
        np.ones(n, np.int64), codes, (score >= 0.5).astype(np.int32), score, None, np.full(n, nan), np.full(n, nan),
        np.zeros((n, 0), np.int32),
    )  # fmt: skip


def classes(truth: Floats, predicted: Floats) -> Changes:
    n, none = len(truth), np.full(len(truth), nan)
    codes = np.asarray(truth, np.int32), np.asarray(predicted, np.int32)
    return Changes(np.ones(n, np.int64), *codes, none, None, none, none, np.zeros((n, 0), np.int32))


def regression(truth: Floats, predicted: Floats) -> Changes:
    n, none = len(truth), np.zeros(len(truth), np.int32)
    return Changes(
        np.ones(n, np.int64), none, none, np.full(n, nan), None, truth, predicted, np.zeros((n, 0), np.int32)
    )


def place(found: Found, name: str, at: Dimension) -> int:
    return found[name].dimensions.index(at)


def coverage(found: Found, name: str, truth: float, at: Dimension = ALL) -> float:
    """How often the 95 % interval holds the truth."""
    e, k = found[name], place(found, name, at)
    assert e.low is not None
    assert e.high is not None
    return float(np.mean((e.low[:, k] <= truth) & (truth <= e.high[:, k])))


BINARY = PerformanceLayout.of(Task.BINARY, ("n", "y"), "y")
REGRESSION = PerformanceLayout.of(Task.REGRESSION)


def scored(rng: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    """Labels, and calibrated scores of a middling model."""
    score = 1 / (1 + np.exp(-rng.normal(-0.5, 1.5, n)))
    return (rng.random(n) < score).astype(np.float64), score


def delong(truth: Floats, score: Floats) -> float:
    """The standard error by placements, pair by pair."""
    ones, zeros = score[truth == 1], score[truth == 0]
    wins = (ones[:, None] > zeros) + 0.5 * (ones[:, None] == zeros)
    a, b = wins.mean(axis=1), wins.mean(axis=0)
    return sqrt(a.var(ddof=1) / len(ones) + b.var(ddof=1) / len(zeros))


@pytest.mark.parametrize("seed", range(3))
def test_the_error_of_auc_is_delongs(seed: int) -> None:
    """To three thousandths: scores of one bin count as ties."""
    truth, score = scored(np.random.default_rng(seed), 1500)
    found = judged(BINARY, [binary(truth, score)])["auc"]
    value, error = float(found.value[0, 0]), float(found.extra["se_logit"][0, 0])
    assert value == pytest.approx(metrics.roc_auc_score(truth, score), abs=1e-3)
    assert error * value * (1 - value) == pytest.approx(delong(truth, score), rel=3e-3)


@pytest.mark.parametrize("seed", range(3))
def test_the_errors_of_losses_are_those_of_their_rows(seed: int) -> None:
    """The spread of the bins' middles is that of the rows."""
    truth, score = scored(np.random.default_rng(seed), 3000)
    found = judged(BINARY, [binary(truth, score)])
    losses = {
        "log_loss": -np.log(np.where(truth == 1, score, 1 - score)),
        "brier": (score - truth) ** 2,
    }
    for name, each in losses.items():
        error = float(found[name].extra["se_log"][0, 0])
        assert error == pytest.approx(each.std(ddof=1) / sqrt(len(each)) / each.mean(), rel=5e-3)


def test_intervals_of_scores_hold_the_truth_as_often_as_they_say() -> None:
    """AUC, log loss and Brier of 400 windows of 600 rows; the truth is that of two million."""
    rng = np.random.default_rng(0)
    truth, score = scored(rng, 2_000_000)
    true = {
        "auc": metrics.roc_auc_score(truth, score),
        "log_loss": metrics.log_loss(truth, score),
        "brier": metrics.brier_score_loss(truth, score),
    }
    found = judged(BINARY, [binary(*scored(rng, 600)) for _ in range(400)])
    assert {name: coverage(found, name, value) for name, value in true.items()} == {
        name: pytest.approx(0.95, abs=0.03) for name in true
    }


LAWS = {
    "normal": lambda rng, n: rng.normal(0.3, 1, n),
    "uniform": lambda rng, n: rng.uniform(-1, 1, n),
    "laplace": lambda rng, n: rng.laplace(0, 1, n),
    "student 5": lambda rng, n: rng.standard_t(5, n),
    "skewed": lambda rng, n: rng.exponential(1, n) - 1,
    "biased": lambda rng, n: rng.normal(3, 1, n),
}


@pytest.mark.parametrize("law", LAWS)
def test_intervals_of_errors_hold_the_truth_as_often_as_they_say(law: str) -> None:
    """MAE, RMSE and bias of 400 windows of 500 rows, whatever the errors are like; a little less with heavy tails."""
    rng = np.random.default_rng(1)
    many = LAWS[law](rng, 2_000_000)
    true = {"mae": np.abs(many).mean(), "rmse": sqrt((many**2).mean()), "bias": many.mean()}
    truth = [rng.normal(50, 10, 500) for _ in range(400)]
    found = judged(REGRESSION, [regression(t, t + LAWS[law](rng, 500)) for t in truth])
    for name, value in true.items():
        assert coverage(found, name, value) == pytest.approx(0.95, abs=0.05 if law == "student 5" else 0.03)


def test_intervals_of_averages_hold_the_truth_as_often_as_they_say() -> None:
    """Macro and weighted precision, recall and F1, and balanced accuracy, of 400 windows of 900 rows."""
    rng = np.random.default_rng(2)
    cells = np.array([[0.30, 0.05, 0.02], [0.06, 0.25, 0.04], [0.02, 0.06, 0.20]])
    layout = PerformanceLayout.of(Task.MULTICLASS, ("a", "b", "c"))
    drawn = [rng.choice(9, 900, p=cells.ravel()) for _ in range(400)]
    found = judged(layout, [classes(one // 3, one % 3) for one in drawn])
    huge = np.rint(cells * 1e9).astype(np.int64)[None]
    h = hits(huge)
    parts = {"precision": h.precision[0], "recall": h.recall[0], "f1": h.f1[0]}
    share = huge[0].sum(axis=1) / huge.sum()
    for name, part in parts.items():
        assert coverage(found, name, part.mean(), Dimension(average="macro")) == pytest.approx(0.95, abs=0.03)
        weighted = float((part * share).sum())
        assert coverage(found, name, weighted, Dimension(average="weighted")) == pytest.approx(0.95, abs=0.03)
    assert coverage(found, "balanced_accuracy", parts["recall"].mean()) == pytest.approx(0.95, abs=0.03)


@pytest.mark.parametrize("seed", range(3))
def test_the_errors_of_a_regression_are_those_of_its_rows(seed: int) -> None:
    """By numpy on the rows themselves."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(5, 2, 700)
    e = rng.standard_t(4, 700)
    found = judged(REGRESSION, [regression(truth, truth + e)])
    expected = {
        "mae": np.abs(e).std(ddof=1) / sqrt(700) / np.abs(e).mean(),
        "rmse": (e**2).std(ddof=1) / sqrt(700) / (e**2).mean() / 2,
        "bias": e.std(ddof=1) / sqrt(700),
    }
    for name, value in expected.items():
        kind = "se" if name == "bias" else "se_log"
        assert float(found[name].extra[kind][0, 0]) == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize(("size", "there"), [(1e-200, False), (1e-60, True), (1e60, True), (1e200, False)])
def test_errors_of_any_size_have_an_interval_or_none(size: float, there: bool) -> None:
    """Where fourth powers are beyond the sums' range there is none, and no warning."""
    truth = np.zeros(300)
    rmse = judged(REGRESSION, [regression(truth, size * np.linspace(1, 2, 300))])["rmse"]
    value, low, high = (float(x[0, 0]) for x in (rmse.value, rmse.low, rmse.high))
    assert value == pytest.approx(size * 1.5275, rel=1e-3)
    assert (low < value < high < 1.2 * low) if there else isnan(low)


def test_what_does_not_vary_has_no_interval_and_no_warning() -> None:
    """A perfect AUC, errors of 0, one row, none."""
    n = 300
    truth = np.arange(n) % 2.0
    perfect = judged(BINARY, [binary(truth, 0.1 + 0.8 * truth)])
    assert np.isnan(perfect["auc"].low).all()
    assert perfect["log_loss"].high[0, 0] / perfect["log_loss"].low[0, 0] < 1.01
    exact = judged(REGRESSION, [regression(truth, truth)])
    assert [isnan(exact[name].low[0, 0]) for name in ("mae", "rmse")] == [True, True]
    assert (exact["bias"].low[0, 0], exact["bias"].high[0, 0]) == (0.0, 0.0)
    for rows in (0, 1):
        few = judged(BINARY, [binary(truth[:rows], truth[:rows])])
        assert np.isnan(few["auc"].low).all()
        assert np.isnan(few["log_loss"].low).all()
        assert np.isnan(judged(REGRESSION, [regression(truth[:rows], truth[:rows])])["mae"].low).all()


def test_rules_have_one_sided_limits_at_their_own_confidence() -> None:
    """Narrower at a lower confidence, around the value."""
    truth, score = scored(np.random.default_rng(4), 800)
    auc = judged(BINARY, [binary(truth, score)])["auc"]
    wide, narrow = (intervals.bounds(auc, 0, 0, c) for c in (0.99, 0.8))
    assert wide[0] < narrow[0] < float(auc.value[0, 0]) < narrow[1] < wide[1]


@pytest.mark.parametrize("seed", range(3))
def test_a_reference_states_the_errors_of_its_rows(seed: int) -> None:
    """Exactly: means by their deviation, AUC by its placements; ties included."""
    rng = np.random.default_rng(seed)
    truth, score = scored(rng, 900)
    score = np.round(score, 2)
    codes = truth.astype(np.int32)
    found = performance.classification(Coded(codes, ("n", "y")), Coded(codes, ("n", "y")), score, "y")[
        "errors"
    ]
    clipped = np.clip(score, 2.0**-52, 1 - 2.0**-52)
    losses = -np.log(np.where(truth == 1, clipped, 1 - clipped))
    assert found == {
        "auc": pytest.approx(delong(truth, score), rel=1e-9),
        "log_loss": pytest.approx(losses.std(ddof=1) / sqrt(900), rel=1e-9),
        "brier": pytest.approx(((score - truth) ** 2).std(ddof=1) / sqrt(900), rel=1e-9),
    }
    y, e = rng.normal(5, 2, 400), rng.laplace(0.2, 1, 400)
    found = performance.regression(y, y + e)["errors"]
    assert found == {
        "mae": pytest.approx(np.abs(e).std(ddof=1) / 20, rel=1e-9),
        "rmse": pytest.approx((e**2).std(ddof=1) / 20 / 2 / sqrt((e**2).mean()), rel=1e-9),
        "bias": pytest.approx(e.std(ddof=1) / 20, rel=1e-9),
    }


def test_a_reference_without_enough_rows_states_no_errors() -> None:
    """One row, none, or errors beyond float64."""
    for rows in (0, 1):
        assert performance.regression(np.zeros(rows), np.ones(rows))["errors"] == {}
    huge = performance.regression(np.zeros(3), np.array([1e200, 2e200, 3e200]))
    assert "rmse" not in huge["errors"]


@pytest.mark.parametrize(
    ("value", "error", "kind", "low", "high"),
    [(0.8, 0.02, "se_logit", 0.764, 0.831), (0.5, 0.05, "se_log", 0.424, 0.589), (-0.5, 0.1, "se", -0.664, -0.336),
     (0.5, 0.0, "se_log", 0.5, 0.5)],
)  # fmt: skip
def test_limits_of_a_reference_lie_on_the_scale_of_the_statistic(
    value: float, error: float, kind: str, low: float, high: float
) -> None:
    """One-sided at 95 %."""
    expected = (value, pytest.approx(low, abs=2e-3), pytest.approx(high, abs=2e-3))
    assert intervals.by_error(value, error, kind, 0.95) == expected


def test_limits_of_what_is_hardly_known_are_all_there_is() -> None:
    """An error beyond what float64 can raise e to: from 0 to 1, and not unknown."""
    low, high = intervals.logit_limits(np.array([0.5, 0.9]), np.array([500.0, 1e6]), 1.96)
    assert [0.0, 0.0] == pytest.approx(low)
    assert [1.0, 1.0] == high.tolist()
