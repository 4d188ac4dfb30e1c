"""Drift statistics on Elec2 against numbers that other people's libraries computed."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from driftline.aggregates.drift import DriftLayout
from driftline.records import Coded, Evaluation, PredictionPart, Schema
from driftline.reference.bins import categorical_profile, numeric_profile
from driftline.reference.profile import Profile
from driftline.settings import Task
from driftline.statistics.drift import evaluate_drift

DATA = Path(__file__).parent / "data"
NUMERIC = ("nswprice", "nswdemand", "vicprice", "vicdemand", "transfer", "period")
DAY_NUMBER = "day_number"
REFERENCE_ROWS, WINDOW_ROWS = 9072, 1344


@pytest.fixture(scope="module")
def golden() -> dict:
    """The golden file."""
    return json.loads((DATA / "elec2.json").read_text())


@pytest.fixture(scope="module")
def table() -> dict[str, list[str]]:
    """Elec2 by column."""
    with gzip.open(DATA / "elec2.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in (*NUMERIC, "day")}


@pytest.fixture(scope="module")
def evaluations(table) -> dict[str, Evaluation]:
    """All statistics of the 27 windows."""
    names = (*NUMERIC, DAY_NUMBER)
    values = np.array([table[name] for name in (*NUMERIC, "day")], np.float64)
    days, codes = np.unique(np.array(table["day"]), return_inverse=True)
    counts = dict(zip(days.tolist(), np.bincount(codes[:REFERENCE_ROWS]).tolist(), strict=True))
    profile = Profile(
        model="elec2", version="1", task=Task.BINARY, positive="UP", id="", sha256="", bins_id="",
        rows=REFERENCE_ROWS, categorical=(categorical_profile("day", counts),),
        numeric=tuple(numeric_profile(n, v[:REFERENCE_ROWS]) for n, v in zip(names, values, strict=True)),
    )  # fmt: skip
    layout = DriftLayout.of(profile, Task.BINARY, ("UP", "DOWN"))
    k = values.shape[1]
    part = PredictionPart(
        "elec2", "1", Schema(Task.BINARY, numeric=names, categorical=("day",)), np.arange(k), values,
        (Coded(codes.astype(np.int32), tuple(days.tolist())),), Coded(np.full(k, -1, np.int32), ()),
        np.full(k, np.nan), np.full(k, np.nan), None, (), np.full(k, np.nan), (),
    )  # fmt: skip
    prepared = layout.prepare(part)
    starts = range(REFERENCE_ROWS, k, WINDOW_ROWS)
    windows = [layout.totals(prepared, slice(s, s + WINDOW_ROWS)) for s in starts]
    found = evaluate_drift(
        layout,
        np.stack([w.counts for w in windows]),
        np.stack([w.sums for w in windows]),
        [w.unseen for w in windows],
        28 * 86_400_000,
        {"drift": 500},
    )
    return {e.statistic: e for e in found}


def column(evaluations, statistic: str, feature: str) -> np.ndarray:
    """The values [27] of a statistic of a feature."""
    e = evaluations[statistic]
    at = [d.feature for d in e.dimensions].index(feature)
    return e.value[:, at]


def expected(golden, *path: str) -> np.ndarray:
    """A number of each of the 27 windows: section, feature, then the keys below."""
    section, *below = path
    found = []
    for window in range(27):
        value = golden[section]["windows"][str(window)]
        for key in below:
            value = value[key]
        found.append(float(value))
    return np.array(found)


@pytest.mark.parametrize("feature", NUMERIC)
def test_psi_deciles_is_feature_engines(evaluations, golden, feature):
    """Equal-frequency PSI to 1e-12, constant features included."""
    theirs = expected(golden, "feature_engine", feature, "equal_frequency", "psi")
    assert theirs == pytest.approx(column(evaluations, "psi_deciles", feature), rel=1e-12, abs=1e-12)


def test_psi_deciles_of_the_day_as_a_number_is_feature_engines(evaluations, golden):
    """feature_engine cuts the numeric day into deciles, so 1 and 2 share a bin."""
    theirs = expected(golden, "feature_engine", "day", "equal_frequency", "psi")
    assert theirs == pytest.approx(column(evaluations, "psi_deciles", DAY_NUMBER), rel=1e-12, abs=1e-12)


def test_psi_of_categories_is_that_of_the_golden_counts(evaluations, golden):
    """Each day of the week is a category; the formula on the golden counts."""
    theirs = []
    for window in golden["core"]["windows"].values():
        p, q = (np.array(list(window["day"][k].values()), float) for k in ("ref_counts", "counts"))
        p, q = p / p.sum(), q / q.sum()
        theirs.append(float(((q - p) * np.log(q / p)).sum()))
    assert theirs == pytest.approx(column(evaluations, "psi", "day"), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("feature", NUMERIC)
def test_scipys_ks_lies_between_ks_and_ks_high(evaluations, golden, feature):
    """The statistic at the edges and its certified bound enclose the exact one."""
    theirs = expected(golden, "core", feature, "ks")
    assert (column(evaluations, "ks", feature) <= theirs + 1e-12).all()
    assert (column(evaluations, "ks_high", feature) >= theirs - 1e-12).all()
    assert (column(evaluations, "ks_high", feature) - column(evaluations, "ks", feature) < 0.1).all()


@pytest.mark.parametrize("feature", NUMERIC)
def test_wasserstein_and_moments_agree_with_scipys(evaluations, golden, table, feature):
    """Distance in reference deviations within the bins' width; mean and deviation to the fixed point."""
    reference = np.array(table[feature][:REFERENCE_ROWS], np.float64)
    moved = np.ptp(reference) > 0
    if moved:
        theirs = expected(golden, "core", feature, "wasserstein") / reference.std()
        assert theirs == pytest.approx(column(evaluations, "wasserstein", feature), abs=0.03)
    else:
        assert np.isnan(column(evaluations, "wasserstein", feature)).all()
    assert expected(golden, "core", feature, "mean") == pytest.approx(
        column(evaluations, "mean", feature), rel=1e-10
    )
    assert expected(golden, "core", feature, "std") == pytest.approx(
        column(evaluations, "std", feature), rel=1e-8, abs=1e-9
    )


@pytest.mark.parametrize(
    ("statistic", "key"), [("chi2", "chi2"), ("chi2_pvalue", "chi2_p"), ("js_distance", "js_distance_base2")]
)
def test_categories_agree_with_scipy(evaluations, golden, statistic, key):
    """Contingency test and Jensen–Shannon distance of the day."""
    assert expected(golden, "core", "day", key) == pytest.approx(
        column(evaluations, statistic, "day"), rel=1e-9, abs=1e-9
    )


@pytest.mark.parametrize("feature", NUMERIC)
def test_the_pvalue_follows_scipys(evaluations, golden, feature):
    """Where D is exact at the edges, within 1.1 % of scipy's asymptotic p-value above 1e-4."""
    theirs, ours = expected(golden, "core", feature, "ks_p_asymp"), column(evaluations, "ks_pvalue", feature)
    exact = np.isclose(
        expected(golden, "core", feature, "ks"), column(evaluations, "ks", feature), atol=1e-12
    )
    checked = exact & (theirs > 1e-4)
    assert theirs[checked] == pytest.approx(ours[checked], rel=0.011)


def test_a_constant_that_moves_is_seen_by_psi_only(evaluations):
    """vicprice leaves its fill value in 1997: decile PSI stays 0, coarse PSI does not."""
    assert column(evaluations, "psi_deciles", "vicprice")[-1] == 0
    assert column(evaluations, "psi", "vicprice")[-1] > 5
