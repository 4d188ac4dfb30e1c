"""A fixed hash sample of prediction ids: the same ids in every run, on both sides of the join."""

from __future__ import annotations

import numpy as np

from driftline.records import Bools, Words


def sampled(ids: Words, share: float) -> Bools:
    """Ids whose hash falls into the first ``share`` (0..1] of its range."""
    if share >= 1:
        return np.ones(len(ids), np.bool_)
    return ids[:, 0] < np.uint64(int(share * 2**64))
