"""Bins of a reference column."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from driftline.reference.bins import bins_id, categorical_profile, numeric_profile

SEED = 20260101


def normal(n: int = 5000) -> np.ndarray:
    return np.random.default_rng(SEED).normal(size=n)


NASTY = {
    "none": np.empty(0),
    "all missing": np.full(7, np.nan),
    "one value": np.array([3.0]),
    "constant": np.full(1000, 0.1),
    "two values": np.array([0.0, 1.0] * 50),
    "huge": np.concatenate([normal(300), [1e300, -1e300]]),
    "largest": np.array([-1.7976931348623157e308, 1.7976931348623157e308] * 5),
    "heavy tails": np.random.default_rng(SEED).standard_cauchy(3000),
    "infinite": np.array([np.inf, -np.inf, np.nan, 1.0, 2.0]),
    "zeros of both signs": np.array([-0.0, 0.0, 1.0, 2.0]),
    "spike": np.concatenate([np.zeros(200), normal(800)]),
    "subnormal": np.array([5e-324, 1e-323, 0.0, 2e-323]),
    "whole numbers": np.arange(10_000.0) // 7,
}


@pytest.mark.parametrize("values", NASTY.values(), ids=NASTY.keys())
def test_counts_are_those_of_right_closed_bins(values):
    """Value x is in bin searchsorted(edges, x, left), whatever the values are."""
    profile = numeric_profile("x", values)
    valid = values[np.isfinite(values)]
    bins = np.searchsorted(profile.edges, valid, side="left")
    assert np.bincount(bins, minlength=len(profile.edges) + 1).tolist() == profile.counts.tolist()
    assert (valid.size, int(np.isnan(values).sum()), int(np.isinf(values).sum())) == (
        profile.n, profile.missing, profile.invalid)  # fmt: skip


@pytest.mark.parametrize("values", NASTY.values(), ids=NASTY.keys())
def test_decile_and_coarse_edges_are_among_the_edges(values):
    """Coarser bins are sums of bins: their edges are edges, finite and rising."""
    profile = numeric_profile("x", values)
    edges = set(profile.edges.tolist())
    assert set(profile.decile_edges.tolist()) <= edges
    assert set(profile.coarse_edges.tolist()) <= edges
    assert np.isfinite(profile.edges).all()
    assert (profile.edges[1:] > profile.edges[:-1]).all()
    assert np.isfinite(profile.center)
    assert 0 < profile.scale < np.inf


@pytest.mark.parametrize("values", NASTY.values(), ids=NASTY.keys())
def test_means_lie_in_their_bins(values):
    """A bin's mean lies in the bin, and is NaN exactly where it is empty."""
    profile = numeric_profile("x", values)
    filled = profile.counts > 0
    assert np.isnan(profile.means).tolist() == (~filled).tolist()
    assert np.searchsorted(profile.edges, profile.means[filled]).tolist() == np.flatnonzero(filled).tolist()


def test_deciles_are_numpys_to_the_last_bit():
    """psi_deciles' inner edges are np.unique(np.quantile(x, linspace(0, 1, 11)))[1:-1]."""
    values = normal()
    assert np.unique(np.quantile(values, np.linspace(0, 1, 11)))[1:-1].tolist() == (
        numeric_profile("x", values).decile_edges.tolist())  # fmt: skip


def columns_of(dtype):
    width = np.dtype(dtype).itemsize * 8
    few = st.sampled_from([0.0, -0.0, 1.0, 2.5, float("nan"), float("inf")])
    wide = st.floats(-(2.0**99), 2.0**99, width=width)
    return arrays(dtype, st.integers(0, 300), elements=few | wide, fill=st.nothing())


@given(columns_of(np.float64) | columns_of(np.float32))
def test_any_column_has_numpys_deciles_and_exact_counts(values):
    """Ties, few values, float32: deciles are numpy's bit for bit, counts those of searchsorted."""
    valid = values[np.isfinite(values)].astype(np.float64)
    profile = numeric_profile("x", values, float32=values.dtype == np.float32)
    if valid.size:
        deciles = np.unique(np.quantile(valid, np.linspace(0, 1, 11)))[1:-1]
        assert deciles.tolist() == profile.decile_edges.tolist()
        own = {v for v in set(valid.tolist()) if (valid == v).sum() * 100 > valid.size}
        assert own <= set(profile.edges[profile.single].tolist())
    counts = np.bincount(np.searchsorted(profile.edges, valid), minlength=profile.edges.size + 1)
    assert counts.tolist() == profile.counts.tolist()
    assert set(profile.decile_edges.tolist()) | set(profile.coarse_edges.tolist()) <= set(
        profile.edges.tolist()
    )


