"""Drift statistics against scipy and numpy on raw values, and on columns that break naive formulas."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon
from scipy.special import kolmogorov as scipy_kolmogorov

from driftline.aggregates import latency
from driftline.aggregates.drift import DriftLayout
from driftline.records import Coded, Dimension, Evaluation, PredictionPart, Schema
from driftline.reference.bins import categorical_profile, numeric_profile
from driftline.reference.profile import Profile
from driftline.settings import Task
from driftline.statistics.drift import DRIFT_STATISTICS, evaluate_drift
from driftline.statistics.ks import kolmogorov
from driftline.statistics.latency import quantile_ms

HOUR_MS = 3_600_000
RNG_SEED = 11


def profile(numeric=(), categorical=(), **outputs) -> Profile:
    """A reference of the given columns."""
    return Profile(
        model="m", version="1", task=Task.BINARY, positive=None, id="", sha256="", bins_id="", rows=1,
        numeric=tuple(numeric), categorical=tuple(categorical), **outputs,
    )  # fmt: skip


def coded(values) -> Coded:
    """Strings as a coded column; None is missing, Ellipsis invalid."""
    names = tuple(dict.fromkeys(v for v in values if isinstance(v, str)))
    codes = [names.index(v) if isinstance(v, str) else (-1 if v is None else -2) for v in values]
    return Coded(np.array(codes, np.int32), names)


def evaluate(p: Profile | None, k: int, numeric=(), categorical=(), **columns) -> dict[str, Evaluation]:
    """All statistics of one window of k rows; ``numeric`` and ``categorical`` by column."""
    layout = DriftLayout.of(p, columns.pop("task", Task.BINARY), columns.pop("classes", ()))
    schema = Schema(
        Task.BINARY,
        numeric=tuple(n.name for n in p.numeric) if p else (),
        categorical=tuple(c.name for c in p.categorical) if p else (),
    )
    none = np.full(k, np.nan)
    part = PredictionPart(
        "m", "1", schema, np.arange(k), np.array(numeric, float).reshape(len(numeric), k),
        tuple(map(coded, categorical)),
        coded(columns.get("predicted", [None] * k)), columns.get("value", none), columns.get("score", none),
        None, (), columns.get("latency", none), (),
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        t = layout.totals(part)
        found = evaluate_drift(layout, t.counts[None], t.sums[None], [t.unseen], HOUR_MS, {"drift": 5})
    return {e.statistic: e for e in found}


def value(found: dict[str, Evaluation], statistic: str) -> float:
    """Of the first dimension."""
    return float(found[statistic].value[0, 0])


def columns() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Reference and window of columns that are hard in different ways."""
    r = np.random.default_rng(RNG_SEED)
    return {
        "normal": (r.normal(size=5000), r.normal(0.3, 1.4, 3000)),
        "constant": (np.full(500, 0.1), np.full(300, 0.1)),
        "constant that moves": (np.full(500, 0.1), np.full(300, 0.2)),
        "zeros": (
            np.where(r.random(4000) < 0.92, 0, r.random(4000)),
            np.where(r.random(900) < 0.8, 0, r.random(900)),
        ),
        "binary": (r.integers(0, 2, 3000) * 1.0, (r.random(2000) < 0.7) * 1.0),
        "integers": (r.poisson(2, 3000) * 1.0, r.poisson(4, 2000) * 1.0),
        "float32": (r.random(3000).astype(np.float32), r.random(2000) ** 2),
        "heavy": (r.standard_cauchy(5000), r.standard_cauchy(3000) * 2),
        "lognormal": (np.exp(3 * r.normal(size=5000)), np.exp(3 * r.normal(0.2, 1, 3000))),
        "few": (r.normal(size=7), r.normal(size=6)),
        "one value": (np.array([3.0]), r.normal(size=10)),
    }


@pytest.fixture(params=list(columns()))
def case(request):
    """Reference, window (as compared), and the statistics of one column."""
    reference, window = columns()[request.param]
    float32 = reference.dtype == np.float32
    p = profile([numeric_profile("x", reference, float32=float32)])
    found = evaluate(p, len(window), [window])
    compared = window.astype(np.float32).astype(float) if float32 else window
    return reference.astype(float), compared, found, p.numeric[0]


def test_scipys_ks_is_enclosed(case):
    """ks <= D of the raw values <= ks_high."""
    reference, window, found, _ = case
    exact = stats.ks_2samp(reference, window, method="asymp").statistic
    assert value(found, "ks") <= exact + 1e-12
    assert value(found, "ks_high") >= exact - 1e-12


