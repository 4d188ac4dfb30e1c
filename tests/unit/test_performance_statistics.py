"""Performance statistics against sklearn on generated data, their gates, limits and nasty inputs."""

from __future__ import annotations

import warnings
from itertools import permutations
from math import inf, isnan, nan

import numpy as np
import pytest
from sklearn import metrics

from driftline.aggregates.performance import Changes, PerformanceLayout
from driftline.aggregates.scores import multiclass_losses
from driftline.records import Codes32, Dimension, Evaluation, Floats
from driftline.settings import DEFAULT_GATES, Task
from driftline.statistics import intervals
from driftline.statistics.classification import macro_f1_logit_error
from driftline.statistics.performance import evaluate_performance

CLASSES = ("a", "b", "c", "d")
BINARY, MACRO = Dimension(average="binary"), Dimension(average="macro")
Found = dict[str, Evaluation]


def batch(
    truth: Codes32,
    predicted: Codes32,
    score: Floats | None = None,
    scores: Floats | None = None,
    values: tuple[Floats, Floats] | None = None,
    segments: Codes32 | None = None,
) -> Changes:
    """Plain additions; ``values`` are (truth, prediction)."""
    n = len(truth)
    none = np.full(n, np.nan)
    t, p = values or (none, none)
    codes = np.asarray(truth, np.int32), np.asarray(predicted, np.int32)
    where = np.zeros((n, 0), np.int32) if segments is None else segments
    losses = None if scores is None else multiclass_losses(scores, codes[0])
    return Changes(np.ones(n, np.int64), *codes, none if score is None else score, losses, t, p, where)


def judge(layout: PerformanceLayout, changes: Changes, unlabelled: int = 0) -> Found:
    """Evaluate all changes as one window, with further predictions that have no label."""
    totals = layout.totals(changes, np.arange(len(changes.sign)))
    events = layout.predictions(changes.sign, changes.segments)
    more = layout.predictions(
        np.ones(unlabelled, np.int64), np.full((unlabelled, len(layout.segments)), -1, np.int32)
    )
    counts = (totals.counts + events.counts + more.counts)[None]
    found = evaluate_performance(layout, counts, totals.sums[None], DEFAULT_GATES, 0.5)
    return {evaluation.statistic: evaluation for evaluation in found}


def value(found: Found, name: str, at: Dimension | None = None) -> float:
    """The value of one dimension."""
    evaluation = found[name]
    return float(evaluation.value[0, evaluation.dimensions.index(at or Dimension())])


def multiclass(seed: int, rows: int) -> tuple[Codes32, Codes32, Floats]:
    """Labels of 4 classes, probabilities, and the predictions that they give."""
    rng = np.random.default_rng(seed)
    scores = rng.dirichlet([1.0] * 4, rows)
    truth = np.array([rng.choice(4, p=p) for p in scores], np.int32)
    return truth, scores.argmax(axis=1).astype(np.int32), scores


def values_of(found: Found) -> dict[str, float]:
    """The regression's statistics."""
    return {name: value(found, name) for name in ("mae", "rmse", "r2", "mape", "bias")}


def regression(
    truth: list[float] | Floats, predicted: list[float] | Floats, label_mean: float = 0.0
) -> Found:
    """Evaluate a regression."""
    none = np.full(len(truth), -1, np.int32)
    values = np.array(truth, np.float64), np.array(predicted, np.float64)
    return judge(
        PerformanceLayout.of(Task.REGRESSION, label_mean=label_mean), batch(none, none, values=values)
    )


