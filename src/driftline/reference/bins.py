"""Bins of a reference column: exact quantiles, single-value bins, counts and means; category counts.

It deliberately reads no files: a column comes as one array.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.records import Floats, Ints
from driftline.reference.profile import CategoricalProfile, NumericProfile

_FINE = np.delete(np.linspace(0, 1, 101), np.s_[::10])
"""The percentiles without the deciles, which are taken as numpy's ``linspace(0, 1, 11)`` writes them."""
_TAILS = np.array([0.001, 0.005, 0.995, 0.999])
_DECILES = np.linspace(0, 1, 11)
_SHARES = np.concatenate([_DECILES, _FINE, _TAILS])
_OWN_BIN = 100
"""A value that holds more than 1/100 of the column has a bin of its own."""
_OWN_COARSE_BIN = 10
_CHUNK = 1 << 20


def numeric_profile(name: str, values: NDArray[np.floating[Any]], *, float32: bool = False) -> NumericProfile:
    """Profile of a numeric column.

    Parameters
    ----------
    values
        [rows] float64 or float32; NaN is missing, +-inf invalid. Not modified.
    float32
        The column is float32: production rounds to float32, then compares with the (float64) edges.

    Notes
    -----
    Bins are right-closed: value x is in bin ``searchsorted(edges, x, side="left")``. Quantiles are
    ``np.quantile`` (linear) of the float64 values. Without valid values there are no edges and one bin,
    with center 0, scale 1, and NaN for mean, std, minimum and maximum.
    """
    valid, missing, invalid = _valid(values)
    if valid.size == 0:
        return _empty_profile(name, missing, invalid, float32=float32)
    deciles, fine = np.split(_quantiles(valid, _SHARES), [_DECILES.size])
    valid.sort()
    inner = np.unique(deciles)[1:-1]
    edges = _edges(inner, fine, _pairs(_frequent(valid, _OWN_BIN)))
    counts, means = _fold(valid, edges)
    mean, std = _moments(valid)
    return NumericProfile(
        name=name,
        float32=float32,
        edges=edges,
        counts=counts,
        means=means,
        decile_edges=inner,
        coarse_edges=_edges(inner, _pairs(_frequent(valid, _OWN_COARSE_BIN))),
        single=_single(edges),
        n=int(valid.size),
        missing=missing,
        invalid=invalid,
        center=float(deciles[5]),
        scale=std if 0 < std < np.inf else 1.0,
        mean=mean,
        std=std,
        minimum=float(valid[0]),
        maximum=float(valid[-1]),
    )


def _empty_profile(name: str, missing: int, invalid: int, *, float32: bool) -> NumericProfile:
    none = np.empty(0)
    return NumericProfile(
        name=name, float32=float32, edges=none, counts=np.zeros(1, np.int64), means=np.array([np.nan]),
        decile_edges=none, coarse_edges=none, single=np.empty(0, np.int64), n=0, missing=missing,
        invalid=invalid, center=0.0, scale=1.0, mean=np.nan, std=np.nan, minimum=np.nan, maximum=np.nan,
    )  # fmt: skip


def _valid(values: NDArray[np.floating[Any]]) -> tuple[Floats, int, int]:
    """A copy of the finite values as float64 (-0.0 as 0.0), and how many were missing and invalid."""
    finite = np.isfinite(values)
    missing = int(np.count_nonzero(np.isnan(values)))
    valid = values[finite].astype(np.float64, copy=False)
    valid += 0.0
    return valid, missing, int(values.size - valid.size - missing)


def _quantiles(values: Floats, shares: Floats) -> Floats:
    """``np.quantile``, which reorders ``values``; where its interpolation overflows, the lower neighbours."""
    with np.errstate(over="ignore", invalid="ignore"):
        linear = np.quantile(values, shares, overwrite_input=True)
    if np.isfinite(linear).all():
        return np.asarray(linear + 0.0)
    return np.asarray(np.quantile(values, shares, method="lower"))


def _frequent(ordered: Floats, parts: int) -> Floats:
    """The values that hold more than 1/``parts`` of the sorted ones.

    Such a value is longer than n // parts in a row, so every (n // parts)-th place meets it.
    """
    candidates = np.unique(ordered[:: max(1, ordered.size // parts)])
    first = np.searchsorted(ordered, candidates, side="left")
    last = np.searchsorted(ordered, candidates, side="right")
    return np.asarray(candidates[(last - first) * parts > ordered.size])


def _pairs(values: Floats) -> Floats:
    """{prev(v), v} of each value: the edges of its own bin (prev(v), v]."""
    with np.errstate(over="ignore"):
        return np.concatenate([np.nextafter(values, -np.inf), values])


def _edges(*parts: Floats) -> Floats:
    together = np.unique(np.concatenate(parts))
    return np.asarray(together[np.isfinite(together)])


def _single(edges: Floats) -> Ints:
    """Indices of the bins (prev(v), v]."""
    return np.asarray(np.flatnonzero(np.nextafter(edges[1:], -np.inf) == edges[:-1]) + 1, np.int64)


def _fold(ordered: Floats, edges: Floats) -> tuple[Ints, Floats]:
    """Count and mean of the sorted values in each bin; the mean of an empty bin is NaN."""
    places = np.searchsorted(ordered, edges, side="right")
    bounds = np.concatenate([[0], places, [ordered.size]])
    means = [_mean(ordered[a:b]) for a, b in pairwise(bounds)]
    return np.diff(bounds).astype(np.int64), np.array(means, np.float64)


def _mean(ordered: Floats) -> float:
    """Mean of sorted values, within their range even where the plain sum overflows or rounds."""
    if ordered.size == 0:
        return float("nan")
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(ordered.mean())
        if not np.isfinite(mean):
            mean = float((ordered / ordered.size).sum())
    return min(max(mean, float(ordered[0])), float(ordered[-1]))


def _moments(ordered: Floats) -> tuple[float, float]:
    """Mean and population standard deviation; 0 if constant, inf where the squares overflow."""
    mean = _mean(ordered)
    if ordered[0] == ordered[-1]:
        return mean, 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        chunks = (ordered[i : i + _CHUNK] - mean for i in range(0, ordered.size, _CHUNK))
        squares = [float(np.square(chunk).sum()) for chunk in chunks]
    return mean, float(np.sqrt(sum(squares) / ordered.size))


def categorical_profile(
    name: str, counts: Mapping[str, int], *, missing: int = 0, invalid: int = 0
) -> CategoricalProfile:
    """Profile of a categorical column from the count of each canonical string, by falling count, then name."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return CategoricalProfile(
        name=name,
        categories=tuple(value for value, _ in ranked),
        counts=np.array([count for _, count in ranked], np.int64),
        n=sum(counts.values()),
        missing=missing,
        invalid=invalid,
    )


def bins_id(
    numeric: Sequence[NumericProfile],
    categorical: Sequence[CategoricalProfile],
    label_mean: float | None = None,
) -> str:
    """Hash of all that gives a pane's counts and sums their meaning: panes of two ids are never summed.

    That is edges, category order, and the centres and scales of the sums. 32 hexadecimal digits.
    """
    content = [
        [[p.name, p.float32, p.edges.tolist(), p.center, p.scale] for p in numeric],
        [[p.name, list(p.categories)] for p in categorical],
        label_mean,
    ]
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()[:32]