def test_float32_deciles_are_those_of_the_same_numbers_as_float64():
    """A float32 column's quantiles are computed in float64."""
    values = normal().astype(np.float32)
    expected = np.unique(np.quantile(values.astype(np.float64), np.linspace(0, 1, 11)))[1:-1]
    profile = numeric_profile("x", values, float32=True)
    assert expected.tolist() == profile.decile_edges.tolist()
    assert profile.float32


def test_without_ties_there_are_the_percentiles_and_four_tail_edges():
    """99 percentiles and 4 tail edges make 104 bins."""
    assert len(numeric_profile("x", normal()).counts) == 99 + 4 + 1


def test_a_frequent_value_has_a_bin_of_its_own():
    """20 % zeros: the bin (prev(0), 0] holds them alone, in the fine and the coarse bins."""
    profile = numeric_profile("x", NASTY["spike"])
    place = np.searchsorted(profile.edges, 0.0)
    assert profile.counts[place] == 200
    assert place in profile.single
    assert {np.nextafter(0, -1), 0.0} <= set(profile.coarse_edges.tolist())


def test_a_value_of_exactly_a_hundredth_has_no_own_bin():
    """The share must exceed 1/100."""
    ordinary = np.linspace(1, 2, 990)
    at = numeric_profile("x", np.concatenate([np.full(10, 0.5), ordinary]))
    above = numeric_profile("x", np.concatenate([np.full(11, 0.5), ordinary]))
    assert np.nextafter(0.5, 0) not in at.edges
    assert np.nextafter(0.5, 0) in above.edges


def test_a_constant_column_has_scale_one():
    """A constant has three bins, deviation 0, scale 1, and no deciles."""
    profile = numeric_profile("x", NASTY["constant"])
    assert [0, 1000, 0] == profile.counts.tolist()
    assert (0.0, 1.0, 0.1, []) == (profile.std, profile.scale, profile.mean, profile.decile_edges.tolist())
    assert [1] == profile.single.tolist()


def test_a_column_without_values_has_one_bin():
    """All missing: no edges, one bin, and NaN where nothing is known."""
    profile = numeric_profile("x", NASTY["all missing"])
    assert ([0], [], 7) == (profile.counts.tolist(), profile.edges.tolist(), profile.missing)
    assert np.isnan([profile.mean, profile.std, profile.minimum, profile.maximum]).all()


def test_moments_are_numpys():
    """Mean and population deviation agree with numpy's."""
    values = normal()
    profile = numeric_profile("x", values)
    assert [values.mean(), values.std()] == pytest.approx([profile.mean, profile.std], rel=1e-13)


def test_an_infinite_deviation_gives_scale_one():
    """Squares that overflow: the deviation is not finite, the scale is 1."""
    profile = numeric_profile("x", NASTY["huge"])
    assert (np.inf, 1.0) == (profile.std, profile.scale)


def test_the_values_handed_in_stay_as_they_are():
    """The caller's array is not sorted under it."""
    values = normal(100)
    before = values.copy()
    numeric_profile("x", values)
    assert before.tolist() == values.tolist()


def test_categories_stand_by_falling_count_then_name():
    """The order is a function of the counts alone."""
    profile = categorical_profile("c", {"b": 1, "z": 5, "a": 1}, missing=2)
    assert (("z", "a", "b"), [5, 1, 1], 7, 2) == (
        profile.categories, profile.counts.tolist(), profile.n, profile.missing)  # fmt: skip


def test_other_bins_have_another_id():
    """One changed value that moves an edge gives another bins_id; the same values give the same."""
    values = normal(200)
    other = values.copy()
    other[0] += 1
    ids = [bins_id([numeric_profile("x", v)], []) for v in (values, values[::-1], other)]
    assert ids[0] == ids[1] != ids[2]