@pytest.mark.parametrize("seed", range(5))
def test_multiclass_equals_sklearn(seed: int) -> None:
    """Accuracy, MCC, averages, every class, log loss and Brier are sklearn's to 1e-9."""
    truth, predicted, scores = multiclass(seed, 500)
    found = judge(PerformanceLayout.of(Task.MULTICLASS, CLASSES), batch(truth, predicted, scores=scores))
    expected = {
        ("accuracy", None): metrics.accuracy_score(truth, predicted),
        ("balanced_accuracy", None): metrics.balanced_accuracy_score(truth, predicted),
        ("mcc", None): metrics.matthews_corrcoef(truth, predicted),
        ("log_loss", None): metrics.log_loss(truth, scores, labels=range(4)),
        ("brier", None): metrics.brier_score_loss(truth, scores, labels=range(4)),
    }
    actual = {key: value(found, key[0]) for key in expected}
    for average in ("macro", "micro", "weighted"):
        results = metrics.precision_recall_fscore_support(truth, predicted, average=average)
        for name, result in zip(("precision", "recall", "f1"), results, strict=False):
            expected[name, average] = result
            actual[name, average] = value(found, name, Dimension(average=average))
    for name, results in zip(
        ("precision", "recall", "f1"), metrics.precision_recall_fscore_support(truth, predicted), strict=False
    ):
        for k, result in enumerate(results):
            expected[name, CLASSES[k]] = result
            actual[name, CLASSES[k]] = value(found, name, Dimension(class_=CLASSES[k]))
    assert pytest.approx(expected, abs=1e-9) == actual


def test_averages_count_an_undefined_class_as_zero() -> None:
    """A class that is never predicted has no precision of its own, and counts 0 in macro and weighted."""
    truth, predicted = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 1, 0])
    found = judge(PerformanceLayout.of(Task.MULTICLASS, CLASSES), batch(truth, predicted))
    assert isnan(value(found, "precision", Dimension(class_="c")))
    for average in ("macro", "weighted"):
        expected = metrics.precision_score(truth, predicted, average=average, zero_division=0)
        assert pytest.approx(expected, abs=1e-12) == value(found, "precision", Dimension(average=average))
    assert Dimension(class_="d") not in found["precision"].dimensions


def test_one_class_only() -> None:
    """All rows of one class, all right: F1 is 1, MCC and AUC are undefined, not 0."""
    n = 300
    ones = np.ones(n, np.int32)
    found = judge(
        PerformanceLayout.of(Task.BINARY, ("n", "y"), "y"), batch(ones, ones, score=np.full(n, 0.9))
    )
    assert [1.0, 1.0] == [value(found, "f1", BINARY), value(found, "accuracy")]
    assert [True, True] == [isnan(value(found, "mcc")), isnan(value(found, "auc"))]
    assert [False] == found["auc"].sufficient[0].tolist()


@pytest.mark.parametrize("task", list(Task))
def test_an_empty_window_has_no_values(task: Task) -> None:
    """Without rows every value but the two counts is NaN, and nothing gated is sufficient."""
    none = np.zeros(0, np.int32)
    found = judge(PerformanceLayout.of(task, ("n", "y"), "y"), batch(none, none))
    for name in found.keys() - {"events", "labelled"}:
        assert np.isnan(found[name].value).all()
        if name != "label_coverage":
            assert not found[name].sufficient.any()
    assert 0.0 == value(found, "events") == value(found, "labelled")


def test_a_positive_that_never_came_is_undefined() -> None:
    """The configured positive is unknown yet: binary F1 is NaN, other classes are judged."""
    zeros = np.zeros(250, np.int32)
    found = judge(PerformanceLayout.of(Task.BINARY, ("n",), "y"), batch(zeros, zeros))
    assert isnan(value(found, "f1", BINARY))
    assert value(found, "accuracy") == 1.0


def test_probabilities_are_clipped_as_sklearn_does() -> None:
    """Certain and wrong costs -log(2**-52), not infinity; unusable scores are left out of n."""
    truth = np.array([1, 0, 1, 0, 1, 1])
    score = np.array([0.0, 1.0, 1.0, 0.25, nan, 1.5])
    found = judge(PerformanceLayout.of(Task.BINARY, ("n", "y"), "y"), batch(truth, truth, score=score))
    assert pytest.approx(metrics.log_loss(truth[:4], score[:4]), abs=1e-9) == value(found, "log_loss")
    assert pytest.approx(metrics.brier_score_loss(truth[:4], score[:4]), abs=1e-9) == value(found, "brier")
    assert found["brier"].n.tolist() == [[4]]


