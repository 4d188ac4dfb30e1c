"""Expected calibration error: against other ways to reckon it, its limits, and windows that lack its sums."""

from __future__ import annotations

from dataclasses import replace
from math import isnan, nan

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from driftline.aggregates import calibration
from driftline.aggregates.panes import Panes
from driftline.aggregates.performance import EVENTS, LABELLED, LOSSES, Changes, PerformanceLayout
from driftline.aggregates.scores import score_edges
from driftline.aggregates.totals import Totals
from driftline.config.series import gate_of
from driftline.records import Coded, Dimension, Evaluation, Floats, Ints
from driftline.reference import performance
from driftline.rules.tasks import tasks_of
from driftline.settings import DEFAULT_GATES, Task, Window
from driftline.statistics import intervals
from driftline.statistics.calibration import Bins, expected_error
from driftline.statistics.performance import evaluate_performance

LAYOUT = PerformanceLayout.of(Task.BINARY, ("n", "y"), "y")
MINUTE = 60_000


def changes(truth: Floats | Ints, score: Floats, sign: int = 1) -> Changes:
    """Labels 0 and 1 with their scores, counted or taken back."""
    n, none = len(truth), np.full(len(truth), nan)
    codes = np.asarray(truth, np.int32)
    return Changes(
        np.full(n, sign, np.int64), codes, codes, score, None, none, none, np.zeros((n, 0), np.int32)
    )


def totals(truth: Floats | Ints, score: Floats, sign: int = 1, layout: PerformanceLayout = LAYOUT) -> Totals:
    """The same, summed."""
    return layout.totals(changes(truth, score, sign), np.arange(len(truth)))


def judged(*windows: Totals, layout: PerformanceLayout = LAYOUT, **gates: int) -> Evaluation:
    """ECE of these windows."""
    counts, sums = np.stack([t.counts for t in windows]), np.stack([t.sums for t in windows])
    counts[:, EVENTS] = counts[:, LABELLED]
    [found] = evaluate_performance(layout, counts, sums, {**DEFAULT_GATES, **gates}, 0.0, {"ece"})
    return found


def ece(truth: Floats | Ints, score: Floats) -> float:
    """Of one window."""
    return float(judged(totals(truth, score)).value[0, 0])


