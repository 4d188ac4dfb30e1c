"""The grid of window ends: multiples of the slide since 1970-01-01T00:00Z."""

from __future__ import annotations

import numpy as np

from driftline.records import Ints
from driftline.settings import Window


def pane_starts(time_ms: Ints, window: Window) -> Ints:
    """Start of each event's pane, by floor division."""
    return np.floor_divide(time_ms, window.slide_ms) * window.slide_ms


def ends_with_data(starts: Ints, window: Window, after_ms: int, until_ms: int) -> Ints:
    """Window ends in (after, until] that hold one of the panes, ascending; empty stretches cost nothing.

    ``starts`` are sorted pane starts. A pane at p is in the windows that end at p + slide … p + length.
    """
    slide = window.slide_ms
    first = np.maximum(starts + slide, (after_ms // slide + 1) * slide)
    last = np.minimum(starts + window.length_ms, until_ms // slide * slide)
    return ends_between(first, last, slide)


def ends_between(first: Ints, last: Ints, slide_ms: int) -> Ints:
    """Every multiple of the slide in some [first, last], once and ascending; both ascend, and are multiples."""
    held = first <= last
    first, last = first[held], last[held]
    if not len(first):
        return np.zeros(0, np.int64)
    # Only what reaches beyond the ends of the panes before: each end is made once.
    reach = np.maximum.accumulate(last)
    first[1:] = np.maximum(first[1:], reach[:-1] + slide_ms)
    runs = [
        np.arange(a, b + 1, slide_ms) for a, b in zip(first.tolist(), last.tolist(), strict=True) if a <= b
    ]
    return np.concatenate(runs) if runs else np.zeros(0, np.int64)