def test_the_pvalue_is_that_of_the_formula(case):
    """kstwobign.sf at the corrected point."""
    reference, window, found, _ = case
    n, m = len(window), len(reference)
    size = np.round(n * m / (n + m))
    s = np.sqrt(size) * value(found, "ks")
    expected = stats.kstwobign.sf(s + 1 / (6 * np.sqrt(size)) + (s - 1) / (4 * size))
    assert expected == pytest.approx(value(found, "ks_pvalue"), rel=1e-9, abs=1e-12)


def shares(edges, reference, window):
    """Shares of both samples between edges."""
    k = len(edges) + 1
    return tuple(np.bincount(np.searchsorted(edges, x), minlength=k) / len(x) for x in (reference, window))


def test_divergences_over_the_coarse_bins(case):
    """PSI, Jensen-Shannon, Hellinger, total variation and the largest difference, from raw rows."""
    reference, window, found, p = case
    a, b = shares(p.coarse_edges, reference, window)
    filled = [np.where(s == 0, 1e-4, s) for s in (a, b)]
    expected = {
        "psi": ((filled[1] - filled[0]) * np.log(filled[1] / filled[0])).sum(),
        "js_distance": jensenshannon(a, b, base=2),
        "hellinger": np.sqrt(max(0.0, 1 - np.sqrt(a * b).sum())),
        "total_variation": np.abs(a - b).sum() / 2,
        "l_infinity": np.abs(a - b).max(),
    }
    assert expected == pytest.approx({k: value(found, k) for k in expected}, rel=1e-9, abs=2e-8)


def test_mean_and_std_are_numpys_of_the_clipped_values(case):
    """From fixed-point sums, to twelve digits of the reference's deviation."""
    _, window, found, p = case
    clipped = np.clip(window, p.center - 1024 * p.scale, p.center + 1024 * p.scale)
    assert clipped.mean() == pytest.approx(value(found, "mean"), rel=1e-9, abs=1e-11 * p.scale)
    assert clipped.std() == pytest.approx(value(found, "std"), rel=1e-6, abs=1e-5 * p.scale)


def test_wasserstein_is_scipys_of_the_weighted_bin_means(case):
    """Own means in the three outermost bins, the reference's inside, midpoints where it has none."""
    reference, window, found, p = case
    if p.std == 0:
        assert np.isnan(value(found, "wasserstein"))
        return
    bins, b = np.searchsorted(p.edges, window), len(p.edges) + 1
    clipped = np.clip(window, p.center - 1024 * p.scale, p.center + 1024 * p.scale)
    counts = np.bincount(bins, minlength=b)
    values = np.zeros(b)
    for k in range(b):
        own = clipped[bins == k]
        tail = k < 3 or k >= b - 3
        inside = p.means[k] if p.counts[k] else (np.mean(p.edges[k - 1 : k + 1]) if 0 < k < b - 1 else 0.0)
        values[k] = own.mean() if tail and len(own) else inside
    r, w = p.counts > 0, counts > 0
    expected = stats.wasserstein_distance(p.means[r], values[w], p.counts[r], counts[w]) / reference.std()
    assert expected == pytest.approx(value(found, "wasserstein"), rel=1e-9, abs=1e-10)


def test_huge_values_have_counts_but_no_moments():
    """±1e300: the deviation is not finite, so mean, std and wasserstein are undefined, and ks is not."""
    reference = np.array([-1e300, 0.0, 1e300] * 10)
    found = evaluate(profile([numeric_profile("x", reference)]), 30, [reference])
    undefined = [np.isnan(value(found, s)) for s in ("mean", "std", "wasserstein")]
    assert [True] * 3 == undefined
    assert (0.0, 0.0) == (value(found, "ks"), value(found, "psi"))


@pytest.mark.parametrize("reference", [np.full(10, np.nan), np.empty(0)])
def test_an_empty_reference_makes_comparisons_undefined(reference):
    """Without valid reference values nothing can be compared, and the ratios still can."""
    found = evaluate(profile([numeric_profile("x", reference)]), 4, [[1.0, np.nan, np.inf, 2.0]])
    undefined = (
        "psi",
        "psi_deciles",
        "ks",
        "ks_high",
        "ks_pvalue",
        "wasserstein",
        "js_distance",
        "hellinger",
    )
    assert [True] * len(undefined) == [bool(np.isnan(value(found, s))) for s in undefined]
    assert (1 / 4, 1 / 3) == (value(found, "missing_ratio"), value(found, "invalid_ratio"))


def test_an_empty_window_is_undefined():
    """No events: NaN with n = 0, not sufficient."""
    p = profile([numeric_profile("x", np.arange(100.0))], [categorical_profile("c", {"a": 1})])
    found = evaluate(p, 0, [[]], [[]])
    known = [e for name, e in found.items() if name not in ("events", "throughput")]
    assert all(np.isnan(e.value).all() for e in known)
    assert not any(e.sufficient.any() for e in known)
    assert (0.0, 0.0) == (value(found, "events"), value(found, "throughput"))