def scored(rng: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    """Labels of an overconfident model with its scores."""
    t = rng.normal(-0.5, 1.5, n)
    return (rng.random(n) < 1 / (1 + np.exp(-0.6 * t))).astype(np.float64), 1 / (1 + np.exp(-t))


@pytest.mark.parametrize("seed", range(5))
def test_it_is_what_sklearns_calibration_curve_gives(seed: int) -> None:
    """Its bins' means, weighted by their rows; both round to within the unit of the sums."""
    truth, score = scored(np.random.default_rng(seed), 3000)
    of_labels, of_scores = calibration_curve(truth, score, n_bins=10, strategy="uniform")
    rows = np.histogram(score, np.linspace(0, 1, 11))[0]
    expected = (rows[rows > 0] * np.abs(of_labels - of_scores)).sum() / 3000
    assert ece(truth, score) == pytest.approx(expected, abs=2e-10)


def test_by_hand() -> None:
    """Three bins of two rows: 0.75 too low, 0.35 too high, 0.3 too high."""
    truth, score = np.array([1, 1, 0, 0, 0, 1]), np.array([0.25, 0.25, 0.35, 0.35, 0.8, 0.8])
    expected = (2 * 0.75 + 2 * 0.35 + 2 * 0.3) / 6
    assert ece(truth, score) == pytest.approx(expected, abs=2e-10)


def test_bins_are_right_closed_at_the_very_tenths() -> None:
    """k/10 is in the bin that it ends, the next float64 in the one after it, 0 in the first; so say the histograms."""
    tenths = np.arange(11) / 10
    assert calibration.bins_of(tenths).tolist() == [0, *range(10)]
    assert calibration.bins_of(np.nextafter(tenths[:-1], 1)).tolist() == list(range(10))
    edges = score_edges()
    near = np.concatenate([tenths, np.nextafter(tenths[:-1], 1), np.nextafter(tenths[1:], 0), edges])
    fine = np.searchsorted(edges, near, side="left")
    tenth = np.searchsorted(calibration.starts(edges), fine, side="right") - 1
    assert tenth.tolist() == calibration.bins_of(near).tolist()


@pytest.mark.parametrize("rows", [[], [nan, nan], [1.5, -0.1]])
def test_without_a_score_there_is_none(rows: list[float]) -> None:
    """Null, insufficient, n 0."""
    found = judged(totals(np.zeros(len(rows)), np.array(rows)), log_loss=0)
    assert isnan(found.value[0, 0])
    assert found.low is not None
    assert isnan(found.low[0, 0])
    assert found.n.tolist() == [[0]]


@pytest.mark.parametrize(
    ("truth", "score", "expected"), [(1, 1.0, 0.0), (0, 0.0, 0.0), (0, 1.0, 1.0), (1, 0.0, 1.0)]
)
def test_it_is_in_0_to_1_and_so_are_its_limits(truth: int, score: float, expected: float) -> None:
    """All right and all wrong, certain both times."""
    found = judged(totals(np.full(300, truth), np.full(300, score)))
    assert found.low is not None
    assert found.high is not None
    low, value, high = (float(x[0, 0]) for x in (found.low, found.value, found.high))
    assert value == expected
    assert 0 <= low <= value <= high <= 1
    assert high - low < 0.12


def test_its_gate_is_that_of_log_loss() -> None:
    """On rows with a score."""
    rng = np.random.default_rng(1)
    windows = [totals(*scored(rng, n)) for n in (199, 200)]
    assert judged(*windows).sufficient.tolist() == [[False], [True]]
    assert judged(*windows, log_loss=199).sufficient.all()


@pytest.mark.parametrize("task", [Task.MULTICLASS, Task.REGRESSION])
def test_other_tasks_have_none(task: Task) -> None:
    """They keep no bins of confidence."""
    layout = PerformanceLayout.of(task, ("n", "y") if task is Task.MULTICLASS else ())
    empty = layout.empty()
    assert evaluate_performance(layout, empty.counts[None], empty.sums[None], {}, 0.0, {"ece"}) == []


def test_rules_know_its_task_and_its_gate() -> None:
    """A test of rules goes by the same gate as a window."""
    assert tasks_of("ece") == {Task.BINARY}
    assert gate_of("ece", Dimension(), {**DEFAULT_GATES, "log_loss": 7}) == 7


def test_a_reference_keeps_what_its_limits_need() -> None:
    """Its sums are those of its rows in each bin, so its ECE has the limits that a window of these rows has."""
    truth, score = scored(np.random.default_rng(2), 5000)
    coded = Coded(truth.astype(np.int32), ("n", "y"))
    kept = performance.classification(coded, coded, score, "y")
    bins = Bins(*(np.array(kept["calibration"][name]) for name in ("n", "scores", "positives", "squares")))
    own, window = expected_error(bins), judged(totals(truth, score))
    assert own.value == pytest.approx(kept["metrics"]["ece"], abs=1e-12)
    assert own.value == pytest.approx(window.value[0, 0], abs=2e-10)
    assert own.error == pytest.approx(window.extra["se"][0, 0], rel=2e-3)
    assert own.upward == pytest.approx(window.extra["upward"][0, 0], rel=2e-3)
    assert "calibration" not in performance.classification(coded, coded, np.full(5000, nan), "y")


# -- how sure ----------------------------------------------------------------------------------------


def probabilities(rng: np.random.Generator, kind: str, n: int) -> Floats:
    """Scores of a middling, a rare and a sharp model, and always the same."""
    if kind == "sharp":
        return rng.beta(0.3, 0.3, n)
    if kind == "constant":
        return np.full(n, 0.001)
    return 1 / (1 + np.exp(-(rng.normal(-0.5, 1.5, n) if kind == "middling" else rng.normal(-5, 1, n))))


TRUTHS = {
    "calibrated": lambda p: p,
    "overconfident": lambda p: p**0.6 / (p**0.6 + (1 - p) ** 0.6),
    "a little": lambda p: p**0.9 / (p**0.9 + (1 - p) ** 0.9),
    "one half": lambda p: np.where(p < 0.5, p, p**1.5),
    "shifted": lambda p: 0.05 + 0.9 * p,
}


@pytest.mark.parametrize("kind", ["middling", "rare", "sharp", "constant"])
@pytest.mark.parametrize("truth", TRUTHS)
def test_intervals_hold_the_truth_at_least_as_often_as_they_say(kind: str, truth: str) -> None:
    """Of 400 windows of 200, and of 1000 rows, whatever the scores are like; the truth is that of a million."""
    rng = np.random.default_rng(3)
    many = probabilities(rng, kind, 1_000_000)
    gaps = np.bincount(calibration.bins_of(many), many - TRUTHS[truth](many))
    true = np.abs(gaps).sum() / len(many)
    for rows in (200, 1000):
        drawn = [probabilities(rng, kind, rows) for _ in range(400)]
        found = judged(*(totals(rng.random(rows) < TRUTHS[truth](p), p) for p in drawn))
        assert found.low is not None
        assert found.high is not None
        held = (found.low[:, 0] <= true + 1e-12) & (true <= found.high[:, 0])
        assert held.mean() > 0.94


def test_limits_do_not_take_noise_for_a_lack_of_calibration() -> None:
    """A calibrated model's ECE is 0.07 in 200 rows, and its interval reaches down to 0 nearly always."""
    rng = np.random.default_rng(4)
    drawn = [probabilities(rng, "middling", 200) for _ in range(400)]
    found = judged(*(totals(rng.random(200) < p, p) for p in drawn))
    assert found.low is not None
    assert 0.05 < found.value.mean() < 0.09
    assert (found.low == 0).mean() > 0.97


def test_a_rule_has_one_sided_limits_at_its_confidence() -> None:
    """Narrower at a lower confidence; the lower one is further off."""
    found = judged(totals(*scored(np.random.default_rng(5), 20_000)))
    wide, narrow = (intervals.bounds(found, 0, 0, c) for c in (0.99, 0.8))
    value = float(found.value[0, 0])
    assert 0 < wide[0] < narrow[0] < value < narrow[1] < wide[1]
    assert value - narrow[0] > narrow[1] - value


# -- panes without the sums --------------------------------------------------------------------------


def old(pane: Totals, layout: PerformanceLayout = LAYOUT) -> Totals:
    """A pane as an earlier release kept it, read today."""
    return replace(pane, sums=layout.completed(pane.counts, pane.sums[:LOSSES].copy()))


def test_a_window_with_an_old_pane_has_none_until_it_has_left() -> None:
    """One of three panes is old; what is there to be seen of the others is the same as ever."""
    rng = np.random.default_rng(6)
    parts = [scored(rng, 300) for _ in range(5)]
    window = Window(3 * MINUTE, MINUTE)
    panes, plain = Panes(window, LAYOUT.empty()), Panes(window, LAYOUT.empty())
    for place, part in enumerate(parts):
        pane = totals(*part)
        plain.add(place * MINUTE, pane)
        panes.add(place * MINUTE, old(pane) if place == 0 else pane)
    ends = [3 * MINUTE, 4 * MINUTE, 5 * MINUTE]
    found, expected = (judged(*(p.at(end) for end in ends)) for p in (panes, plain))
    assert found.sufficient[:, 0].tolist() == [False, True, True]
    assert isnan(found.value[0, 0])
    assert found.value[1:].tolist() == expected.value[1:].tolist()
    assert found.n.tolist() == expected.n.tolist()


def test_labels_of_an_old_pane_that_are_corrected_do_not_make_it_new() -> None:
    """The sums lack what is taken back; that they lack anything stays known."""
    truth, score = scored(np.random.default_rng(7), 300)
    pane = old(totals(truth, score))
    pane.add(totals(truth, score, sign=-1))
    pane.add(totals(1 - truth, score))
    assert not judged(pane).sufficient.any()
    assert isnan(judged(pane).value[0, 0])


def test_an_old_pane_without_scores_lacks_nothing() -> None:
    """Rows that take part in nothing are no reason to wait."""
    truth, score = scored(np.random.default_rng(8), 300)
    window = old(totals(truth, np.full(300, nan)))
    window.add(totals(truth, score))
    assert judged(window).value[0, 0] == ece(truth, score)


def test_an_old_pane_stays_old_in_a_layout_that_has_grown() -> None:
    """More segments: the mark goes with the sums."""
    grown = LAYOUT.grown(LAYOUT.classes, (("region", ("eu", "us")),))
    pane = LAYOUT.convert(old(totals(*scored(np.random.default_rng(9), 300))), grown)
    assert not judged(pane, layout=grown).sufficient.any()
