"""The latency histogram: log-spaced bins that every model shares.

Edges are 2^(k/8) ms from 2^-4 (62.5 µs) to 2^20 (17.5 min), so a bin is 9.05 % wide. Bins are right-closed,
as Prometheus's; the first holds all below, the last all above.
"""

from __future__ import annotations

import numpy as np

from driftline.records import Floats, Ints

PER_OCTAVE = 8
LOWEST_OCTAVE = -4
HIGHEST_OCTAVE = 20
BINS = (HIGHEST_OCTAVE - LOWEST_OCTAVE) * PER_OCTAVE + 2


DELAY_BOUNDS_S = np.array(
    [1, 5, 15, 30, 60, 300, 900, 1800, 3600, 7200, 14400, 28800, 43200, 86400, 172800, 259200, 432000,
     604800, 1209600, 1814400, 2592000, 5184000, 7776000], dtype=np.float64,
)  # fmt: skip
"""Right-closed buckets of label delays, from a second to 90 days."""


def edges_ms() -> Floats:
    """The BINS - 1 inner edges in milliseconds."""
    return np.asarray(np.exp2(np.arange(BINS - 1) / PER_OCTAVE + LOWEST_OCTAVE), np.float64)


def usable(latency_ms: Floats) -> Floats:
    """The finite latencies that are not negative."""
    return latency_ms[(latency_ms >= 0) & (latency_ms < np.inf)]


def histogram(latency_ms: Floats) -> Ints:
    """Counts [BINS] of usable latencies."""
    return np.bincount(np.searchsorted(edges_ms(), np.sort(latency_ms)), minlength=BINS)


def microseconds(latency_ms: Floats) -> int:
    """Sum in whole microseconds, each latency clipped to the highest edge: exact in any order."""
    return int(np.rint(np.minimum(latency_ms, 2.0**HIGHEST_OCTAVE) * 1000.0).astype(np.int64).sum())


def prometheus_buckets(counts: Ints) -> list[tuple[float, int]]:
    """(upper edge in seconds, cumulative count) at every octave, +inf last; exact, no interpolation."""
    cumulative = np.cumsum(counts)
    at = range(0, BINS - 1, PER_OCTAVE)
    edges = edges_ms() / 1000.0
    return [(float(edges[k]), int(cumulative[k])) for k in at] + [(float("inf"), int(cumulative[-1]))]
