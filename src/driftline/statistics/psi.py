"""Population stability index: Σ (q − p) ln(q / p), an empty share taken as 1e-4, without renormalising.

The convention of feature_engine's ``equal_frequency``. Range 0 to infinity; NaN where either side is empty.
"""

from __future__ import annotations

import numpy as np

from driftline.records import Floats
from driftline.statistics.shares import Shares

EMPTY_SHARE = 1e-4


def psi(shares: Shares) -> Floats:
    """PSI [E, K] of each column; each unknown value is a category whose reference share is empty."""
    p, q = _filled(shares.p), _filled(shares.q)
    unknown = shares.q_unknown
    return shares.total((q - p) * np.log(q / p), (unknown - EMPTY_SHARE) * np.log(unknown / EMPTY_SHARE))


def _filled(share: Floats) -> Floats:
    return np.where(share == 0, EMPTY_SHARE, share)
