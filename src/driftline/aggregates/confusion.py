"""Counts of (true class, predicted class), flat and with room for classes to come."""

from __future__ import annotations

import numpy as np

from driftline.records import Codes32, Ints
from driftline.settings import Task

LEAST_CAPACITY = 4


def capacity_for(task: Task, classes: int, wanted: int = 0) -> int:
    """Room for so many classes: regression none, binary exactly them (at least 2), else a power of two."""
    if task is Task.REGRESSION:
        return 0
    if task is Task.BINARY:
        return max(2, classes)
    need = max(LEAST_CAPACITY, classes, wanted)
    return int(1 << (need - 1).bit_length())


def cells(truth: Codes32, predicted: Codes32, capacity: int) -> Ints:
    """Place of each (true, predicted) in the flat counts; -1 where a code is none or has no room."""
    place = truth.astype(np.int64) * capacity + predicted
    bad = (truth < 0) | (predicted < 0) | (truth >= capacity) | (predicted >= capacity)
    return np.where(bad, -1, place)


def remap(counts: Ints, codes: Ints, capacity: int) -> Ints:
    """Counts [old, old] in a matrix of another capacity; old class i becomes ``codes[i]``."""
    new = np.zeros((capacity, capacity), np.int64)
    k = len(codes)
    new[np.ix_(codes, codes)] = counts[:k, :k]
    return new