def test_ratios_have_their_own_denominators():
    """Missing of events, invalid of what is present, unseen and out of range of what is valid."""
    p = profile([numeric_profile("x", np.arange(10.0))], [categorical_profile("c", {"a": 5, "b": 5})])
    found = evaluate(p, 5, [[np.nan, np.inf, -1.0, 3.0, 99.0]], [[None, ..., "a", "new", "b"]])
    ratios = ("missing_ratio", "invalid_ratio")
    assert [[0.2, 0.2], [0.25, 0.25]] == [found[r].value[0].tolist() for r in ratios]
    assert [[5, 5], [4, 4]] == [found[r].n[0].tolist() for r in ratios]
    assert (1 / 3, 2 / 3) == (value(found, "unseen_ratio"), value(found, "out_of_range_ratio"))


@pytest.mark.parametrize("others", [1, 3, 70])
def test_categories_are_compared_over_the_union_with_unseen_ones(others):
    """Chi-squared, PSI and distances; beyond 64 unseen values the rest counts as one."""
    window = ["a"] * 40 + ["b"] * 10 + [f"new{i}" for i in range(others)]
    found = evaluate(
        profile([], [categorical_profile("c", {"a": 30, "b": 60, "gone": 10})]), len(window), [], [window]
    )
    unseen = [1.0] * min(others, 64) + ([others - 64.0] if others > 64 else [])
    now, then = np.array([40, 10, 0, *unseen]), np.array([30, 60, 10] + [0] * len(unseen))
    q, p = now / now.sum(), then / then.sum()
    fq, fp = np.where(q == 0, 1e-4, q), np.where(p == 0, 1e-4, p)
    test = stats.chi2_contingency([now, then], correction=False)
    expected = {
        "chi2": test.statistic, "chi2_pvalue": test.pvalue, "psi": ((fq - fp) * np.log(fq / fp)).sum(),
        "js_distance": jensenshannon(p, q, base=2), "total_variation": np.abs(p - q).sum() / 2,
        "hellinger": np.sqrt(1 - np.sqrt(p * q).sum()), "l_infinity": np.abs(p - q).max(),
    }  # fmt: skip
    assert expected == pytest.approx({k: value(found, k) for k in expected}, rel=1e-10)


def test_chi2_is_undefined_where_only_one_category_occurs():
    """A single category on both sides cannot be tested."""
    found = evaluate(profile([], [categorical_profile("c", {"a": 9})]), 6, [], [["a"] * 6])
    assert [True, True] == [bool(np.isnan(value(found, s))) for s in ("chi2", "chi2_pvalue")]


def test_predictions_are_compared_by_class_and_score():
    """One dimension per output; class_ratio one per class, unseen ones included."""
    p = profile(
        score=numeric_profile("score", np.linspace(0, 1, 100)),
        predicted=categorical_profile("class", {"UP": 50, "DOWN": 50}),
    )
    found = evaluate(p, 4, predicted=["UP", "UP", "OTHER", None], score=np.array([0.1, 0.2, 0.3, np.nan]))
    assert (Dimension(output="score"), Dimension(output="class")) == found["prediction_psi"].dimensions
    ratios = {
        d.class_: v
        for d, v in zip(found["class_ratio"].dimensions, found["class_ratio"].value[0], strict=True)
    }
    assert {"UP": 2 / 3, "DOWN": 0.0, "OTHER": 1 / 3} == pytest.approx(ratios)
    assert [[3, 3]] == found["prediction_js_distance"].n.tolist()
    assert "psi" not in found


def test_no_order_of_unseen_values_changes_a_bit():
    """Which value came first is the order of reading."""
    p = profile([], [categorical_profile("c", {"a": 3, "b": 3, "c": 3})])
    values = [*"a" * 2, *"b" * 3, *"v" * 1, *"w" * 2, *"x" * 3, *"y" * 5, *"z" * 7]
    random = np.random.default_rng(3)
    found = [evaluate(p, len(values), [], [list(random.permutation(values))]) for _ in range(20)]
    for name in ("psi", "js_distance", "hellinger", "total_variation", "l_infinity", "chi2"):
        assert 1 == len({value(each, name) for each in found}), name