@pytest.mark.parametrize("seed", range(5))
def test_regression_equals_sklearn(seed: int) -> None:
    """MAE, RMSE, R2, MAPE and bias are sklearn's to 1e-12, whatever y is centred on."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(50, 10, 400)
    predicted = truth + rng.normal(1, 5, 400)
    expected = {
        "mae": metrics.mean_absolute_error(truth, predicted),
        "rmse": metrics.root_mean_squared_error(truth, predicted),
        "r2": metrics.r2_score(truth, predicted),
        "mape": metrics.mean_absolute_percentage_error(truth, predicted),
        "bias": float(np.mean(predicted - truth)),
    }
    for center in (0.0, 50.0):
        assert pytest.approx(expected, rel=1e-12) == values_of(regression(truth, predicted, center))
    for overflowed in (inf, -inf, nan):  # the mean label of a reference with labels near the end of float64
        assert values_of(regression(truth, predicted, 0.0)) == values_of(
            regression(truth, predicted, overflowed)
        )


def test_huge_values_give_finite_errors() -> None:
    """±1e300, whose squares are beyond float64, still have the right RMSE and R2."""
    found = values_of(regression([1e300, -1e300], [-1e300, 1e300]))
    assert (
        pytest.approx({"mae": 2e300, "rmse": 2e300, "r2": -3.0, "mape": 2.0, "bias": 0.0}, rel=1e-15) == found
    )


def test_small_errors_beside_huge_ones_are_kept() -> None:
    """1e17 among 1s: the bias is the exact sum's, where float64 addition loses the 1s."""
    truth = [0.0] * 5
    expected = 3 / 5
    assert expected == values_of(regression(truth, [1e17, 1.0, 1.0, 1.0, -1e17]))["bias"]


def test_undefined_regression_is_nan() -> None:
    """Constant labels have no R2, zero labels no MAPE; non-finite rows are not counted."""
    found = regression([0.0, 0.0, nan, 1.0], [1.0, 2.0, 3.0, inf])
    assert [True, True] == [isnan(value(found, "r2")), isnan(value(found, "mape"))]
    assert ([[2]], [[0]]) == (found["mae"].n.tolist(), found["mape"].n.tolist())
    assert isnan(value(regression([0.1] * 7, [0.2] * 7, 0.3), "r2"))


def test_gates_are_on_each_statistics_own_denominator() -> None:
    """100 positives suffice for F1 and recall, 30 predicted ones for precision, 200 rows for the rest."""
    truth, predicted = np.repeat([1, 1, 0], [29, 71, 99]), np.repeat([1, 0, 0], [29, 71, 99])
    found = judge(PerformanceLayout.of(Task.BINARY, ("n", "y"), "y"), batch(truth, predicted))
    k = found["f1"].dimensions.index(BINARY)
    actual = {name: (int(e.n[0, k]), bool(e.sufficient[0, k])) for name, e in found.items() if name in GATED}
    assert {"precision": (29, False), "recall": (100, True), "f1": (100, True)} == actual
    assert ([[199]], [[False]]) == (found["accuracy"].n.tolist(), found["accuracy"].sufficient.tolist())


GATED = ("precision", "recall", "f1")


@pytest.mark.parametrize(("unlabelled", "enough"), [(300, True), (301, False)])
def test_low_coverage_makes_performance_insufficient(unlabelled: int, enough: bool) -> None:
    """Below the least coverage only events, labelled and label_coverage stay sufficient."""
    truth, predicted, scores = multiclass(1, 300)
    found = judge(
        PerformanceLayout.of(Task.MULTICLASS, CLASSES), batch(truth, predicted, scores=scores), unlabelled
    )
    assert all(found[name].sufficient.all() for name in ("events", "labelled", "label_coverage"))
    for name in ("accuracy", "mcc", "log_loss", "brier"):
        assert enough == found[name].sufficient.all()
    assert 300 / (300 + unlabelled) == value(found, "label_coverage")


def test_segments_are_judged_on_their_own_rows() -> None:
    """Each segment value has the statistics of its rows; rows without a value are in none."""
    truth, predicted, _ = multiclass(2, 300)
    codes = (np.arange(300) % 3 - 1).astype(np.int32)[:, None]
    layout = PerformanceLayout.of(Task.MULTICLASS, CLASSES, segments=(("tier", ("x", "y")),))
    found = judge(layout, batch(truth, predicted, segments=codes))
    for code, name in enumerate(("x", "y")):
        own, at = codes[:, 0] == code, ("tier", name)
        expected = metrics.accuracy_score(truth[own], predicted[own])
        assert expected == value(found, "accuracy", Dimension(segment=at))
        expected = metrics.f1_score(truth[own], predicted[own], average="macro")
        assert pytest.approx(expected) == value(found, "f1", Dimension(segment=at, average="macro"))
        assert value(found, "events", Dimension(segment=at)) == 100.0


