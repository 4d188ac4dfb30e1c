"""Sums of float64 without any rounding: superaccumulators of 32-bit limbs held in int64.

A sum is a vector of limbs; its value is ``sum_i limbs[i] * 2**(32 i + lowest)``. Adding and subtracting
vectors adds and subtracts the sums exactly, in any order and any split. A limb takes 2**29 values before
it could overflow. After Neal, "Fast exact summation using small and large superaccumulators" (2015).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import inf, ldexp, sqrt

import numpy as np
from numpy.typing import NDArray

from driftline.records import Codes32, Floats, Ints

LIMB_BITS = 32
MANTISSA_BITS = 53
_LIMB_MASK = np.uint64((1 << LIMB_BITS) - 1)
_SPLITTER = 134_217_729.0
"""2**27 + 1: halves a 53-bit mantissa (Veltkamp)."""


@dataclass(frozen=True, slots=True)
class Scaled:
    """Numbers ``mantissa * 2**exponent`` with |mantissa| in [1/2, 1) or 0: no overflow, no underflow."""

    mantissa: Floats
    exponent: Codes32

    def __abs__(self) -> Scaled:
        return Scaled(np.abs(self.mantissa), self.exponent)


def scaled(mantissa: Floats, exponent: Codes32 | int = 0) -> Scaled:
    """Any finite float64 times a power of two, normalised."""
    m, e = np.frexp(mantissa)
    return Scaled(m, (e + exponent).astype(np.int32))


def difference(a: Floats, b: Floats) -> Scaled:
    """a - b rounded to 53 bits once, also where float64 would overflow."""
    huge = np.maximum(np.abs(a), np.abs(b)) > 2.0**1022
    half = np.where(huge, 0.5, 1.0)
    return scaled(a * half - b * half, huge.astype(np.int32))


def quotient(a: Scaled, b: Scaled) -> Scaled:
    """a / b rounded to 53 bits; b must not be 0."""
    return scaled(a.mantissa / b.mantissa, a.exponent - b.exponent)


def square(a: Scaled) -> tuple[Scaled, Scaled]:
    """a * a exactly, as two numbers: rounded product and remainder (Dekker's TwoProduct)."""
    m = a.mantissa
    c = _SPLITTER * m
    high = c - (c - m)
    low = m - high
    product = m * m
    rest = ((high * high - product) + 2.0 * high * low) + low * low
    return scaled(product, 2 * a.exponent), scaled(rest, 2 * a.exponent)


@dataclass(frozen=True, slots=True)
class Accumulator:
    """The shape of one sum: ``limbs`` int64, the first of which counts units of ``2**lowest``."""

    lowest: int
    limbs: int

    def add(self, limbs: Ints, numbers: Scaled, sign: Ints) -> None:
        """Add ``sign * numbers`` to the limbs in place; sign is +1 or -1 each."""
        position = numbers.exponent.astype(np.int64) - (MANTISSA_BITS + self.lowest)
        whole = np.ldexp(numbers.mantissa, MANTISSA_BITS).astype(np.int64)
        position[whole == 0] = 0
        factor = np.sign(whole) * sign
        size = np.abs(whole).astype(np.uint64)
        at, shift = position >> 5, (position & 31).astype(np.uint64)
        low, high = (size & _LIMB_MASK) << shift, (size >> np.uint64(LIMB_BITS)) << shift
        _add(limbs, at, low & _LIMB_MASK, factor)
        _add(limbs, at + 1, (low >> np.uint64(LIMB_BITS)) + (high & _LIMB_MASK), factor)
        _add(limbs, at + 2, high >> np.uint64(LIMB_BITS), factor)

    def fraction(self, limbs: Ints) -> Fraction:
        """The sum, exactly."""
        total = sum(int(limbs[i]) << (LIMB_BITS * i) for i in np.flatnonzero(limbs).tolist())
        return Fraction(total, 1 << -self.lowest)

    def value(self, limbs: Ints) -> float:
        """The sum, correctly rounded to float64; ±inf beyond its range."""
        return to_float(self.fraction(limbs))


def _add(limbs: Ints, at: Ints, amount: NDArray[np.uint64], factor: Ints) -> None:
    np.add.at(limbs, at, amount.astype(np.int64) * factor)


NARROW = Accumulator(lowest=-1152, limbs=70)
"""Holds every float64 and every difference of two."""
WIDE = Accumulator(lowest=-2336, limbs=140)
"""Holds exact squares and quotients of those too."""


def to_float(x: Fraction) -> float:
    """Correctly rounded; ±inf beyond float64."""
    try:
        return float(x)
    except OverflowError:
        return inf if x > 0 else -inf


def root(x: Fraction) -> float:
    """Square root of x >= 0 to float64's precision, also where x itself is out of its range."""
    if x == 0:
        return 0.0
    k = (x.numerator.bit_length() - x.denominator.bit_length()) // 2
    try:
        return ldexp(sqrt(float(x / Fraction(4) ** k)), k)
    except OverflowError:
        return inf
