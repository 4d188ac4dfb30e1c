"""What a rule must know of each statistic: its windows, its better direction, and its range."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from driftline.settings import WindowKind


class Better(StrEnum):
    """In which direction a statistic improves."""

    HIGHER = "higher"
    """It worsens by a ``drop``."""
    LOWER = "lower"
    """It worsens by a ``rise``."""
    NEITHER = "neither"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """One statistic, as rules see it."""

    kind: WindowKind
    better: Better = Better.NEITHER
    share: bool = False
    """It lies in 0…1, so that ``points`` make sense."""
    of_feature: bool = False
    distance: bool = False
    """It is a comparison with the reference already."""
    averaged: bool = False
    proportion: bool = False
    """It is k of n, so that Wilson's limits are its own."""
    bounded: bool = False
    """It has an interval, so that ``confidence`` can be asked for."""
    in_reference: bool = True
    """A reference has a value of it."""


def _column(better: Better = Better.NEITHER, *, share: bool = False, distance: bool = False) -> Statistic:
    return Statistic(kind=WindowKind.DRIFT, better=better, share=share, of_feature=True, distance=distance)


def _ratio() -> Statistic:
    return Statistic(
        kind=WindowKind.DRIFT, better=Better.LOWER, share=True, of_feature=True, proportion=True, bounded=True
    )


def _distance(better: Better = Better.LOWER, *, share: bool = False) -> Statistic:
    return _column(better, share=share, distance=True)


def _output(*, share: bool = False) -> Statistic:
    return Statistic(kind=WindowKind.DRIFT, better=Better.LOWER, share=share, distance=True)


def _traffic(better: Better = Better.NEITHER) -> Statistic:
    return Statistic(kind=WindowKind.DRIFT, better=better, in_reference=False)


def _performance(better: Better = Better.NEITHER, *, bounded: bool = False) -> Statistic:
    return Statistic(kind=WindowKind.PERFORMANCE, better=better, bounded=bounded)


def _quality(*, averaged: bool = False) -> Statistic:
    """In 0…1, the higher the better, with an interval."""
    return Statistic(
        kind=WindowKind.PERFORMANCE, better=Better.HIGHER, share=True, averaged=averaged, bounded=True
    )


def _count() -> Statistic:
    return Statistic(kind=WindowKind.PERFORMANCE, in_reference=False)


STATISTICS: dict[str, Statistic] = {
    "psi": _distance(),
    "psi_deciles": _distance(),
    "ks": _distance(share=True),
    "ks_high": _distance(share=True),
    "ks_pvalue": _distance(Better.HIGHER, share=True),
    "wasserstein": _distance(),
    "js_distance": _distance(share=True),
    "hellinger": _distance(share=True),
    "total_variation": _distance(share=True),
    "l_infinity": _distance(share=True),
    "chi2": _distance(),
    "chi2_pvalue": _distance(Better.HIGHER, share=True),
    "mean": _column(),
    "std": _column(),
    "missing_ratio": _ratio(),
    "invalid_ratio": _ratio(),
    "unseen_ratio": _ratio(),
    "out_of_range_ratio": _ratio(),
    "prediction_psi": _output(),
    "prediction_js_distance": _output(share=True),
    "class_ratio": Statistic(kind=WindowKind.DRIFT, share=True, proportion=True, bounded=True),
    "latency_p50": _traffic(Better.LOWER),
    "latency_p95": _traffic(Better.LOWER),
    "latency_p99": _traffic(Better.LOWER),
    "throughput": _traffic(),
    "accuracy": _quality(),
    "precision": _quality(averaged=True),
    "recall": _quality(averaged=True),
    "f1": _quality(averaged=True),
    "balanced_accuracy": _quality(),
    "mcc": _performance(Better.HIGHER),
    "auc": _quality(),
    "log_loss": _performance(Better.LOWER, bounded=True),
    "brier": _performance(Better.LOWER, bounded=True),
    "ece": Statistic(kind=WindowKind.PERFORMANCE, better=Better.LOWER, share=True, bounded=True),
    "mae": _performance(Better.LOWER, bounded=True),
    "rmse": _performance(Better.LOWER, bounded=True),
    "r2": _performance(Better.HIGHER),
    "mape": _performance(Better.LOWER),
    "bias": _performance(bounded=True),
    "label_coverage": Statistic(
        kind=WindowKind.PERFORMANCE, better=Better.HIGHER, share=True, bounded=True, in_reference=False
    ),
    "events": _count(),
    "labelled": _count(),
}
"""By name: all that is computed."""
