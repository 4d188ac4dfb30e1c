"""Classification statistics of Elec2 against sklearn's numbers in the golden file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from driftline.aggregates.performance import Changes, PerformanceLayout
from driftline.records import Dimension, Evaluation
from driftline.settings import DEFAULT_GATES, Task
from driftline.statistics.performance import evaluate_performance

DATA = Path(__file__).parent / "data"
GOLDEN = json.loads((DATA / "elec2.json").read_text())["perf"]["performance"]
REFERENCE_ROWS, WINDOW_ROWS = 9072, 1344
LAYOUT = PerformanceLayout.of(Task.BINARY, ("0", "1"), "1")
BINARY = Dimension(average="binary")


def changes() -> Changes:
    """All predictions with their labels."""
    columns = (1, 2, 3)
    truth, predicted, score = np.loadtxt(
        DATA / "elec2_predictions.csv.gz", delimiter=",", skiprows=1, usecols=columns
    ).T
    n, none = len(truth), np.full(len(truth), np.nan)
    codes = truth.astype(np.int32), predicted.astype(np.int32)
    return Changes(np.ones(n, np.int64), *codes, score, None, none, none, np.zeros((n, 0), np.int32))


@pytest.fixture(scope="module")
def evaluations() -> dict[str, Evaluation]:
    """Reference and windows "0".."26", evaluated in one call; end e is ``list(GOLDEN)[e]``."""
    data = changes()
    n = len(data.sign)
    starts = [0, *range(REFERENCE_ROWS, n, WINDOW_ROWS)]
    ends = [REFERENCE_ROWS, *(min(s + WINDOW_ROWS, n) for s in starts[1:])]
    counts, sums = [], []
    for start, end in zip(starts, ends, strict=True):
        rows = np.arange(start, end)
        totals = LAYOUT.totals(data, rows)
        events = LAYOUT.predictions(data.sign[rows], data.segments[rows])
        counts.append(totals.counts + events.counts)
        sums.append(totals.sums)
    found = evaluate_performance(LAYOUT, np.array(counts), np.array(sums), DEFAULT_GATES, 0.5)
    return {evaluation.statistic: evaluation for evaluation in found}


def value(evaluations: dict[str, Evaluation], key: str, statistic: str, at: Dimension) -> float:
    """One value."""
    evaluation = evaluations[statistic]
    return float(evaluation.value[list(GOLDEN).index(key), evaluation.dimensions.index(at)])


@pytest.mark.parametrize("key", GOLDEN)
def test_confusion_statistics_equal_sklearns(evaluations: dict[str, Evaluation], key: str) -> None:
    """Accuracy, balanced accuracy, MCC, and precision, recall and F1 of every average agree to 1e-9."""
    golden = GOLDEN[key]
    expected = {(name, None): golden[name] for name in ("accuracy", "balanced_accuracy", "mcc")}
    for average in ("binary", "micro", "macro", "weighted"):
        expected |= {(name, average): golden[average][name] for name in ("precision", "recall", "f1")}
    actual = {
        (name, average): value(evaluations, key, name, Dimension(average=average))
        for name, average in expected
    }
    assert pytest.approx(expected, abs=1e-9) == actual


@pytest.mark.parametrize("key", GOLDEN)
@pytest.mark.parametrize("name", ["log_loss", "brier"])
def test_losses_equal_sklearns(evaluations: dict[str, Evaluation], key: str, name: str) -> None:
    """The fixed-point sums give log loss and Brier to 1e-9."""
    assert pytest.approx(GOLDEN[key][name], abs=1e-9) == value(evaluations, key, name, Dimension())


@pytest.mark.parametrize("key", GOLDEN)
def test_auc_is_within_its_stated_bound(evaluations: dict[str, Evaluation], key: str) -> None:
    """sklearn's AUC lies within the bound that comes with ours.

    No design fixes how tight that is: on Elec2 the bound was measured to reach 0.0237 (window 17) and the
    true error 0.0020 (window 16); the last two lines only keep them from getting worse unseen.
    """
    auc = evaluations["auc"]
    e = list(GOLDEN).index(key)
    bound = float(auc.extra["bound"][e, 0])
    error = abs(GOLDEN[key]["roc_auc"] - float(auc.value[e, 0]))
    assert error <= bound + 1e-12
    assert bound < 0.024
    assert error < 0.002


def test_every_window_counts_its_rows(evaluations: dict[str, Evaluation]) -> None:
    """n, labelled and events are the golden file's n, and coverage is 1 everywhere."""
    expected = [window["n"] for window in GOLDEN.values()]
    for name in ("accuracy", "labelled", "events", "label_coverage"):
        assert expected == evaluations[name].n[:, 0].tolist()
    assert [1.0] * len(expected) == evaluations["label_coverage"].value[:, 0].tolist()


def test_a_reference_confusion_is_evaluated_like_a_window(evaluations: dict[str, Evaluation]) -> None:
    """The reference's stored confusion gives the F1 and limits that its rows give."""
    totals = LAYOUT.reference_totals(("0", "1"), np.array(GOLDEN["reference"]["confusion"]))
    [f1] = evaluate_performance(LAYOUT, totals.counts[None], totals.sums[None], DEFAULT_GATES, 0.5, {"f1"})
    assert f1.low is not None
    assert evaluations["f1"].low is not None
    k = f1.dimensions.index(BINARY)
    assert evaluations["f1"].value[0, k] == f1.value[0, k]
    assert evaluations["f1"].low[0, k] == f1.low[0, k]
