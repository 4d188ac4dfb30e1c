"""Exact sums of a regression's errors: sum e, |e|, e^2, y, y^2, |e/y| and e^4, with e = prediction - label.

y is the label minus a fixed center (the reference's mean label) except in e/y. e and y are rounded to
float64 once a row, |e/y| and e^4 too; squares and all sums are exact. e^4 is for the uncertainty of RMSE:
it is counted as at most 2^1000, and as 0 below 2^-1000.
"""

from __future__ import annotations

import numpy as np

from driftline.aggregates.exact import NARROW, WIDE, Accumulator, Scaled, difference, quotient, scaled, square
from driftline.records import Floats, Ints

SUMS: tuple[tuple[str, Accumulator], ...] = (
    ("e", NARROW), ("abs_e", NARROW), ("y", NARROW), ("e2", WIDE), ("y2", WIDE), ("ratio", WIDE), ("e4", NARROW),
)  # fmt: skip
"""The sums in the order of their limbs."""
_MOST = 1000
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
    numbers = {
        "e": (e,), "abs_e": (abs(e),), "y": (y,), "e2": square(e), "y2": square(y), "ratio": (ratio,), "e4": (_fourth(e),),
    }  # fmt: skip
    for name, (place, accumulator) in slices().items():
        for terms in numbers[name]:
            accumulator.add(limbs[place], terms, sign[nonzero] if name == "ratio" else sign)


def completed(limbs: Ints, n: int) -> Ints:
    """Sums that were kept before e^4 was: it is taken as of normal errors, 3 (sum e^2)^2 / n."""
    full = np.zeros(LIMBS, np.int64)
    full[: len(limbs)] = limbs
    places = slices()
    place, accumulator = places["e2"]
    if n > 0 and len(limbs) < LIMBS:
        squares = scaled(np.array([accumulator.value(full[place])]))
        mantissa, exponent = 3 * np.square(squares.mantissa) / n, 2 * squares.exponent
        kept = np.where(np.abs(exponent) > _MOST, 0.0, mantissa)
        place, accumulator = places["e4"]
        accumulator.add(full[place], scaled(kept, np.clip(exponent, -_MOST, _MOST)), np.ones(1, np.int64))
    return full


def _fourth(e: Scaled) -> Scaled:
    power = 4 * e.exponent
    mantissa = np.where(power < -_MOST, 0.0, np.square(np.square(e.mantissa)))
    return scaled(mantissa, np.clip(power, -_MOST, _MOST))
