"""The reference of elec2 against numpy, feature_engine and scikit-learn."""

import json
from pathlib import Path

import numpy as np
import pyarrow.csv as pacsv
import pytest
from sklearn.calibration import calibration_curve

from driftline.records import Coded
from driftline.reference.build import build_profile
from driftline.reference.options import BuildOptions
from driftline.reference.performance import classification

DATA = Path(__file__).parent / "data"
NUMERIC = ("nswprice", "nswdemand", "vicprice", "vicdemand", "transfer", "period")
ROWS, WINDOW = 9072, 1344


@pytest.fixture(scope="module")
def golden():
    return json.loads((DATA / "elec2.json").read_text())


@pytest.fixture(scope="module")
def columns():
    table = pacsv.read_csv(DATA / "elec2.csv.gz")
    return {name: table[name].to_numpy() for name in NUMERIC}


@pytest.fixture(scope="module")
def profile():
    options = BuildOptions(
        model="elec2", version="1", features=(*NUMERIC, "day"), categorical=("day",),
        label="class", positive="UP", rows=(0, ROWS), time="ts",
    )  # fmt: skip
    return build_profile(DATA / "elec2.csv.gz", options)


def psi(edges, reference, window):
    """PSI over right-closed bins; a share of zero is 1e-4."""
    shares = []
    for values in (reference, window):
        counts = np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1)
        shares.append(np.where(counts == 0, 1e-4, counts / len(values)))
    p, q = shares
    return float(((q - p) * np.log(q / p)).sum())


def test_deciles_are_numpys(profile, columns):
    """The decile edges of every column are numpy's, to the last bit."""
    for column in profile.numeric:
        q = np.quantile(columns[column.name][:ROWS], np.linspace(0, 1, 11))
        assert np.unique(q)[1:-1].tolist() == column.decile_edges.tolist()


def test_decile_psi_is_feature_engines(profile, columns, golden):
    """PSI over the decile edges equals feature_engine's equal_frequency in all 27 windows, to 1e-12."""
    for number, features in golden["feature_engine"]["windows"].items():
        start = ROWS + int(number) * WINDOW
        for column in profile.numeric:
            values = columns[column.name]
            found = psi(column.decile_edges, values[:ROWS], values[start : start + WINDOW])
            assert features[column.name]["equal_frequency"]["psi"] == pytest.approx(found, abs=1e-12)


def test_day_counts_are_the_golden_ones(profile, golden):
    """Days, forced to be categories, are counted as scipy was given them."""
    day = profile.categorical[0]
    expected = golden["core"]["windows"]["0"]["day"]["ref_counts"]
    assert expected == dict(zip(day.categories, day.counts.tolist(), strict=True))


def test_the_time_span_is_the_first_27_weeks(profile):
    """Times without an offset are UTC."""
    assert (831_427_200_000, 831_427_200_000 + (ROWS - 1) * 1_800_000) == profile.time_span_ms


def test_validation_metrics_are_sklearns(golden):
    """Confusion, metrics, log loss, Brier, AUC and the ECE of the calibration curve equal sklearn's on the reference's rows."""
    table = pacsv.read_csv(DATA / "elec2_predictions.csv.gz").slice(0, ROWS)
    y, answer = (Coded(table[name].to_numpy().astype(np.int32), ("DOWN", "UP")) for name in ("y", "y_pred"))
    found = classification(y, answer, table["y_prob"].to_numpy(), "UP")
    expected = golden["perf"]["performance"]["reference"]
    flat = {name: expected[name] for name in ("accuracy", "balanced_accuracy", "mcc", "log_loss", "brier")}
    flat |= expected["binary"] | {"auc": expected["roc_auc"]}
    assert expected["confusion"] == found["confusion"]
    probability, gaps = table["y_prob"].to_numpy(), np.zeros(10)
    rows = np.histogram(probability, np.linspace(0, 1, 11))[0]
    gaps[rows > 0] = np.abs(np.subtract(*calibration_curve(table["y"].to_numpy(), probability, n_bins=10)))
    flat["ece"] = (rows * gaps).sum() / rows.sum()
    assert flat == pytest.approx(found["metrics"], abs=1e-12)
    averaged = classification(y, answer, None, None)["metrics"]
    for name in ("f1", "precision", "recall"):
        golden_averages = {average: expected[average][name] for average in ("macro", "micro", "weighted")}
        assert golden_averages == pytest.approx(averaged[name], abs=1e-12)