def test_only_the_wanted_statistics_come() -> None:
    """``statistics`` names what is computed."""
    layout = PerformanceLayout.of(Task.REGRESSION)
    empty = layout.empty()
    found = evaluate_performance(layout, empty.counts[None], empty.sums[None], {}, 0.5, {"mae", "events"})
    assert ["events", "mae"] == [evaluation.statistic for evaluation in found]


def test_wilson_is_scipys() -> None:
    """Two-sided 95 % limits equal scipy's Wilson interval, at 0 and all successes too."""
    stats = pytest.importorskip("scipy.stats")
    for k, n in ((0, 10), (3, 10), (10, 10), (950, 1000)):
        expected = stats.binomtest(k, n).proportion_ci(0.95, method="wilson")
        low, high = intervals.wilson(np.array([k]), np.array([n]), intervals.quantile(0.975))
        assert pytest.approx((expected.low, expected.high), abs=1e-12) == (low[0], high[0])


def test_f1_limits_are_wilsons_of_f() -> None:
    """Binary F1's limits are those of f = TP/(TP+FP+FN), mapped by 2f/(1+f), and hold F1."""
    truth, predicted = np.repeat([1, 1, 0, 0], [80, 40, 20, 160]), np.repeat([1, 0, 1, 0], [80, 40, 20, 160])
    f1 = judge(PerformanceLayout.of(Task.BINARY, ("n", "y"), "y"), batch(truth, predicted))["f1"]
    k = f1.dimensions.index(BINARY)
    low, high = intervals.wilson(np.array(80), np.array(140), intervals.quantile(0.975))
    assert f1.low is not None
    assert f1.high is not None
    expected = [float(2 * x / (1 + x)) for x in (low, high)]
    assert pytest.approx(expected) == [f1.low[0, k], f1.high[0, k]]
    assert pytest.approx(tuple(expected)) == intervals.bounds(f1, 0, k, 0.975)
    one_sided = intervals.one_sided(f1, 0.9)
    assert intervals.bounds(f1, 0, k, 0.9) == (one_sided[0][0, k], one_sided[1][0, k])


def test_limits_are_nan_where_nothing_is_known() -> None:
    """MCC has no interval; a perfect macro F1 has no delta-method error."""
    ones = np.ones(300, np.int32)
    found = judge(PerformanceLayout.of(Task.MULTICLASS, CLASSES), batch(ones, ones))
    assert all(isnan(x) for x in intervals.bounds(found["mcc"], 0, 0, 0.95))
    assert all(isnan(x) for x in intervals.bounds(found["f1"], 0, found["f1"].dimensions.index(MACRO), 0.95))


def test_macro_f1_limits_cover_the_truth() -> None:
    """In 2000 seeded samples of 400 rows, 95 % intervals hold the population's macro F1 in 93-97 %."""
    share = np.array([[0.50, 0.04, 0.02], [0.05, 0.20, 0.03], [0.02, 0.04, 0.10]])
    confusion = np.random.default_rng(7).multinomial(400, share.ravel(), 2000).reshape(-1, 3, 3)
    layout = PerformanceLayout.of(Task.MULTICLASS, ("a", "b", "c"))
    counts = np.stack([layout.reference_totals(layout.classes, c).counts for c in confusion])
    [f1] = evaluate_performance(layout, counts, np.zeros((2000, 2), np.int64), {}, 0.5, {"f1"})
    k = f1.dimensions.index(MACRO)
    each = 2 * np.diag(share) / (share.sum(0) + share.sum(1))
    assert f1.low is not None
    assert f1.high is not None
    covered = float(((f1.low[:, k] <= each.mean()) & (each.mean() <= f1.high[:, k])).mean())
    assert 0.93 < covered < 0.97


def test_macro_f1_error_shrinks_with_the_root_of_n() -> None:
    """A hundred times the rows in the same shares have a tenth of the error."""
    confusion = np.array([[[50, 4], [6, 40]]])
    assert pytest.approx(macro_f1_logit_error(confusion)[0] / 10) == macro_f1_logit_error(100 * confusion)[0]


