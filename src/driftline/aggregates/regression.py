"""Exact sums of a regression's errors: sum e, |e|, e^2, y, y^2 and |e/y|, with e = prediction - label.

y is the label minus a fixed center (the reference's mean label) except in e/y. e and y are rounded to
float64 once a row, |e/y| too; squares and all sums are exact.
"""

from __future__ import annotations

import numpy as np

from driftline.aggregates.exact import NARROW, WIDE, Accumulator, difference, quotient, scaled, square
from driftline.records import Floats, Ints

SUMS: tuple[tuple[str, Accumulator], ...] = (
    ("e", NARROW), ("abs_e", NARROW), ("y", NARROW), ("e2", WIDE), ("y2", WIDE), ("ratio", WIDE),
)  # fmt: skip
"""The sums in the order of their limbs."""
LIMBS = sum(accumulator.limbs for _, accumulator in SUMS)


def slices() -> dict[str, tuple[slice, Accumulator]]:
    """Where each sum's limbs stand."""
    found, at = {}, 0
    for name, accumulator in SUMS:
        found[name] = (slice(at, at + accumulator.limbs), accumulator)
        at += accumulator.limbs
    return found


def add_rows(limbs: Ints, predicted: Floats, truth: Floats, sign: Ints, center: float) -> None:
    """Add signed rows of finite numbers to ``limbs`` [LIMBS] in place."""
    e, y = difference(predicted, truth), difference(truth, np.full_like(truth, center))
    nonzero = truth != 0.0
    e_of = scaled(e.mantissa[nonzero], e.exponent[nonzero])
    ratio = abs(quotient(e_of, scaled(truth[nonzero])))
    numbers = {"e": (e,), "abs_e": (abs(e),), "y": (y,), "e2": square(e), "y2": square(y), "ratio": (ratio,)}
    for name, (place, accumulator) in slices().items():
        for terms in numbers[name]:
            accumulator.add(limbs[place], terms, sign[nonzero] if name == "ratio" else sign)
