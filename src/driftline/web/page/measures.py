"""Everything measured of a version, as tables: performance with intervals, features by statistic."""

from __future__ import annotations

from math import isfinite

from driftline.metrics.view import WindowView
from driftline.web.page.figures import called
from driftline.web.page.markup import Markup, name, table
from driftline.web.page.readings import Reading, reading
from driftline.web.page.standing import Standing
from driftline.web.page.words import count, number, share

_MEASURES = (
    "f1", "accuracy", "balanced_accuracy", "precision", "recall", "auc", "mcc", "log_loss", "brier", "ece", "rmse",
    "mae", "r2", "bias", "mape",
)  # fmt: skip
_AVERAGE = {"binary": "binary", "multiclass": "macro"}


def measures(s: Standing) -> Markup:
    """Every performance statistic of the model as a whole."""
    average = _AVERAGE.get(s.model.task)
    rows = [
        (called(r), r.window, number(r.value) if r.known else "too little data", _between(r), count(r.n),
         number(s.model.reference_metrics.get(r.statistic)))
        for window in s.windows if window.kind == "performance"
        for measure in _MEASURES
        if (r := reading(window, measure, average)) is not None
    ]  # fmt: skip
    heads = ("Measure", "Window", "Now", "95 % interval", "n", "Validated")
    return table("Performance", heads, rows, "No window of performance is mature yet.")


def _between(r: Reading) -> str:
    return f"{number(r.low)} to {number(r.high)}" if r.known and isfinite(r.low) else "–"


def features(s: Standing) -> Markup:
    """Every feature with its statistics."""
    window = s.drift
    if window is None:
        return Markup("")
    rows = [
        (name(r.dimension.feature), number(r.value) if r.known else "too little data", *(_of(window, n, r.dimension.feature, f) for n, f in _BESIDE), count(r.n))
        for r in s.drifted
    ]  # fmt: skip
    heads = ("Feature", "PSI", "KS", "Wasserstein", "Missing", "Invalid", "Unseen", "Out of range", "n")
    return table(f"Features over {window.window}", heads, rows, "No features in the reference.")


_BESIDE = (
    ("ks", number), ("wasserstein", number), ("missing_ratio", share), ("invalid_ratio", share),
    ("unseen_ratio", share), ("out_of_range_ratio", share),
)  # fmt: skip


def _of(window: WindowView, measure: str, feature: str | None, shown: object) -> str:
    for evaluation in window.evaluations:
        if evaluation.statistic == measure:
            for k, dimension in enumerate(evaluation.dimensions):
                if dimension.feature == feature:
                    enough = bool(evaluation.sufficient[-1, k])
                    return shown(float(evaluation.value[-1, k])) if enough else "–"  # type: ignore[operator]
    return "–"