def test_difference_bounds_are_newcombes() -> None:
    """Method 10 on 56/70 against 48/80 gives Newcombe's (1998, table II a) 0.0524 to 0.3339."""
    z = intervals.quantile(0.975)
    pairs = [
        (k / n, *(float(x) for x in intervals.wilson(np.array(k), np.array(n), z)))
        for k, n in ((56, 70), (48, 80))
    ]
    low, high = intervals.difference_bounds(pairs[0], pairs[1])
    assert (0.0524, 0.3339) == (round(low, 4), round(high, 4))


def test_a_certain_reference_leaves_the_windows_own_bounds() -> None:
    """Against a value without uncertainty, a drop's bounds are the window's limits mirrored."""
    now = (0.8, 0.75, 0.84)
    assert pytest.approx((0.06, 0.15)) == intervals.difference_bounds(intervals.known(0.9), now)


@pytest.mark.parametrize("task", list(Task))
def test_nothing_warns(task: Task) -> None:
    """Empty windows and single rows raise no numpy warning."""
    layout = PerformanceLayout.of(task, ("n", "y"), "y")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for rows in (0, 1):
            zeros = np.zeros(rows, np.int32)
            judge(
                layout, batch(zeros, zeros, score=np.full(rows, 0.5), values=(np.ones(rows), np.ones(rows)))
            )


def unnamed(rows: list[tuple[str, str]], order: tuple[str, ...], segments: Codes32 | None = None) -> Found:
    """What is found of (true, predicted) rows, with class codes given in some order of reading."""
    codes = np.array([[order.index(name) for name in row] for row in rows], np.int32)
    where = () if segments is None else (("region", ("n", "s")),)
    layout = PerformanceLayout.of(Task.BINARY, order, "UP", where)
    return judge(layout, batch(codes[:, 0], codes[:, 1], segments=segments))


@pytest.mark.parametrize("order", list(permutations(("UP", "DOWN", "not UP"))))
def test_the_other_class_takes_the_name_that_labels_give_it(order: tuple[str, ...]) -> None:
    """By score alone "not UP" is DOWN where labels say DOWN: as sklearn says of UP and DOWN."""
    rows = 40 * [("UP", "UP")] + 30 * [("DOWN", "not UP")] + 20 * [("UP", "not UP")] + 10 * [("DOWN", "UP")]
    found = unnamed(rows, order)
    truth, predicted = zip(*((t, "UP" if p == "UP" else "DOWN") for t, p in rows), strict=True)
    assert value(found, "accuracy") == 0.7
    assert value(found, "f1", MACRO) == pytest.approx(metrics.f1_score(truth, predicted, average="macro"))
    assert value(found, "mcc") == pytest.approx(metrics.matthews_corrcoef(truth, predicted))
    assert {d.class_ for d in found["f1"].dimensions if d.class_} == {"UP", "DOWN"}


def test_a_stray_negative_label_does_not_tear_the_other_class_apart() -> None:
    """A label of a third name is not the positive either: the prediction is right all the same."""
    rows = 50 * [("UP", "UP")] + 40 * [("DOWN", "not UP")] + 5 * [("UP", "not UP")] + 5 * [("n/a", "not UP")]
    found = unnamed(rows, ("UP", "not UP", "n/a", "DOWN"))
    assert value(found, "accuracy") == 0.95
    assert value(found, "precision", Dimension(class_="DOWN")) == pytest.approx(40 / 45)


def test_without_another_name_the_other_class_keeps_its_own() -> None:
    """Nothing but positives is labelled: what the others are called is not known."""
    found = unnamed(60 * [("UP", "UP")] + 40 * [("UP", "not UP")], ("UP", "not UP"))
    assert value(found, "accuracy") == 0.6
    assert {d.class_ for d in found["recall"].dimensions if d.class_} == {"UP", "not UP"}


def test_a_segment_calls_the_other_class_as_the_whole_does() -> None:
    """A segment without a negative label has the same two classes."""
    rows = 40 * [("UP", "UP")] + 30 * [("DOWN", "not UP")] + 30 * [("UP", "not UP")]
    found = unnamed(rows, ("UP", "not UP", "DOWN"), np.array([[0]] * 70 + [[1]] * 30, np.int32))
    south = Dimension(segment=("region", "s"))
    assert value(found, "accuracy", south) == 0.0
    assert value(found, "accuracy", Dimension(segment=("region", "n"))) == 1.0
