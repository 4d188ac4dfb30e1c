"""Limits of made-up samples are the engine's."""

from __future__ import annotations

from math import isnan

import pytest
from scipy import stats

from driftline.pipeline.margins import limits_of


@pytest.mark.parametrize(
    "metric", ["accuracy", "label_coverage", "missing_ratio", "class_ratio", "out_of_range_ratio"]
)
def test_shares_have_wilsons_limits(metric: str) -> None:
    """One-sided 95 % is the end of a two-sided 90 %."""
    expected = stats.binomtest(150, 500).proportion_ci(0.9, method="wilson")
    value, low, high = limits_of(metric, 0.3, 500, 0.95)
    assert (0.3, pytest.approx(expected.low), pytest.approx(expected.high)) == (value, low, high)


def test_what_does_not_follow_from_n_is_unknown() -> None:
    """A timeline says it: ``low``, ``high``."""
    assert all(isnan(x) for x in limits_of("auc", 0.8, 500, 0.95)[1:])
