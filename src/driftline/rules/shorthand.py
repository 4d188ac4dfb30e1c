"""A series of samples as people write it: ``"0.95x10 0.95-0.01x5 _x3 . 0.9"``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from math import inf, nan

MOST = 100_000
"""Samples in one series: more is a slip of the keyboard."""
_NUMBER = r"\d+(?:\.\d+)?(?:e[+-]?\d+)?"
_WORD = re.compile(rf"(_|\.|-?{_NUMBER})(?:([+-]{_NUMBER})?x(\d+))?")
_RIGHT = 'write a number, _ or ., xN to repeat it, as "0.91x48", or a step between, as "0.95-0.01x5"'


def values(written: object) -> tuple[float | None, ...]:
    """The samples: a number, NaN for ``_`` (too little data), None for ``.`` (nothing was judged).

    ``0.91x48`` is 48 times 0.91, ``0.95-0.01x3`` is 0.95 0.94 0.93: N is how many there are. A list has the
    same entries one by one, with ``null`` for too little data.

    Raises
    ------
    ValueError
        Anything else, with what would be right.
    """
    if isinstance(written, str):
        words = written.split()
    elif isinstance(written, list):
        words = ["_" if word is None else str(word) for word in written]
    else:
        words = [str(written)]
    found: list[float | None] = []
    for word in words:
        found += _word(word, MOST - len(found))
    if not found:
        raise ValueError(f"no sample at all; {_RIGHT}")
    return tuple(found)


def _word(word: str, room: int) -> Iterator[float | None]:
    match = _WORD.fullmatch(word)
    if match is None or (match[1] in "_." and match[2]):
        raise ValueError(f'"{word}" is no sample; {_RIGHT}')
    count = int(match[3] or 1)
    if not 0 < count <= room:
        raise ValueError(f'"{word}" makes a series of none, or of more than {MOST} samples')
    if match[1] in "_.":
        return iter([{"_": nan, ".": None}[match[1]]] * count)
    return iter(_ramp(word, Decimal(match[1]), Decimal(match[2] or 0), count))


def _ramp(word: str, first: Decimal, step: Decimal, count: int) -> list[float]:
    """In decimals, so that 0.95 - 3 · 0.01 is 0.92 and not a little less."""
    made = [float(first + step * k) for k in range(count)]
    if inf in map(abs, made):
        raise ValueError(f'"{word}" is beyond what a number can hold')
    return made
