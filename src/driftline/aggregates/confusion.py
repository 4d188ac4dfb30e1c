"""Counts of (true class, predicted class), flat and with room for classes to come."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from xxhash import xxh64_intdigest

from driftline.records import Codes32, Ints
from driftline.settings import OTHER, Task

LEAST_CAPACITY = 4
MISTAKEN = "wrong other"
"""What an answer counts as whose label is another class over the limit too: never right."""
_FAR = 1 << 30


def far_code(name: str) -> int:
    """A code in [2^30, 2^31) for a class without one of its own: equal for equal names, in any process.

    Two such classes are taken for one with a probability of 2^-30, and only by the pool that both are in.
    """
    return _FAR | xxh64_intdigest(name.encode()) & (_FAR - 1)


def pooled(truth: Codes32, predicted: Codes32, classes: Sequence[str]) -> tuple[Codes32, Codes32]:
    """Codes (true, predicted) with those of ``OTHER`` for classes that have none of their own.

    A prediction of one of them whose label is another one counts as ``MISTAKEN``.
    """
    if max(truth.max(initial=-1), predicted.max(initial=-1)) < _FAR:
        return truth, predicted
    other, mistaken = (np.int32(classes.index(name)) for name in (OTHER, MISTAKEN))
    label, answer = (np.where(codes < _FAR, codes, other) for codes in (truth, predicted))
    return label, np.where((label == answer) & (truth != predicted), mistaken, answer)


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


def matrix(truth: Codes32, predicted: Codes32, rows: Ints, capacity: int) -> Ints:
    """Flat counts of (true, predicted) codes that occur in so many rows each."""
    counts, places = np.zeros(capacity**2, np.int64), cells(truth, predicted, capacity)
    np.add.at(counts, places[places >= 0], rows[places >= 0])
    return counts


def remap(counts: Ints, codes: Ints, capacity: int) -> Ints:
    """Counts [old, old] in a matrix of another capacity; old class i becomes ``codes[i]``."""
    new = np.zeros((capacity, capacity), np.int64)
    k = len(codes)
    new[np.ix_(codes, codes)] = counts[:k, :k]
    return new
