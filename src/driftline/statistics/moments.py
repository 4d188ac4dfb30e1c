"""Mean and deviation from the fixed-point sums of z = (x − center) / scale."""

from __future__ import annotations

import numpy as np

from driftline.aggregates.numeric import SUMS, UNIT
from driftline.records import Floats, Ints

_LIMB = 2.0**32
_RESOLUTION = 2.0**-40


def float_sums(sums: Ints, columns: int) -> Floats:
    """[E, F, SUMS / 2] the sums of z, z² and the tails of the columns, from their limbs [E, S]."""
    limbs = sums[:, : columns * SUMS].reshape(len(sums), columns, SUMS // 2, 2)
    return np.asarray(limbs[..., 0] * (_LIMB / UNIT) + limbs[..., 1] / UNIT)


def z_moments(sums: Floats, n: Ints) -> tuple[Floats, Floats]:
    """Mean and population deviation [E, F] of z.

    A variance below what the fixed point resolves (about 1e-6 reference deviations) is 0.
    """
    mean, square = sums[..., 0] / n, sums[..., 1] / n
    variance = square - mean**2
    noise = _RESOLUTION * (1 + np.abs(mean)) + 4 * np.finfo(np.float64).eps * square
    return mean, np.sqrt(np.where(variance < noise, 0.0, variance))