def test_ratios_have_wilsons_limits():
    """Two-sided 95 %, of k of n; none where there is no n, and none of statistics that are no shares."""
    p = profile([numeric_profile("x", np.arange(50.0))], [categorical_profile("c", {"a": 9, "b": 1})])
    x = np.array([1.0, np.nan, 2.0, np.nan, np.inf, 77.0, 3.0])
    c = ["a", None, "z", "b", ..., None, None]
    found = evaluate(
        p, 7, [x], [c], predicted=["UP", "UP", "UP", None, "DOWN", "UP", "UP"], classes=("UP", "DOWN")
    )
    of = {"missing_ratio": [(2, 7), (3, 7)], "invalid_ratio": [(1, 5), (1, 4)], "unseen_ratio": [(1, 3)],
          "out_of_range_ratio": [(1, 4)], "class_ratio": [(5, 6), (1, 6)]}  # fmt: skip
    for name, each in of.items():
        for place, (k, n) in enumerate(each):
            limits = stats.binomtest(k, n).proportion_ci(0.95, method="wilson")
            assert k / n == found[name].value[0, place]
            assert limits.low == pytest.approx(found[name].low[0, place], abs=1e-12)
            assert limits.high == pytest.approx(found[name].high[0, place], abs=1e-12)
    assert found["psi"].low is None
    nothing = evaluate(p, 2, [np.array([np.nan, np.nan])], [[None, None]])
    assert np.isnan([nothing["unseen_ratio"].low, nothing["unseen_ratio"].high]).all()


@pytest.mark.parametrize("classes", [(), ("UP", "DOWN")])
def test_without_a_reference_there_are_traffic_and_class_ratios_only(classes):
    """Events, latency, throughput and what was predicted."""
    found = evaluate(
        None, 3, predicted=["UP", "UP", "DOWN"], latency=np.array([1.0, 2.0, 4.0]), classes=classes
    )
    expected = {"class_ratio", "events", "throughput", "latency_p50", "latency_p95", "latency_p99"}
    assert expected == set(found)
    assert {"UP": 2 / 3, "DOWN": 1 / 3} == {
        d.class_: v
        for d, v in zip(found["class_ratio"].dimensions, found["class_ratio"].value[0], strict=True)
    }
    assert (3.0, 3 / 3600) == (value(found, "events"), value(found, "throughput"))


def test_regression_without_a_reference_has_traffic_only():
    """No class, no value to compare with."""
    found = evaluate(None, 2, value=np.array([1.0, 2.0]), task=Task.REGRESSION)
    assert {"events", "throughput", "latency_p50", "latency_p95", "latency_p99"} == set(found)


def test_only_the_statistics_asked_for_are_computed():
    """In the order of DRIFT_STATISTICS; names of other kinds are ignored."""
    layout = DriftLayout.of(profile([numeric_profile("x", np.arange(9.0))]), Task.REGRESSION)
    t = layout.empty()
    found = evaluate_drift(
        layout, t.counts[None], t.sums[None], [()], 1000, {}, frozenset({"ks", "psi", "f1"})
    )
    assert ["psi", "ks"] == [e.statistic for e in found]
    assert set(DRIFT_STATISTICS) >= {"psi", "ks"}


def test_many_ends_at_once_are_the_ends_one_by_one():
    """Chunks of a long replay change nothing."""
    rng = np.random.default_rng(5)
    layout = DriftLayout.of(
        profile([numeric_profile(f"x{i}", rng.normal(size=900)) for i in range(40)]), None
    )
    counts = rng.integers(0, 9, (1200, layout.counts))
    sums = rng.integers(0, 9, (1200, layout.sums))
    unseen = [({"a": 3},)] * 1200
    whole = evaluate_drift(layout, counts, sums, unseen, 1000, {"drift": 500})
    last = evaluate_drift(layout, counts[-1:], sums[-1:], unseen[-1:], 1000, {"drift": 500})
    assert [e.statistic for e in whole] == [e.statistic for e in last]
    assert all(
        np.array_equal(a.value[-1:], b.value, equal_nan=True) for a, b in zip(whole, last, strict=True)
    )


def test_kolmogorov_is_scipys():
    """Both forms of the series, to 1e-12."""
    x = np.concatenate((np.linspace(-1, 5, 2001), [0.0, 1e-9, 0.82, 10.0, 1e3]))
    with np.errstate(all="raise", under="ignore"):
        ours = kolmogorov(x)
    assert np.where(x > 0, scipy_kolmogorov(np.maximum(x, 0)), 1.0) == pytest.approx(ours, abs=1e-12)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.95, 0.99])
def test_latency_quantiles_are_within_a_bin(share):
    """Relative error below 2^(1/8) - 1."""
    values = np.random.default_rng(2).lognormal(3, 1.5, 5000)
    ours = float(quantile_ms(latency.histogram(values)[None], share)[0])
    exact = float(np.quantile(values, share, method="inverted_cdf"))
    assert exact == pytest.approx(ours, rel=2 ** (1 / 8) - 1)


def test_prometheus_buckets_are_exact_and_cumulative():
    """Every octave from 62.5 us to 17 min, right-closed."""
    values = np.array([0.0, 1.0, 1.0001, 2.0, 1e9])
    buckets = dict(latency.prometheus_buckets(latency.histogram(values)))
    assert (2, 4, 4, 5) == tuple(buckets[k] for k in (0.001, 0.002, 0.004, float("inf")))
