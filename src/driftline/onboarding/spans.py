"""The time that data covers, and rows whose times are far from all others."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from driftline.instants import rfc3339
from driftline.records import Ints
from driftline.settings import DAY_MS, duration_text

_MIDDLE = (0.01, 0.99)
_STRAY = 2
"""Times that make the whole so many times longer than its middle are strays."""


def span_of(times: Ints) -> tuple[int, int]:
    """First and last event time."""
    return int(times.min()), int(times.max())


def usual_length_ms(times: Ints) -> int:
    """How long the data is, without the hundredth at either end where that holds strays; a millisecond at least."""
    first, last = span_of(times)
    low, high = np.quantile(times, _MIDDLE)
    usual = int((high - low) / (_MIDDLE[1] - _MIDDLE[0]))
    return max(1, usual if 0 < usual * _STRAY < last - first else last - first)


def doubts(times: Ints, now_ms: int) -> Iterator[str]:
    """What is strange about those that the model was validated on."""
    yield from _ahead(times, now_ms)
    for far in _far(times):
        yield f"{far}: windows are chosen for those"


def production_doubts(times: Ints, now_ms: int) -> Iterator[str]:
    """The same of production's: windows are not chosen by them, but a replay is made of them."""
    for strange in (*_ahead(times, now_ms), *_far(times)):
        yield f"production: {strange}"


def _ahead(times: Ints, now_ms: int) -> Iterator[str]:
    last = span_of(times)[1]
    if ahead := int((times > now_ms + DAY_MS).sum()):
        yield f"{ahead} of {len(times)} rows are ahead of now, up to {rfc3339(last)}: a daemon takes none of them"


def _far(times: Ints) -> Iterator[str]:
    first, last = span_of(times)
    usual = usual_length_ms(times)
    if usual < last - first:
        days = duration_text(max(1, round(usual / DAY_MS)) * DAY_MS)
        stretch = f"times go from {rfc3339(first)} to {rfc3339(last)}"
        yield f"{stretch}, and all but a few lie within {days}"
