"""What calibration is measured by: the sum of probabilities in each of ten equal bins, beside the score histograms.

The bins are right-closed, (k/10, (k+1)/10], and 0 is in the first. The edges are the float64 nearest to k/10, as
they stand among the histograms' edges, so rows and labels of a bin are sums of whole bins of those.

Panes of earlier state files have no such sums. ``UNCOUNTED`` says how many of a total's rows those lack. It is an
integer like the others, so it enters and leaves a window with its pane, and stays when a label is taken back.
"""

from __future__ import annotations

import numpy as np

from driftline.aggregates.scores import fixed
from driftline.records import Floats, Ints

BINS = 10
INNER = np.arange(1, BINS) / BINS
"""Inner edges."""
UNCOUNTED = BINS
"""Place of the rows that the sums lack; the sums stand before it."""
SIZE = BINS + 1


def bins_of(score: Floats) -> Ints:
    """The bin 0…9 of each probability."""
    return np.searchsorted(INNER, score, side="left")


def add_rows(sums: Ints, score: Floats, sign: Ints) -> None:
    """Add signed rows of usable probabilities to ``sums`` [SIZE] in place, in units of 2**-32."""
    np.add.at(sums, bins_of(score), fixed(score) * sign)


def starts(edges: Floats) -> Ints:
    """The first bin of the histograms in each of the ten; ``edges`` are their right-closed inner edges."""
    return np.concatenate(([0], np.searchsorted(edges, INNER, side="right")))
